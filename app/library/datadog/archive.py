"""Whole saved widgets, out of the store and into another: with times, authors and favourites."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from app.database.columns import to_milliseconds
from app.database.store import Store
from app.database.upsert import insert
from app.errors import Conflict
from app.library.core.models import FavoriteRow, SavedWidgetRow, UserRow
from app.library.core.tokens import utc_now
from app.library.core.users import Author, ids_of
from app.library.datadog.store import (
    SavedWidget,
    SavedWidgetDraft,
    columns_of,
    selected,
    to_saved_widget,
)

AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Favorite:
    user: Author
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a widget, and when, and who marked it."""

    created_at: datetime
    created_by: Author
    modified_at: datetime
    modified_by: Author
    favorites: tuple[Favorite, ...] = ()


def archived(store: Store) -> Iterator[tuple[SavedWidget, tuple[Favorite, ...]]]:
    """Yield the widgets of every experience type as they are at one moment, but for deleted ones.

    `is_favorited` means nothing in them: each comes with all its favourites.
    """
    every = selected(SavedWidgetRow.definition.expression, false()).where(
        SavedWidgetRow.deleted_at.is_(None)
    )
    ordered = every.order_by(SavedWidgetRow.id).execution_options(yield_per=AT_ONCE)
    with store.snapshot() as session:
        for rows in session.execute(ordered).partitions():
            favorites = _favorites(session, [row.id for row in rows])
            for row in rows:
                widget = to_saved_widget(row, row.definition)
                yield widget, tuple(favorites.get(row.id, ()))


def restore(
    session: Session, experience_type: str, widget_id: UUID, draft: SavedWidgetDraft, origin: Origin
) -> bool:
    """Store a widget that has an id already; tell whether it is new.

    A widget that is stored already stays as it is, also where it was deleted. Raises Conflict
    where the id belongs to a widget of another experience type.
    """
    if _is_stored(session, experience_type, widget_id):
        return False
    named = {origin.created_by, origin.modified_by, *(each.user for each in origin.favorites)}
    users = ids_of(session, named, to_milliseconds(utc_now()))
    values = {
        "id": widget_id,
        "experience_type": experience_type,
        "created_at": to_milliseconds(origin.created_at),
        "created_by_id": users[origin.created_by],
        "modified_at": to_milliseconds(origin.modified_at),
        "modified_by_id": users[origin.modified_by],
        **columns_of(draft),
    }
    # Others may have stored it since it was looked for.
    added = insert(session, SavedWidgetRow).values(values).on_conflict_do_nothing()
    if session.scalars(added.returning(SavedWidgetRow.id)).one_or_none() is None:
        return not _is_stored(session, experience_type, widget_id)
    for each in origin.favorites:
        mark = {"widget_id": widget_id, "user_id": users[each.user], "created_at": each.created_at}
        session.execute(insert(session, FavoriteRow).values(mark).on_conflict_do_nothing())
    return True


def _favorites(session: Session, widget_ids: Iterable[UUID]) -> Mapping[UUID, list[Favorite]]:
    statement = (
        select(FavoriteRow.widget_id, FavoriteRow.created_at, UserRow.handle, UserRow.name)
        .join(UserRow, UserRow.id == FavoriteRow.user_id)
        .where(FavoriteRow.widget_id.in_(widget_ids))
        .order_by(FavoriteRow.created_at, UserRow.handle)
    )
    found = defaultdict(list)
    for widget_id, created_at, handle, name in session.execute(statement):
        found[widget_id].append(Favorite(Author(handle, name), created_at))
    return found


def _is_stored(session: Session, experience_type: str, widget_id: UUID) -> bool:
    """Tell whether a widget is or was stored; raises Conflict for another experience type."""
    statement = select(SavedWidgetRow.experience_type).where(SavedWidgetRow.id == widget_id)
    found = session.scalars(statement).one_or_none()
    if found not in (None, experience_type):
        raise Conflict(sentence=f"The id {widget_id} is that of a widget elsewhere.")
    return found is not None
