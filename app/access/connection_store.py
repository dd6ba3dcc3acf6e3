"""Keeps connections. What changes the tokens of one compares and swaps its version."""

import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from app.access.connection import Connection
from app.access.providers import Provider
from app.access.tables import ConnectionRow
from app.access.vault import SealBroken, Vault
from app.database.base import NAME_LENGTH
from app.database.store import Store
from app.database.upsert import insert
from app.upstream.oauth import Tokens
from templates_schemas.text import clean

_FIELDS: Final = (
    "id", "user", "origin", "system", "login", "scopes", "version", "has_ended", "expires_at",
    "created_at", "refreshed_at", "sealed",
)  # fmt: skip
_UNLEASED: Final[Mapping[str, Any]] = {"lease": None, "leased_until": None}
# What became of a connection that was to be encrypted anew: no key opens a `broken` one; one that
# was `changed` or removed meanwhile was left alone.
Resealed = Literal["done", "broken", "changed"]


class ConnectionStore:
    """The table of connections; tokens go in and out of it sealed.

    `on_removed` is told the identity of each connection that is gone, or was made anew.
    """

    def __init__(self, store: Store, vault: Vault, on_removed: Callable[[str], None]) -> None:
        self._store = store
        self._vault = vault
        self._on_removed = on_removed

    def find(self, user: str, origin: str) -> Connection | None:
        """Return the connection of a person to a system."""
        with self._store.reading() as session:
            row = session.scalars(select(ConnectionRow).where(*_of(user, origin))).one_or_none()
            return _connection(row) if row else None

    def current(self, connection: Connection) -> Connection | None:
        """Return a connection as it is now, or None where it is gone."""
        with self._store.reading() as session:
            row = session.get(ConnectionRow, connection.id)
            return _connection(row) if row else None

    def listed(self, user: str | None = None) -> Sequence[Connection]:
        """List all connections, or those of a person, by person and system."""
        rows = select(ConnectionRow).order_by(ConnectionRow.user, ConnectionRow.origin)
        if user is not None:
            rows = rows.where(ConnectionRow.user == user)
        with self._store.reading() as session:
            return [_connection(row) for row in session.scalars(rows)]

    def add(
        self, user: str, provider: Provider, tokens: Tokens, login: str, now: datetime
    ) -> Connection | None:
        """Keep a new connection; return what the person had at the system in its place."""
        made = _new_connection(user, provider, tokens, login, now)
        values = {name: getattr(made, name) for name in _FIELDS} | dict(_UNLEASED)
        values["sealed"] = self._sealed(made, tokens)
        with self._store.writing() as session:
            # At once: between a deletion and an insert, another of the same person's could come.
            # Whoever has the row then has it alone, and sees what it was.
            row = session.scalars(
                insert(session, ConnectionRow)
                .values(values)
                .on_conflict_do_update(index_elements=["user", "origin"], set_=_UNLEASED)
                .returning(ConnectionRow)
            ).one()
            if row.id == made.id:
                return None
            replaced = _connection(row)
            session.execute(
                update(ConnectionRow).where(ConnectionRow.id == replaced.id).values(values)
            )
        self._on_removed(replaced.identity)
        return replaced

    def remove(self, user: str, origin: str) -> Connection | None:
        """Remove a connection, and return what it was; None where there was none."""
        with self._store.writing() as session:
            row = session.scalars(select(ConnectionRow).where(*_of(user, origin))).one_or_none()
            if row is None:
                return None
            session.delete(row)
        removed = _connection(row)
        self._on_removed(removed.identity)
        return removed

    def tokens(self, connection: Connection) -> Mapping[str, Any]:
        """Open the tokens, `access` and `refresh`; raises SealBroken."""
        return self._vault.open(connection.purpose, connection.sealed)

    def lease(self, connection: Connection, seconds: float, now: datetime) -> str | None:
        """Take the right to refresh this version; None while another has it, or had it."""
        lease = secrets.token_hex(16)
        row = ConnectionRow
        free = or_(row.leased_until.is_(None), row.leased_until < now)
        until = now + timedelta(seconds=seconds)
        taken = self._update(connection, {"lease": lease, "leased_until": until}, free)
        return lease if taken else None

    def release(self, connection: Connection, lease: str) -> None:
        """Give the right back, and leave the connection as it was."""
        self._update(connection, _UNLEASED, _leased(lease))

    def swap(self, connection: Connection, lease: str, tokens: Tokens, now: datetime) -> bool:
        """Keep new tokens in place of this version's; False where it is gone, or another's."""
        changes = {
            "sealed": self._sealed(connection, tokens),
            "version": connection.version + 1,
            "expires_at": _expiry(tokens),
            "refreshed_at": now,
        }
        return self._update(connection, {**changes, **_UNLEASED}, _leased(lease))

    def end(self, connection: Connection) -> bool:
        """Say that its person must connect again, unless there is a newer version."""
        return self._update(connection, {"has_ended": True, **_UNLEASED})

    def seal_again(self) -> Counter[Resealed]:
        """Encrypt all tokens with the first key; count what became of each connection."""
        return Counter(map(self._seal_again, self.listed()))

    def _seal_again(self, connection: Connection) -> Resealed:
        try:
            sealed = self._vault.seal_again(connection.sealed)
        except SealBroken:
            return "broken"
        is_same = ConnectionRow.sealed == connection.sealed
        return "done" if self._update(connection, {"sealed": sealed}, is_same) else "changed"

    def _sealed(self, connection: Connection, tokens: Tokens) -> str:
        content = {"access": tokens.access, "refresh": tokens.refresh}
        return self._vault.seal(connection.purpose, content)

    def _update(
        self, connection: Connection, changes: Mapping[str, Any], *conditions: ColumnElement[bool]
    ) -> bool:
        """Change a connection that still has this version, and meets the conditions."""
        statement = (
            update(ConnectionRow)
            .where(
                ConnectionRow.id == connection.id,
                ConnectionRow.version == connection.version,
                *conditions,
            )
            .values(**changes)
        )
        with self._store.writing() as session:
            return _changed(session, statement) == 1


def _new_connection(
    user: str, provider: Provider, tokens: Tokens, login: str, now: datetime
) -> Connection:
    return Connection(
        id=uuid.uuid4(),
        user=user,
        origin=provider.origin,
        system=provider.name,
        # Another system's words: operators read them on a terminal, and some databases keep no NUL.
        login=clean(login)[:NAME_LENGTH],
        scopes=clean(tokens.scopes) or provider.client.scopes,
        version=1,
        has_ended=False,
        expires_at=_expiry(tokens),
        created_at=now,
        refreshed_at=now,
        sealed="",
    )


def _changed(session: Session, statement: Any) -> int:
    done: Any = session.execute(statement)
    return int(done.rowcount)


def _of(user: str, origin: str) -> tuple[ColumnElement[bool], ...]:
    return ConnectionRow.user == user, ConnectionRow.origin == origin


def _leased(lease: str) -> ColumnElement[bool]:
    return ConnectionRow.lease == lease


def _connection(row: ConnectionRow) -> Connection:
    return Connection(**{name: getattr(row, name) for name in _FIELDS})


def _expiry(tokens: Tokens) -> datetime | None:
    return None if tokens.expires_at is None else datetime.fromtimestamp(tokens.expires_at, UTC)
