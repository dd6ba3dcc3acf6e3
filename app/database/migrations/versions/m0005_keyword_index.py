"""PostgreSQL's trigrams of the ids of custom widgets, in which a keyword is looked for too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the index, where the server has pg_trgm for us, as for titles."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    known = sa.text("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")
    if connection.scalar(known):
        op.execute(
            "CREATE INDEX ix_custom_widgets_id ON custom_widgets USING gin (id gin_trgm_ops)"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS ix_custom_widgets_id")
