"""The users of the library: everyone for whom a token was issued, or whom an import names."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.upsert import insert
from app.library.core.callers import Person
from app.library.core.models import UserRow


class Author(NamedTuple):
    """A user as records name one: ids differ between libraries."""

    handle: str
    name: str


def upsert_user(session: Session, handle: str, name: str, now: datetime) -> Person:
    """Return the user of a handle, with this name from now on; add the user where there is none."""
    kept = session.execute(
        _insert(session, handle, name, now)
        .on_conflict_do_update(index_elements=["handle"], set_={"name": name})
        .returning(UserRow.id)
    )
    return Person(kept.scalar_one(), handle, name)


def find_or_add_user(session: Session, handle: str, name: str, now: datetime) -> Person:
    """Return the stored user of a handle; add one with the name where there is none."""
    by_handle = select(UserRow).where(UserRow.handle == handle)
    row = session.scalars(by_handle).one_or_none()
    if row is None:
        session.execute(_insert(session, handle, name, now).on_conflict_do_nothing())
        row = session.scalars(by_handle).one()
    return person_of(row)


def _insert(session: Session, handle: str, name: str, now: datetime) -> Any:
    values = {"id": uuid.uuid4(), "handle": handle, "name": name, "created_at": now}
    return insert(session, UserRow).values(values)


def ids_of(session: Session, authors: Iterable[Author], now: datetime) -> dict[Author, UUID]:
    """Return the ids of users; add those that are not stored."""
    return {author: find_or_add_user(session, *author, now).id for author in sorted(authors)}


def person_of(row: UserRow) -> Person:
    return Person(row.id, row.handle, row.name)
