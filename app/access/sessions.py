"""The session of a browser in which a person signs in: all of it is in a sealed cookie.

It begins anew when the person is known: what was planted before is then of no use. The database
knows the sessions of people by a hash: where one has ended, a copy of its cookie is of no use.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from app.access.tables import SessionRow
from app.access.vault import SealBroken, Vault
from app.database.store import Store

LIFETIME: Final = 3600  # seconds
_PURPOSE: Final = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """A session; `user` is the host's id of its person, once that is known."""

    id: str = field(repr=False)
    csrf: str = field(repr=False)
    user: str | None = None

    @property
    def digest(self) -> str:
        """What the database knows it by."""
        return hashlib.sha256(self.id.encode()).hexdigest()


class Sessions:
    """Begins and ends sessions, writes them into cookies, and reads them there.

    `clock` is in epoch seconds.
    """

    def __init__(self, vault: Vault, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._vault = vault
        self._store = store
        self._clock = clock

    def begin(self, user: str | None = None) -> Session:
        """Make a session that nobody else knows."""
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), user)
        if user is not None:
            now = self._now()
            with self._store.writing() as database:
                database.execute(delete(SessionRow).where(SessionRow.created_at <= _oldest(now)))
                database.add(SessionRow(digest=session.digest, user=user, created_at=now))
        return session

    def write(self, session: Session) -> str:
        """Return the value of the cookie."""
        return self._vault.seal(_PURPOSE, asdict(session))

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None for one that is not ours, too old, or has ended."""
        if not cookie:
            return None
        try:
            session = Session(**self._vault.open(_PURPOSE, cookie, LIFETIME))
        except SealBroken:
            return None
        return session if session.user is None or self._is_known(session) else None

    def end(self, session: Session) -> None:
        """End a session, also for who has a copy of its cookie."""
        with self._store.writing() as database:
            database.execute(delete(SessionRow).where(SessionRow.digest == session.digest))

    def _is_known(self, session: Session) -> bool:
        this = SessionRow.digest == session.digest, SessionRow.created_at > _oldest(self._now())
        with self._store.reading() as database:
            return database.scalar(select(SessionRow.digest).where(*this)) is not None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _oldest(now: datetime) -> datetime:
    return now - timedelta(seconds=LIFETIME)
