"""The users of the library: whoever a token was made for."""

import uuid
from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.library.callers import Person
from app.library.models import UserRow


def keep_user(session: Session, handle: str, name: str, now: datetime) -> Person:
    """Return the user of a handle, made where there is none, with the name given now."""
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert(UserRow) if on_postgresql else sqlite.insert(UserRow)
    kept = session.execute(
        insert.values(id=uuid.uuid4(), handle=handle, name=name, created_at=now)
        .on_conflict_do_update(index_elements=["handle"], set_={"name": name})
        .returning(UserRow.id)
    )
    return Person(kept.scalar_one(), handle, name)


def person_of(row: UserRow) -> Person:
    """Return the user of a row."""
    return Person(row.id, row.handle, row.name)
