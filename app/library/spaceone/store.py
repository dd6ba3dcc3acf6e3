"""Custom widgets, as the SpaceONE dialect stores them: by domain, searched by its queries.

Implements the section "SpaceONE custom widgets" of the library's contract.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, load_only

from app.errors import NotFound
from app.library.core.callers import Caller
from app.library.core.columns import canonical, to_json, to_milliseconds
from app.library.core.models import DOCUMENTS, CustomWidgetRow
from app.library.core.store import Store
from app.library.core.tokens import utc_now
from app.library.spaceone.query.ast import Listing, Order, Page, Statistics
from app.library.spaceone.query.filters import Filters
from app.library.spaceone.query.json_backend import JsonSql
from app.library.spaceone.query.json_postgresql import PostgresqlJson
from app.library.spaceone.query.json_sqlite import SqliteJson
from app.library.spaceone.query.keys import JsonPath, node_at, resolve_key, root_of
from app.library.spaceone.query.limits import LARGEST_RESULT, MOST_ORDERS, bounded, query_error
from app.library.spaceone.query.pipeline import distinct_rows, pipeline
from app.library.spaceone.query.stages import NamedValue, Rows, ordering
from app.library.spaceone.records import (
    CustomWidget,
    CustomWidgetChange,
    CustomWidgetDraft,
    ListingResult,
    Results,
)

VERSION: Final = "v1"
PREFIX: Final = "custom-widget-"
ID_BYTES: Final = 6
_DIALECTS: Final[Mapping[str, Callable[[], JsonSql]]] = {
    "sqlite": SqliteJson,
    "postgresql": PostgresqlJson,
}
_AT_ONCE: Final = 200


class CustomWidgets:
    """The custom widgets of a store."""

    def __init__(self, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now
        self._json = _DIALECTS[store.dialect]()

    def create(self, caller: Caller, draft: CustomWidgetDraft) -> CustomWidget:
        """Store a new widget, which is the caller's; raises Forbidden for another domain."""
        caller.require_domain(draft.domain_id)
        now = to_milliseconds(self._now())
        widget = CustomWidget(
            id=new_id(),
            domain_id=draft.domain_id,
            widget_name=draft.widget_name,
            title=draft.title,
            version=draft.version,
            document=draft.document,
            user_id=caller.subject,
            created_at=now,
            updated_at=now,
        )
        with self._store.writing() as session:
            row = _row_of(widget)
            session.add(row)
            session.flush()
            return _to_widget(row)

    def get(self, caller: Caller, domain_id: str, widget_id: str) -> CustomWidget:
        """Return a widget; raises NotFound where the domain has none of that id."""
        caller.require_domain(domain_id)
        with self._store.reading() as session:
            return _to_widget(_row(session, domain_id, widget_id))

    def update(
        self, caller: Caller, domain_id: str, widget_id: str, change: CustomWidgetChange
    ) -> CustomWidget:
        """Change what is given; `settings` is merged at its top level, the others are replaced."""
        caller.require_domain(domain_id)
        with self._store.writing() as session:
            row = _row(session, domain_id, widget_id, locked=True)
            if change.title is not None:
                row.title = change.title
            row.document = _changed(row.document, change.document)
            row.updated_at = to_milliseconds(self._now())
            session.flush()
            return _to_widget(row)

    def delete(self, caller: Caller, domain_id: str, widget_id: str) -> None:
        """Delete a widget; raises NotFound where the domain has none of that id."""
        caller.require_domain(domain_id)
        with self._store.writing() as session:
            gone = session.execute(
                delete(CustomWidgetRow)
                .where(CustomWidgetRow.id == widget_id, CustomWidgetRow.domain_id == domain_id)
                .returning(CustomWidgetRow.id)
            )
            if gone.one_or_none() is None:
                raise _missing(widget_id)

    def find(self, caller: Caller, listing: Listing) -> ListingResult:
        """Find widgets; raises InvalidInput where the query cannot be run."""
        caller.require_domain(listing.search.domain_id)
        statement, with_document = self._select(listing), _shows_documents(listing)
        test = self._filters().search(listing.search)
        count = select(func.count()).select_from(CustomWidgetRow).where(test)
        with self._store.reading() as session, bounded(session):
            total = session.scalar(count) or 0
            rows = () if listing.count_only else session.scalars(statement.where(test)).all()
            widgets = tuple(_to_widget(row, with_document=with_document) for row in rows)
            return ListingResult(widgets, total)

    def statistics(self, caller: Caller, query: Statistics) -> Results:
        """Compute statistics; raises InvalidInput where the query cannot be run."""
        caller.require_domain(query.search.domain_id)
        filters = self._filters()
        test = filters.search(query.search)
        if query.distinct is not None:
            rows = distinct_rows(query.distinct, test, self._json)
        else:
            rows = pipeline(query.stages, test, self._json, filters)
        with self._store.reading() as session, bounded(session):
            total = _total(session, rows) if query.page.limit else None
            values = self._values(session, rows, query.page)
            if query.distinct is not None:
                values = [value["value"] for value in values]
            return Results(tuple(values), total)

    def all(self) -> Iterator[CustomWidget]:
        """Yield the widgets of all domains by id, as they are at one moment, a few at a time."""
        every = select(CustomWidgetRow).order_by(CustomWidgetRow.id)
        with self._store.snapshot() as session:
            for row in session.scalars(every.execution_options(yield_per=_AT_ONCE)):
                yield _to_widget(row)

    def _filters(self) -> Filters:
        return Filters(self._json, self._now())

    def _select(self, listing: Listing) -> Select[CustomWidgetRow]:
        for key in listing.only or ():
            root_of(key, "query.only")
        orders = listing.orders or (Order("title", descending=False, where="query.sort"),)
        if len(orders) > MOST_ORDERS:
            raise query_error(f"has more than {MOST_ORDERS} keys", "query.sort")
        terms = [term for order in orders for term in self._ordering(order)]
        statement = select(CustomWidgetRow).order_by(*terms, CustomWidgetRow.id)
        if not _shows_documents(listing):
            columns = (getattr(CustomWidgetRow, name) for name in _PLAIN_COLUMNS)
            statement = statement.options(load_only(*columns, raiseload=True))
        if listing.page.limit:
            statement = statement.limit(listing.page.limit).offset(listing.page.start - 1)
        return statement

    def _ordering(self, order: Order) -> Sequence[ColumnElement[Any]]:
        target = resolve_key(order.key, order.where, self._json)
        if isinstance(target, JsonPath):
            node = node_at(target.root, target.steps, self._json)
            return ordering(node, self._json, descending=order.descending)
        return [target.column.desc() if order.descending else target.column.asc()]

    def _values(self, session: Session, rows: Rows, page: Page) -> list[dict[str, Any]]:
        written = [self._json.to_json_text(value.node) for value in rows.columns.values()]
        statement = select(*written).select_from(rows.source).order_by(rows.position)
        if page.limit:
            statement = statement.limit(page.limit).offset(page.start - 1)
        values, size = [], 0
        for row in session.execute(statement):
            size += sum(len(text) for text in row if text is not None)
            if size > LARGEST_RESULT:
                raise query_error(f"comes to more than {LARGEST_RESULT} characters", "query")
            named = zip(rows.columns.items(), row, strict=True)
            values.append({name: _read(text, value) for (name, value), text in named})
        return values


_PLAIN_COLUMNS: Final = tuple(f.name for f in fields(CustomWidget) if f.name != "document")


def restore(session: Session, widget: CustomWidget) -> bool:
    """Store a widget that was exported, as it was; False where its id is taken already."""
    if session.get(CustomWidgetRow, widget.id) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(_row_of(widget))
    except IntegrityError:  # another request stored it meanwhile
        return False
    return True


def new_id() -> str:
    """Make a new id: 48 random bits."""
    return PREFIX + secrets.token_hex(ID_BYTES)


def _row_of(widget: CustomWidget) -> CustomWidgetRow:
    values = {name: getattr(widget, name) for name in _PLAIN_COLUMNS}
    return CustomWidgetRow(**values, document=_full_document(widget.document or {}))


def _row(
    session: Session, domain_id: str, widget_id: str, *, locked: bool = False
) -> CustomWidgetRow:
    statement = select(CustomWidgetRow).where(
        CustomWidgetRow.id == widget_id, CustomWidgetRow.domain_id == domain_id
    )
    row = session.scalars(statement.with_for_update() if locked else statement).one_or_none()
    if row is None:
        raise _missing(widget_id)
    return row


def _missing(widget_id: str) -> NotFound:
    return NotFound(sentence=f"There is no custom widget {widget_id} in this domain.")


def _full_document(given: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {name: [] if name == "labels" else {} for name in DOCUMENTS}
    return {**empty, **given}


def _changed(document: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    changed = {**document, **given}
    if "settings" in given:
        changed["settings"] = {**document["settings"], **given["settings"]}
    return changed


def _shows_documents(listing: Listing) -> bool:
    """Tell whether a listing shows one of the documents."""
    if listing.only is None:
        return True
    return any(root_of(key, "query.only") in DOCUMENTS for key in listing.only)


def _total(session: Session, rows: Rows) -> int:
    return session.scalar(select(func.count()).select_from(rows.source)) or 0


def _read(text: str | None, named: NamedValue) -> Any:
    """Read a value of an answer; the elements of a set are put in an order."""
    value: Any = None if text is None else canonical(json.loads(text))
    return sorted(value, key=to_json) if named.unordered else value


def _to_widget(row: CustomWidgetRow, *, with_document: bool = True) -> CustomWidget:
    values = {name: getattr(row, name) for name in _PLAIN_COLUMNS}
    return CustomWidget(**values, document=row.document if with_document else None)
