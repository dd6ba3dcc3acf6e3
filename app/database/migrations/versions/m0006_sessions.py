"""The sessions of people who are signed in, and the mark of what was forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", _line(), nullable=False),
        sa.Column("user", _line(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])
    op.create_table(
        "forgettings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgettings")),
    )


def downgrade() -> None:
    """Drop the tables: people sign in again."""
    for name in ("sessions", "forgettings"):
        op.drop_table(name)


def _line() -> sa.types.TypeEngine[str]:
    return sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
