"""The first tables: users, tokens, and those of the three dialects."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_ALIVE: Final[dict[str, Any]] = {
    "sqlite_where": sa.text("deleted_at IS NULL"),
    "postgresql_where": sa.text("deleted_at IS NULL"),
}


def upgrade() -> None:
    _users()
    _tokens()
    _saved_widgets()
    _favorites()
    _custom_widgets()
    _dashboards()
    _dashboard_widgets()
    if op.get_bind().dialect.name == "postgresql":
        _gin_indexes()
        _trigram_indexes()


def _line(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _authors(table: str) -> Iterator[sa.schema.SchemaItem]:
    """Yield the columns that say who made a row and who changed it last, and when."""
    for done in ("created", "modified"):
        yield sa.Column(f"{done}_at", sa.DateTime(timezone=True), nullable=False)
        yield sa.Column(f"{done}_by_id", sa.Uuid(), nullable=False)
        yield _belongs_to(table, f"{done}_by_id", "users")


def _belongs_to(table: str, column: str, owner: str, **options: Any) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{owner}.id"], name=name, **options)


def _index(table: str, name: str, *columns: str, **options: Any) -> None:
    """Make the index of some columns; without any, of the column that it is named for."""
    op.create_index(op.f(f"ix_{table}_{name}"), table, columns or [name], **options)


def _gin(table: str, column: str, operators: str | None = None) -> None:
    options = {"postgresql_ops": {column: operators}} if operators else {}
    _index(table, column, postgresql_using="gin", **options)


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handle", _line(255), nullable=False),
        sa.Column("name", _line(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("handle", name=op.f("uq_users_handle")),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("jti", _line(64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("domains", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        _belongs_to("tokens", "user_id", "users"),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_tokens")),
    )
    _index("tokens", "user_id")


def _saved_widgets() -> None:
    op.create_table(
        "saved_widgets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("experience_type", _line(64), nullable=False),
        sa.Column("title", _line(255), nullable=False),
        sa.Column("title_folded", _text(), nullable=False),
        sa.Column("widget_type", _line(64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("tags", _json(), nullable=False),
        *_authors("saved_widgets"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        _belongs_to("saved_widgets", "deleted_by_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_widgets")),
    )
    _index("saved_widgets", "created_at", "experience_type", "created_at", "id", **_ALIVE)
    _index(
        "saved_widgets", "created_by", "experience_type", "created_by_id", "deleted_at", **_ALIVE
    )
    _index("saved_widgets", "modified_at", "experience_type", "modified_at", "id", **_ALIVE)
    _index("saved_widgets", "title", "experience_type", "title", "id", **_ALIVE)


def _favorites() -> None:
    op.create_table(
        "favorites",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("widget_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _belongs_to("favorites", "user_id", "users"),
        _belongs_to("favorites", "widget_id", "saved_widgets", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "widget_id", name=op.f("pk_favorites")),
    )
    _index("favorites", "widget_id")


def _custom_widgets() -> None:
    op.create_table(
        "custom_widgets",
        sa.Column("id", _line(64), nullable=False),
        sa.Column("domain_id", _line(255), nullable=False),
        sa.Column("widget_name", _line(255), nullable=False),
        sa.Column("title", _line(255), nullable=False),
        sa.Column("title_folded", _text(), nullable=False),
        sa.Column("version", _line(64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("options", _json(), nullable=False),
        sa.Column("settings", _json(), nullable=True),
        sa.Column("inherit_options", _json(), nullable=True),
        sa.Column("labels", _json(), nullable=True),
        sa.Column("tags", _json(), nullable=True),
        sa.Column("folded", _json(), nullable=False),
        sa.Column("user_id", _line(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_widgets")),
    )
    _index("custom_widgets", "created_at", "domain_id", "created_at", "id")
    _index("custom_widgets", "title", "domain_id", "title", "id")
    _index("custom_widgets", "updated_at", "domain_id", "updated_at", "id")
    _index("custom_widgets", "user", "domain_id", "user_id")
    _index("custom_widgets", "widget_name", "domain_id", "widget_name", "id")


def _dashboards() -> None:
    op.create_table(
        "dashboards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collection", _line(255), nullable=False),
        sa.Column("collection_folded", _text(), nullable=False),
        sa.Column("project", _line(255), nullable=False),
        sa.Column("project_folded", _text(), nullable=False),
        sa.Column("team", _line(255), nullable=False),
        sa.Column("team_folded", _text(), nullable=False),
        sa.Column("name", _line(255), nullable=False),
        sa.Column("description", _text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("refresh_interval", sa.Integer(), nullable=True),
        sa.Column("etag", sa.Integer(), nullable=False),
        *_authors("dashboards"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboards")),
    )
    _index(
        "dashboards", "scope", "collection_folded", "project_folded", "team_folded", "rank", "id"
    )


def _dashboard_widgets() -> None:
    op.create_table(
        "dashboard_widgets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dashboard_id", sa.Uuid(), nullable=False),
        sa.Column("name", _line(255), nullable=False),
        sa.Column("contribution_id", _line(255), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("column", sa.Integer(), nullable=True),
        sa.Column("row_span", sa.Integer(), nullable=True),
        sa.Column("column_span", sa.Integer(), nullable=True),
        sa.Column("settings", _text(), nullable=True),
        sa.Column("settings_version", sa.Text(), nullable=True),
        sa.Column("besides", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("etag", sa.Integer(), nullable=False),
        *_authors("dashboard_widgets"),
        _belongs_to("dashboard_widgets", "dashboard_id", "dashboards", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboard_widgets")),
    )
    _index("dashboard_widgets", "rank", "dashboard_id", "rank", "id")


def _gin_indexes() -> None:
    _gin("custom_widgets", "labels")
    _gin("custom_widgets", "tags")
    _gin("saved_widgets", "tags", "jsonb_path_ops")


def _trigram_indexes() -> None:
    """Make the indexes for substrings, unless the server has no pg_trgm or keeps it from us."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError:
        return
    for table in ("custom_widgets", "saved_widgets"):
        _gin(table, "title_folded", "gin_trgm_ops")
