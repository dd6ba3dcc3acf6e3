"""The tables of what is kept of people. A change here wants a migration."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from app.database.base import ID_LENGTH, NAME_LENGTH, Base
from app.database.columns import UtcDateTime, line, text


class ConnectionRow(Base):
    """A person's account at a system: one for each origin. `sealed` holds the tokens, encrypted.

    `version` counts the tokens that there were. Until `leased_until` the holder of `lease` is
    refreshing them; one that `has_ended` must be made again by its person.
    """

    __tablename__ = "connections"
    __table_args__: tuple[SchemaItem, ...] = (
        UniqueConstraint("user", "origin", name="uq_connections_user"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(line(ID_LENGTH))
    origin: Mapped[str] = mapped_column(line(NAME_LENGTH))
    system: Mapped[str] = mapped_column(line(ID_LENGTH))
    login: Mapped[str] = mapped_column(line(NAME_LENGTH))
    scopes: Mapped[str] = mapped_column(text())
    sealed: Mapped[str] = mapped_column(text())
    version: Mapped[int]
    has_ended: Mapped[bool]
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refreshed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease: Mapped[str | None] = mapped_column(line(ID_LENGTH))
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AttachmentRow(Base):
    """Who attached a page to a task, by its canonical address; `digest` is the address's hash."""

    __tablename__ = "attachments"
    __table_args__: tuple[SchemaItem, ...] = (
        Index("ix_attachments_user", "user"),
        Index("ix_attachments_seen_at", "seen_at"),
    )

    workspace: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    task: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    digest: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    address: Mapped[str] = mapped_column(text())
    user: Mapped[str] = mapped_column(line(ID_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignInRow(Base):
    """A sign-in under way: it ends once, in the session that began it. `sealed` is the verifier."""

    __tablename__ = "sign_ins"

    digest: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    session: Mapped[str] = mapped_column(line(ID_LENGTH))
    system: Mapped[str] = mapped_column(line(ID_LENGTH))
    host: Mapped[str] = mapped_column(line(NAME_LENGTH))
    sealed: Mapped[str] = mapped_column(text())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SessionRow(Base):
    """A browser in which a person is signed in; `digest` is the hash of its session's id."""

    __tablename__ = "sessions"
    __table_args__: tuple[SchemaItem, ...] = (Index("ix_sessions_user", "user"),)

    digest: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    user: Mapped[str] = mapped_column(line(ID_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ForgettingRow(Base):
    """The mark of the last deletion of somebody's data: it names nobody."""

    __tablename__ = "forgettings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
