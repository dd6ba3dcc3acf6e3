"""The first tables: users, tokens, and those of the three dialects."""

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
    """Make the tables."""
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
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id")),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"])


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
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by_id", sa.Uuid(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_saved_widgets_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["users.id"], name=op.f("fk_saved_widgets_deleted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["modified_by_id"], ["users.id"], name=op.f("fk_saved_widgets_modified_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_widgets")),
    )
    op.create_index(
        "ix_saved_widgets_created_at",
        "saved_widgets",
        ["experience_type", "created_at", "id"],
        **_ALIVE,
    )
    op.create_index(
        "ix_saved_widgets_created_by",
        "saved_widgets",
        ["experience_type", "created_by_id", "deleted_at"],
        **_ALIVE,
    )
    op.create_index(
        "ix_saved_widgets_modified_at",
        "saved_widgets",
        ["experience_type", "modified_at", "id"],
        **_ALIVE,
    )
    op.create_index(
        "ix_saved_widgets_title", "saved_widgets", ["experience_type", "title", "id"], **_ALIVE
    )


def _favorites() -> None:
    op.create_table(
        "favorites",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("widget_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_favorites_user_id")),
        sa.ForeignKeyConstraint(
            ["widget_id"],
            ["saved_widgets.id"],
            name=op.f("fk_favorites_widget_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "widget_id", name=op.f("pk_favorites")),
    )
    op.create_index(op.f("ix_favorites_widget_id"), "favorites", ["widget_id"])


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
    op.create_index(
        "ix_custom_widgets_created_at", "custom_widgets", ["domain_id", "created_at", "id"]
    )
    op.create_index("ix_custom_widgets_title", "custom_widgets", ["domain_id", "title", "id"])
    op.create_index(
        "ix_custom_widgets_updated_at", "custom_widgets", ["domain_id", "updated_at", "id"]
    )
    op.create_index("ix_custom_widgets_user", "custom_widgets", ["domain_id", "user_id"])
    op.create_index(
        "ix_custom_widgets_widget_name", "custom_widgets", ["domain_id", "widget_name", "id"]
    )


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
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_dashboards_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["modified_by_id"], ["users.id"], name=op.f("fk_dashboards_modified_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboards")),
    )
    op.create_index(
        "ix_dashboards_scope",
        "dashboards",
        ["collection_folded", "project_folded", "team_folded", "rank", "id"],
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
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_by_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_dashboard_widgets_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["dashboard_id"],
            ["dashboards.id"],
            name=op.f("fk_dashboard_widgets_dashboard_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["modified_by_id"], ["users.id"], name=op.f("fk_dashboard_widgets_modified_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboard_widgets")),
    )
    op.create_index(
        "ix_dashboard_widgets_rank", "dashboard_widgets", ["dashboard_id", "rank", "id"]
    )


def _gin_indexes() -> None:
    op.create_index(
        "ix_custom_widgets_labels", "custom_widgets", ["labels"], postgresql_using="gin"
    )
    op.create_index("ix_custom_widgets_tags", "custom_widgets", ["tags"], postgresql_using="gin")
    op.create_index(
        "ix_saved_widgets_tags",
        "saved_widgets",
        ["tags"],
        postgresql_using="gin",
        postgresql_ops={"tags": "jsonb_path_ops"},
    )


def _trigram_indexes() -> None:
    """Make the indexes for substrings, unless the server has no pg_trgm or keeps it from us."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError:
        return
    op.create_index(
        "ix_custom_widgets_title_folded",
        "custom_widgets",
        ["title_folded"],
        postgresql_using="gin",
        postgresql_ops={"title_folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_saved_widgets_title_folded",
        "saved_widgets",
        ["title_folded"],
        postgresql_using="gin",
        postgresql_ops={"title_folded": "gin_trgm_ops"},
    )
