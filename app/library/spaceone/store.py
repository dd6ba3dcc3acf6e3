"""Custom widgets, as the SpaceONE dialect stores them: by domain, searched by its queries.

Implements the section "SpaceONE custom widgets" of the library's contract.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, case, delete, func, select, type_coerce
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.columns import to_milliseconds
from app.database.queries import SECONDS, Query
from app.database.store import Store
from app.errors import NotFound
from app.library.core.callers import Caller
from app.library.core.models import DOCUMENTS, CustomWidgetRow
from app.library.core.tokens import utc_now
from app.library.spaceone.query.ast import Listing, Order, Page, Selection, Sort, Statistics, Unwind
from app.library.spaceone.query.filters import Filters
from app.library.spaceone.query.json_backend import JsonSql, Test
from app.library.spaceone.query.json_postgresql import PostgresqlJson
from app.library.spaceone.query.json_sqlite import SqliteJson
from app.library.spaceone.query.keys import JsonPath, node_at, resolve_key, root_of
from app.library.spaceone.query.limits import LARGEST_ROW, MOST_ORDERS, bounded, query_error
from app.library.spaceone.query.narrowing import kept_total, narrow
from app.library.spaceone.query.pipeline import distinct_rows, pipeline
from app.library.spaceone.query.stages import Rows, sorting
from app.library.spaceone.records import (
    CustomWidget,
    CustomWidgetChange,
    CustomWidgetDraft,
    ListingResult,
    Results,
)
from app.library.spaceone.results import write_object, write_value
from app.library.spaceone.rows import (
    ADDED,
    ONE,
    PLAIN_COLUMNS,
    changed,
    columns_of,
    full_document,
    read_widget,
    row_of,
    to_widget,
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
    """The custom widgets of a store; a query of theirs has so many seconds in the database."""

    def __init__(
        self, store: Store, now: Callable[[], datetime] = utc_now, seconds: float = SECONDS
    ) -> None:
        self._store = store
        self._seconds = seconds
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
            document=full_document(draft.document),
            user_id=caller.subject,
            created_at=now,
            updated_at=now,
        )
        self._store.add(ADDED, columns_of(widget))
        return widget

    def get(self, caller: Caller, domain_id: str, widget_id: str) -> CustomWidget:
        """Return a widget; raises NotFound where the domain has none of that id."""
        caller.require_domain(domain_id)
        row = self._store.find(ONE, {"id": widget_id, "domain_id": domain_id})
        if row is None:
            raise _missing(widget_id)
        return CustomWidget(*row)

    def update(
        self, caller: Caller, domain_id: str, widget_id: str, change: CustomWidgetChange
    ) -> CustomWidget:
        """Change what is given; `settings` is merged at its top level, the others are replaced."""
        caller.require_domain(domain_id)
        with self._store.writing() as session:
            row = _locked_row(session, domain_id, widget_id)
            if change.title is not None:
                row.title = change.title
            row.document = changed(row.document, change.document)
            row.updated_at = to_milliseconds(self._now())
            session.flush()
            return to_widget(row)

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

    @contextmanager
    def find(self, caller: Caller, listing: Listing) -> Iterator[ListingResult]:
        """Yield what a query finds, to be read in the block.

        Raises InvalidInput where the query cannot be run.
        """
        caller.require_domain(listing.search.domain_id)
        with self._store.reading() as session, bounded(session, self._seconds) as query:
            test = self._test(query, self._filters(), listing.search)
            statement = self._select(listing, test)
            kept = kept_total(listing.search)
            count = select(func.count()).select_from(CustomWidgetRow).where(test)
            total = query.scalar(count if kept is None else select(kept)) or 0
            rows = iter(()) if listing.count_only else query.rows(statement)
            yield ListingResult(map(read_widget, rows), total)

    @contextmanager
    def find_unwound(self, caller: Caller, unwind: Unwind, listing: Listing) -> Iterator[Results]:
        """Yield what a query finds, a widget for each element of a list, as `find` does."""
        caller.require_domain(listing.search.domain_id)
        filters = self._filters()
        stages = (unwind, Sort(_orders(listing), "query.sort"))
        with self._running() as running:
            test = self._test(running, filters, listing.search)
            rows = pipeline(stages, test, self._json, filters)
            total = running.scalar(_count(rows)) or 0
            found = running.rows(self._values(rows, listing.page))
            written = iter(()) if listing.count_only else map(partial(write_object, rows), found)
            yield Results(written, total)

    @contextmanager
    def statistics(self, caller: Caller, query: Statistics) -> Iterator[Results]:
        """Yield statistics, to be read in the block.

        Raises InvalidInput where the query cannot be run.
        """
        caller.require_domain(query.search.domain_id)
        filters = self._filters()
        with self._running() as running:
            test = self._test(running, filters, query.search)
            if query.distinct is not None:
                rows = distinct_rows(query.distinct, test, self._json)
            else:
                rows = pipeline(query.stages, test, self._json, filters)
            write = write_value if query.distinct is not None else partial(write_object, rows)
            total = running.scalar(_count(rows)) if query.page.limit else None
            found = running.rows(self._values(rows, query.page))
            yield Results(map(write, found), total)

    def all(self) -> Iterator[CustomWidget]:
        """Yield the widgets of all domains by id, as they are at one moment, a few at a time."""
        every = select(CustomWidgetRow).order_by(CustomWidgetRow.id)
        with self._store.snapshot() as session:
            for row in session.scalars(every.execution_options(yield_per=_AT_ONCE)):
                yield to_widget(row)

    @contextmanager
    def _running(self) -> Iterator[Query]:
        with (
            self._store.reading() as session,
            bounded(session, self._seconds, LARGEST_ROW) as running,
        ):
            yield running

    def _filters(self) -> Filters:
        return Filters(self._json, self._now())

    def _test(self, query: Query, filters: Filters, search: Selection) -> Test:
        """Test what is searched for, on SQLite among the few that its index finds."""
        test = filters.search(search)
        ids = narrow(query, search) if self._store.dialect == "sqlite" else None
        return test if ids is None else filters.search(search, ids)

    def _select(self, listing: Listing, test: Test) -> Select[Any]:
        terms = [term for order in _orders(listing) for term in self._ordering(order)]
        terms.append(CustomWidgetRow.id.expression)
        columns = [getattr(CustomWidgetRow, name) for name in PLAIN_COLUMNS]
        if _shows_documents(listing):
            # As text: it need not be parsed to be answered.
            columns.append(type_coerce(CustomWidgetRow.document, Text).label("document"))
        statement: Select[Any] = select(*columns).order_by(*terms)
        if not listing.page.limit:
            return statement.where(test)
        # Of the widgets before the page, an index knows all that there is to know.
        ids = select(CustomWidgetRow.id).where(test).order_by(*terms)
        page = ids.limit(listing.page.limit).offset(listing.page.start - 1).subquery()
        return statement.join(page, page.c.id == CustomWidgetRow.id)

    def _ordering(self, order: Order) -> Sequence[ColumnElement[Any]]:
        target = resolve_key(order.key, order.where, self._json)
        if isinstance(target, JsonPath):
            node = node_at(target.root, target.steps, self._json)
            return sorting(node, self._json, descending=order.descending)
        return [target.column.desc() if order.descending else target.column.asc()]

    def _values(self, rows: Rows, page: Page) -> Select[*tuple[Any, ...]]:
        written = [self._json.to_json_text(value.node) for value in rows.columns.values()]
        size = self._json.size_of(written)
        values = [case((size <= LARGEST_ROW, value)) for value in written]
        statement: Select[*tuple[Any, ...]] = select(size, *values).select_from(rows.source)
        statement = statement.order_by(rows.position)
        if page.limit:
            statement = statement.limit(page.limit).offset(page.start - 1)
        return statement


def _orders(listing: Listing) -> tuple[Order, ...]:
    orders = listing.orders or (Order("title", descending=False, where="query.sort"),)
    if len(orders) > MOST_ORDERS:
        raise query_error(f"has more than {MOST_ORDERS} keys", "query.sort")
    return orders


def restore(session: Session, widget: CustomWidget) -> bool:
    """Store a widget that was exported, as it was; False where its id is taken already."""
    if session.get(CustomWidgetRow, widget.id) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(row_of(widget))
    except IntegrityError:  # another request stored it meanwhile
        return False
    return True


def new_id() -> str:
    """Make a new id: 48 random bits."""
    return PREFIX + secrets.token_hex(ID_BYTES)


def _locked_row(session: Session, domain_id: str, widget_id: str) -> CustomWidgetRow:
    statement = select(CustomWidgetRow).where(
        CustomWidgetRow.id == widget_id, CustomWidgetRow.domain_id == domain_id
    )
    row = session.scalars(statement.with_for_update()).one_or_none()
    if row is None:
        raise _missing(widget_id)
    return row


def _missing(widget_id: str) -> NotFound:
    return NotFound(sentence=f"There is no custom widget {widget_id} in this domain.")


def _shows_documents(listing: Listing) -> bool:
    """Tell whether a listing shows one of the documents."""
    if listing.only is None:
        return True
    return any(root_of(key, "query.only") in DOCUMENTS for key in listing.only)


def _count(rows: Rows) -> Select[Any]:
    return select(func.count()).select_from(rows.source)
