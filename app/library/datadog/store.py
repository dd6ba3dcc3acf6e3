"""Saved widgets, as the Datadog dialect stores them: by experience type, each with its definition.

Implements the section "Datadog saved widgets" of the library's contract. A widget that is deleted
stays in its table, and is never answered.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    delete,
    insert as sql_insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from app.database.columns import folded, to_milliseconds
from app.database.queries import SECONDS, Query, QueryTooSlow, querying
from app.database.store import Store
from app.database.upsert import insert
from app.errors import InvalidInput, NotFound
from app.library.core.callers import Caller, Person
from app.library.core.models import FavoriteRow, SavedWidgetRow, UserRow
from app.library.core.tokens import utc_now
from app.library.datadog.search import (
    SearchFilter,
    SearchPage,
    Totals,
    alive,
    marked_by,
    matching,
    ordered_by,
    totals,
)


@dataclass(frozen=True, slots=True)
class SavedWidgetDraft:
    """What a caller gives of a saved widget: `definition` is stored and echoed as it is."""

    definition: Mapping[str, Any]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedWidget:
    """A saved widget, as one caller sees it: `is_favorited` is the caller's own mark."""

    id: UUID
    experience_type: str
    definition: Mapping[str, Any]
    tags: tuple[str, ...]
    is_favorited: bool
    created_at: datetime
    created_by: Person
    modified_at: datetime
    modified_by: Person


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of what a search found, which is read once, and how many widgets there are.

    Beside each widget, which has an empty definition, is its definition as JSON.
    """

    widgets: Iterator[tuple[SavedWidget, str]]
    totals: Totals


class SavedWidgets:
    def __init__(self, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def create(self, caller: Caller, experience_type: str, draft: SavedWidgetDraft) -> SavedWidget:
        """Store a new widget; the caller is its creator."""
        now = to_milliseconds(self._now())
        widget = SavedWidget(
            id=uuid.uuid4(),
            experience_type=experience_type,
            definition=draft.definition,
            tags=draft.tags,
            is_favorited=False,
            created_at=now,
            created_by=caller.person,
            modified_at=now,
            modified_by=caller.person,
        )
        columns = {
            "id": widget.id,
            "experience_type": experience_type,
            "created_at": now,
            "created_by_id": caller.person.id,
            "modified_at": now,
            "modified_by_id": caller.person.id,
        }
        self._store.add(_ADDED, columns | columns_of(draft))
        return widget

    def get(self, caller: Caller, experience_type: str, widget_id: UUID) -> SavedWidget:
        """Return a widget; raises NotFound where there is none, or it is deleted."""
        row = self._store.find(_ONE, _the(caller, experience_type, widget_id))
        return _found(row, widget_id, experience_type)

    @contextmanager
    def search(
        self, caller: Caller, experience_type: str, search: SearchFilter, page: SearchPage
    ) -> Iterator[SearchResult]:
        """Yield a page of the widgets that meet a filter, to be read in the block.

        Raises InvalidInput where the database takes too long.
        """
        user = caller.person.id
        with self._store.reading() as session, _bounded(session) as query:
            found = matching(session, query, search, experience_type, user)
            totalled = totals(query, found, search, experience_type, user)
            order = ordered_by(page, user)
            # Of the widgets before the page, an index knows all that there is to know.
            ids = (
                select(_WIDGET.c.id).where(found.condition).order_by(*order)
                .limit(page.size).offset(page.number * page.size).subquery()
            )  # fmt: skip
            # As text: it need not be parsed to be answered.
            definition = type_coerce(_WIDGET.c.definition, Text)
            statement = (
                selected(definition, marked_by(user))
                .join(ids, ids.c.id == _WIDGET.c.id)
                .order_by(*order)
            )
            rows = ((to_saved_widget(row, {}), row.definition) for row in query.rows(statement))
            yield SearchResult(rows, totalled)

    def replace(
        self, caller: Caller, experience_type: str, widget_id: UUID, draft: SavedWidgetDraft
    ) -> SavedWidget:
        """Replace a widget's definition and tags by those of a draft; raises NotFound."""
        values = {"modified_at": to_milliseconds(self._now()), "modified_by_id": caller.person.id}
        with self._store.writing() as session:
            _update(session, experience_type, widget_id, **values, **columns_of(draft))
            row = session.execute(_ONE, _the(caller, experience_type, widget_id)).one_or_none()
        return _found(row, widget_id, experience_type)

    def delete(self, caller: Caller, experience_type: str, widget_id: UUID) -> None:
        """Mark a widget as deleted, with the time and the user; raises NotFound."""
        values = {"deleted_at": to_milliseconds(self._now()), "deleted_by_id": caller.person.id}
        with self._store.writing() as session:
            _update(session, experience_type, widget_id, **values)

    def mark(self, caller: Caller, widget_id: UUID) -> None:
        """Add a widget to the caller's favourites, unless it is there; raises NotFound."""
        values = {
            "user_id": caller.person.id,
            "widget_id": widget_id,
            "created_at": to_milliseconds(self._now()),
        }
        with self._store.writing() as session:
            _require(session, caller, widget_id)
            session.execute(insert(session, FavoriteRow).values(values).on_conflict_do_nothing())

    def unmark(self, caller: Caller, widget_id: UUID) -> None:
        """Remove a widget from the caller's favourites, if it is there; raises NotFound."""
        gone = delete(FavoriteRow).where(
            FavoriteRow.user_id == caller.person.id, FavoriteRow.widget_id == widget_id
        )
        with self._store.writing() as session:
            _require(session, caller, widget_id)
            session.execute(gone)


def columns_of(draft: SavedWidgetDraft) -> dict[str, Any]:
    title = draft.definition["title"]
    return {
        "title": title,
        "title_folded": folded(title),
        "widget_type": draft.definition["type"],
        "definition": dict(draft.definition),
        "tags": list(draft.tags),
    }


def _update(session: Session, experience_type: str, widget_id: UUID, **values: Any) -> None:
    is_widget = (SavedWidgetRow.id == widget_id, alive(experience_type))
    statement = update(SavedWidgetRow).where(*is_widget).values(values)
    if session.scalars(statement.returning(SavedWidgetRow.id)).one_or_none() is None:
        raise _missing(widget_id, experience_type)


_WIDGET: Final = SavedWidgetRow.__table__
_CREATOR: Final = UserRow.__table__.alias("creator")
_EDITOR: Final = UserRow.__table__.alias("editor")


def selected(definition: ColumnElement[Any], mark: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Select widgets with the people whom they name."""
    row, creator, editor = _WIDGET.c, _CREATOR.c, _EDITOR.c
    columns = (row.id, row.experience_type, row.tags, row.created_at, row.modified_at)
    people = [
        person[part].label(f"{who}_{part}")
        for who, person in (("creator", creator), ("editor", editor))
        for part in ("id", "handle", "name")
    ]
    named = (definition.label("definition"), mark.label("is_favorited"))
    return (
        select(*columns, *people, *named)
        .select_from(_WIDGET)
        .join(_CREATOR, creator.id == row.created_by_id)
        .join(_EDITOR, editor.id == row.modified_by_id)
    )


# Made once: to write a statement takes longer than to run one.
_ADDED: Final = sql_insert(SavedWidgetRow)
_ONE: Final = selected(_WIDGET.c.definition, marked_by(bindparam("user"))).where(
    _WIDGET.c.id == bindparam("id"),
    _WIDGET.c.experience_type == bindparam("experience_type"),
    _WIDGET.c.deleted_at.is_(None),
)


def _the(caller: Caller, experience_type: str, widget_id: UUID) -> dict[str, Any]:
    return {"id": widget_id, "experience_type": experience_type, "user": caller.person.id}


def _found(row: Any, widget_id: UUID, experience_type: str) -> SavedWidget:
    if row is None:
        raise _missing(widget_id, experience_type)
    return to_saved_widget(row, row.definition)


def _require(session: Session, caller: Caller, widget_id: UUID) -> None:
    kind = select(SavedWidgetRow.experience_type).where(
        SavedWidgetRow.id == widget_id, SavedWidgetRow.deleted_at.is_(None)
    )
    found = session.scalar(kind)
    if found is None or not caller.reaches_experience(found):
        raise NotFound(sentence=f"There is no widget {widget_id}.")


def _missing(widget_id: UUID, experience_type: str) -> NotFound:
    return NotFound(sentence=f"There is no widget {widget_id} among the {experience_type}.")


@contextmanager
def _bounded(session: Session) -> Iterator[Query]:
    try:
        with querying(session) as query:
            yield query
    except QueryTooSlow:
        raise InvalidInput(
            f"takes more than {SECONDS:g} s: narrow the search", where="filter"
        ) from None


def to_saved_widget(row: Any, definition: Mapping[str, Any]) -> SavedWidget:
    """Return the widget of a row of `selected`."""
    return SavedWidget(
        id=row.id,
        experience_type=row.experience_type,
        definition=definition,
        tags=tuple(row.tags),
        is_favorited=row.is_favorited,
        created_at=row.created_at,
        created_by=Person(row.creator_id, row.creator_handle, row.creator_name),
        modified_at=row.modified_at,
        modified_by=Person(row.editor_id, row.editor_handle, row.editor_name),
    )
