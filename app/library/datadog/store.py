"""Saved widgets, as the Datadog dialect keeps them: by experience type, each with its definition.

Implements the section "Datadog saved widgets" of the library's contract. What is deleted is kept,
and answered to nobody.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.library.core.callers import Caller, Person
from app.library.core.columns import folded, to_the_millisecond
from app.library.core.models import FavoriteRow, SavedWidgetRow
from app.library.core.store import Store
from app.library.core.tokens import utc_now
from app.library.core.upsert import insert
from app.library.core.users import known_user, person_of
from app.library.datadog.search import (
    Filter,
    Page,
    Totals,
    alive,
    marked_by,
    matching,
    ordered_by,
    totals,
)


@dataclass(frozen=True, slots=True)
class WidgetDraft:
    """What a caller gives of a saved widget: `definition` is kept and echoed as it is."""

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
class Found:
    """A page of what a search found, and how much there is."""

    widgets: tuple[SavedWidget, ...]
    totals: Totals


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a widget that comes from elsewhere, and when; a user is a handle and a name."""

    created_at: datetime
    created_by: tuple[str, str]
    modified_at: datetime
    modified_by: tuple[str, str]


class SavedWidgets:
    """The saved widgets of a store."""

    def __init__(self, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def create(self, caller: Caller, experience_type: str, draft: WidgetDraft) -> SavedWidget:
        """Keep a new widget; the caller is its creator."""
        now = to_the_millisecond(self._now())
        row = SavedWidgetRow(
            id=uuid.uuid4(),
            experience_type=experience_type,
            created_at=now,
            created_by_id=caller.person.id,
            modified_at=now,
            modified_by_id=caller.person.id,
            **_columns(draft),
        )
        with self._store.writing() as session:
            session.add(row)
            session.flush()
            return _seen(row, is_favorited=False)

    def get(self, caller: Caller, experience_type: str, widget_id: UUID) -> SavedWidget:
        """Return a widget; raises NotFound where there is none, or it is deleted."""
        with self._store.reading() as session:
            return _one(session, caller, experience_type, widget_id)

    def search(self, caller: Caller, experience_type: str, asked: Filter, page: Page) -> Found:
        """Return a page of the widgets that meet a filter, and how many there are."""
        user = caller.person.id
        with self._store.reading() as session:
            found = matching(session, asked, experience_type, user)
            counted = totals(session, found, experience_type, user)
            statement = select(SavedWidgetRow, marked_by(user)).where(found)
            ordered = statement.order_by(*ordered_by(page, user))
            rows = session.execute(ordered.limit(page.size).offset(page.number * page.size))
            return Found(tuple(_seen(row, is_favorited=mark) for row, mark in rows), counted)

    def replace(
        self, caller: Caller, experience_type: str, widget_id: UUID, draft: WidgetDraft
    ) -> SavedWidget:
        """Put a draft in the place of a widget's definition and tags; raises NotFound."""
        changed = (
            update(SavedWidgetRow)
            .where(SavedWidgetRow.id == widget_id, alive(experience_type))
            .values(
                modified_at=to_the_millisecond(self._now()),
                modified_by_id=caller.person.id,
                **_columns(draft),
            )
            .returning(SavedWidgetRow.id)
        )
        with self._store.writing() as session:
            if session.scalars(changed).one_or_none() is None:
                raise _missing(widget_id, experience_type)
            return _one(session, caller, experience_type, widget_id)

    def delete(self, caller: Caller, experience_type: str, widget_id: UUID) -> None:
        """Delete a widget: its row is kept, with the time and the user. Raises NotFound."""
        deleted = (
            update(SavedWidgetRow)
            .where(SavedWidgetRow.id == widget_id, alive(experience_type))
            .values(
                deleted_at=to_the_millisecond(self._now()),
                deleted_by_id=caller.person.id,
            )
            .returning(SavedWidgetRow.id)
        )
        with self._store.writing() as session:
            if session.scalars(deleted).one_or_none() is None:
                raise _missing(widget_id, experience_type)

    def mark(self, caller: Caller, widget_id: UUID) -> None:
        """Make a widget the caller's favourite, once or again; raises NotFound."""
        values = {
            "user_id": caller.person.id,
            "widget_id": widget_id,
            "created_at": to_the_millisecond(self._now()),
        }
        with self._store.writing() as session:
            _require(session, widget_id)
            session.execute(insert(session, FavoriteRow).values(values).on_conflict_do_nothing())

    def unmark(self, caller: Caller, widget_id: UUID) -> None:
        """Let a widget be no favourite of the caller's, whether it was or not; raises NotFound."""
        gone = delete(FavoriteRow).where(
            FavoriteRow.user_id == caller.person.id, FavoriteRow.widget_id == widget_id
        )
        with self._store.writing() as session:
            _require(session, widget_id)
            session.execute(gone)

    def adopt(
        self, experience_type: str, widget_id: UUID, draft: WidgetDraft, origin: Origin
    ) -> bool:
        """Keep a widget that has an id already; say whether it is new.

        What is known stays as it is, also what was deleted. Raises Conflict where the id belongs to
        a widget of another experience type.
        """
        now = to_the_millisecond(self._now())
        with self._store.writing() as session:
            if _is_known(session, experience_type, widget_id):
                return False
            people = {
                user: known_user(session, *user, now)
                for user in sorted({origin.created_by, origin.modified_by})
            }
            values = {
                "id": widget_id,
                "experience_type": experience_type,
                "created_at": to_the_millisecond(origin.created_at),
                "created_by_id": people[origin.created_by].id,
                "modified_at": to_the_millisecond(origin.modified_at),
                "modified_by_id": people[origin.modified_by].id,
                **_columns(draft),
            }
            # Others may have stored it since it was looked for.
            added = insert(session, SavedWidgetRow).values(values).on_conflict_do_nothing()
            new = session.scalars(added.returning(SavedWidgetRow.id)).one_or_none()
            return new is not None or not _is_known(session, experience_type, widget_id)

    def after(self, last: UUID | None, most: int) -> tuple[SavedWidget, ...]:
        """Return the next `most` widgets of every experience type by id, without favourites."""
        every = select(SavedWidgetRow).where(SavedWidgetRow.deleted_at.is_(None))
        if last is not None:
            every = every.where(SavedWidgetRow.id > last)
        with self._store.reading() as session:
            rows = session.scalars(every.order_by(SavedWidgetRow.id).limit(most))
            return tuple(_seen(row, is_favorited=False) for row in rows)


def _columns(draft: WidgetDraft) -> dict[str, Any]:
    title = draft.definition["title"]
    return {
        "title": title,
        "title_folded": folded(title),
        "widget_type": draft.definition["type"],
        "definition": dict(draft.definition),
        "tags": list(draft.tags),
    }


def _one(session: Session, caller: Caller, experience_type: str, widget_id: UUID) -> SavedWidget:
    asked = select(SavedWidgetRow, marked_by(caller.person.id)).where(
        SavedWidgetRow.id == widget_id, alive(experience_type)
    )
    found = session.execute(asked).one_or_none()
    if found is None:
        raise _missing(widget_id, experience_type)
    return _seen(found[0], is_favorited=found[1])


def _is_known(session: Session, experience_type: str, widget_id: UUID) -> bool:
    """Say whether a widget is there, or was; raises Conflict where it is another's."""
    known = select(SavedWidgetRow.experience_type).where(SavedWidgetRow.id == widget_id)
    found = session.scalars(known).one_or_none()
    if found not in (None, experience_type):
        raise Conflict(sentence=f"The id {widget_id} is that of a widget elsewhere.")
    return found is not None


def _require(session: Session, widget_id: UUID) -> None:
    there = exists().where(SavedWidgetRow.id == widget_id, SavedWidgetRow.deleted_at.is_(None))
    if not session.scalar(select(there)):
        raise NotFound(sentence=f"There is no widget {widget_id}.")


def _missing(widget_id: UUID, experience_type: str) -> NotFound:
    return NotFound(sentence=f"There is no widget {widget_id} among the {experience_type}.")


def _seen(row: SavedWidgetRow, *, is_favorited: bool) -> SavedWidget:
    return SavedWidget(
        id=row.id,
        experience_type=row.experience_type,
        definition=row.definition,
        tags=tuple(row.tags),
        is_favorited=is_favorited,
        created_at=row.created_at,
        created_by=person_of(row.created_by),
        modified_at=row.modified_at,
        modified_by=person_of(row.modified_by),
    )
