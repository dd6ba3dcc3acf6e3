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

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.library.callers import Caller, Person
from app.library.columns import to_the_millisecond
from app.library.models import FavoriteRow, SavedWidgetRow
from app.library.refusals import Missing
from app.library.store import Store
from app.library.tokens import utc_now
from app.library.users import person_of


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
            title=draft.definition["title"],
            widget_type=draft.definition["type"],
            definition=dict(draft.definition),
            tags=list(draft.tags),
            created_at=now,
            created_by_id=caller.person.id,
            modified_at=now,
            modified_by_id=caller.person.id,
        )
        with self._store.writing() as session:
            session.add(row)
            session.flush()
            return _seen(session, row, caller)

    def get(self, caller: Caller, experience_type: str, widget_id: UUID) -> SavedWidget:
        """Return a widget; raises Missing where there is none, or it is deleted."""
        asked = select(SavedWidgetRow).where(
            SavedWidgetRow.id == widget_id,
            SavedWidgetRow.experience_type == experience_type,
            SavedWidgetRow.deleted_at.is_(None),
        )
        with self._store.reading() as session:
            row = session.scalars(asked).one_or_none()
            if row is None:
                raise Missing(f"There is no widget {widget_id} among the {experience_type}.")
            return _seen(session, row, caller)


def _seen(session: Session, row: SavedWidgetRow, caller: Caller) -> SavedWidget:
    mark = session.get(FavoriteRow, (caller.person.id, row.id))
    return SavedWidget(
        id=row.id,
        experience_type=row.experience_type,
        definition=row.definition,
        tags=tuple(row.tags),
        is_favorited=mark is not None,
        created_at=row.created_at,
        created_by=person_of(row.created_by),
        modified_at=row.modified_at,
        modified_by=person_of(row.modified_by),
    )
