"""The filters and sorts of the Datadog dialect, as SQL.

Everything runs in the database; the differences between SQLite and PostgreSQL are here.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.library.core.columns import folded
from app.library.core.models import FavoriteRow, SavedWidgetRow, UserRow

SortKey = Literal["title", "created_at", "modified_at", "is_favorited"]

_SORTED_BY: Final = {
    "title": SavedWidgetRow.title,
    "created_at": SavedWidgetRow.created_at,
    "modified_at": SavedWidgetRow.modified_at,
}


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Selects the widgets that meet every condition that is not None, and have all the tags.

    `title` is a part of the title, in any case; the others are compared exactly.
    """

    title: str | None = None
    tags: tuple[str, ...] = ()
    creator_handle: str | None = None
    widget_type: str | None = None
    is_favorited: bool | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page in an order: `number` counts from 0; equal widgets are sorted by id.

    Favourites always come first where the sort is by them.
    """

    sort: SortKey = "created_at"
    descending: bool = False
    number: int = 0
    size: int = 50


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of widgets: the first three of those that match, the last of all."""

    filtered: int
    created_by_you: int
    favorited_by_you: int
    created_by_anyone: int


def alive(experience_type: str) -> ColumnElement[bool]:
    """Select the rows of an experience type that are not deleted."""
    return and_(
        SavedWidgetRow.experience_type == experience_type, SavedWidgetRow.deleted_at.is_(None)
    )


def matching(
    session: Session, search: SearchFilter, experience_type: str, user: UUID
) -> ColumnElement[bool]:
    """Select the rows that a search by a user finds."""
    found = [alive(experience_type)]
    if search.title is not None:
        part = folded(search.title)
        found.append(SavedWidgetRow.title_folded.contains(part, autoescape=True))
    if search.widget_type is not None:
        found.append(SavedWidgetRow.widget_type == search.widget_type)
    if search.creator_handle is not None:
        creator = select(UserRow.id).where(UserRow.handle == search.creator_handle)
        found.append(SavedWidgetRow.created_by_id == creator.scalar_subquery())
    if search.is_favorited is not None:
        mark = marked_by(user)
        found.append(mark if search.is_favorited else ~mark)
    if search.tags:
        found.append(_tagged(session, search.tags))
    return and_(*found)


def marked_by(user: UUID) -> ColumnElement[bool]:
    """Test whether a row is a user's favourite."""
    mark = exists().where(FavoriteRow.widget_id == SavedWidgetRow.id, FavoriteRow.user_id == user)
    return mark.correlate(SavedWidgetRow)


def ordered_by(page: SearchPage, user: UUID) -> tuple[ColumnElement[Any], ...]:
    """Return the sort order of the rows that a user sees."""
    if page.sort == "is_favorited":
        return marked_by(user).desc(), SavedWidgetRow.id.asc()
    column = _SORTED_BY[page.sort]
    return column.desc() if page.descending else column.asc(), SavedWidgetRow.id.asc()


def totals(
    found: ColumnElement[bool], experience_type: str, user: UUID
) -> Select[tuple[int, int, int, int]]:
    """Count the widgets that match, and all of the experience type, as Totals has them."""
    # From the marks, which are few, and not mark by mark of all that match.
    marked = (
        select(func.count())
        .select_from(FavoriteRow)
        .join(SavedWidgetRow, SavedWidgetRow.id == FavoriteRow.widget_id)
        .where(FavoriteRow.user_id == user, found)
    )
    everything = select(func.count()).select_from(SavedWidgetRow).where(alive(experience_type))
    return (
        select(
            func.count(),
            func.count().filter(SavedWidgetRow.created_by_id == user),
            marked.correlate(None).scalar_subquery(),
            everything.correlate(None).scalar_subquery(),
        )
        .select_from(SavedWidgetRow)
        .where(found)
    )


def _tagged(session: Session, tags: tuple[str, ...]) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "postgresql":
        return type_coerce(SavedWidgetRow.tags, JSONB).contains(list(tags))
    return and_(*(_has(tag) for tag in dict.fromkeys(tags)))


def _has(tag: str) -> ColumnElement[bool]:
    each = func.json_each(SavedWidgetRow.tags).table_valued("value")
    return exists().where(each.c.value == tag).correlate(SavedWidgetRow)
