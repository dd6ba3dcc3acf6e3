"""Connections, attachments and sign-ins: whose credential fetches a card."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _connections()
    _attachments()
    _sign_ins()


def downgrade() -> None:
    """Drop the tables, with what people have connected."""
    for name in ("sign_ins", "attachments", "connections"):
        op.drop_table(name)


def _line(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _connections() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user", _line(64), nullable=False),
        sa.Column("origin", _line(255), nullable=False),
        sa.Column("system", _line(64), nullable=False),
        sa.Column("login", _line(255), nullable=False),
        sa.Column("scopes", _text(), nullable=False),
        sa.Column("sealed", _text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("has_ended", sa.Boolean(), nullable=False),
        _time("expires_at", nullable=True),
        _time("created_at"),
        _time("refreshed_at"),
        sa.Column("lease", _line(64), nullable=True),
        _time("leased_until", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("user", "origin", name=op.f("uq_connections_user")),
    )


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("workspace", _line(64), nullable=False),
        sa.Column("task", _line(64), nullable=False),
        sa.Column("digest", _line(64), nullable=False),
        sa.Column("address", _text(), nullable=False),
        sa.Column("user", _line(64), nullable=False),
        _time("created_at"),
        _time("seen_at"),
        sa.PrimaryKeyConstraint("workspace", "task", "digest", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_user", "attachments", ["user"])
    op.create_index("ix_attachments_seen_at", "attachments", ["seen_at"])


def _sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("digest", _line(64), nullable=False),
        sa.Column("session", _line(64), nullable=False),
        sa.Column("system", _line(64), nullable=False),
        sa.Column("host", _line(255), nullable=False),
        sa.Column("sealed", _text(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_ins")),
    )
