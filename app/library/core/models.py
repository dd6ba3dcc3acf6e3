"""The tables of the library. A change here wants a migration: see README.md of the library.

A column `…_folded` holds the casefolded text of its neighbour, for searches in any case. What
clients get back is in ExactJson; a Json column beside it is for searches only.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates
from sqlalchemy.schema import SchemaItem

from app.database.base import ID_LENGTH, NAME_LENGTH, Base
from app.database.columns import (
    ExactJson,
    Json,
    UtcDateTime,
    canonical,
    folded,
    folded_json,
    line,
    text,
)

DOCUMENTS = ("options", "settings", "inherit_options", "labels", "tags")


class UserRow(Base):
    """A person, known by the subject of a token."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(line(NAME_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(line(NAME_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TokenRow(Base):
    """A token that was issued, and what it allows."""

    __tablename__ = "tokens"

    jti: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(ExactJson)
    domains: Mapped[list[str]] = mapped_column(ExactJson)
    places: Mapped[list[str]] = mapped_column(ExactJson, server_default=sql("'[]'"))
    experiences: Mapped[list[str]] = mapped_column(ExactJson, server_default=sql("'[]'"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[UserRow] = relationship(lazy="joined", innerjoin=True)


def _of_postgresql(name: str, *columns: Any, **options: Any) -> Index:
    """Make an index of a kind that SQLite does not have."""
    only = Index(name, *columns, info={"only": "postgresql"}, **options)
    only.ddl_if(dialect="postgresql")
    return only


def _trigrams(name: str, column: str) -> Index:
    """Make an index for substrings of three letters or more, where pg_trgm could be had."""
    return _of_postgresql(
        name, column, postgresql_using="gin", postgresql_ops={column: "gin_trgm_ops"}
    )


def _contents(name: str, column: str) -> Index:
    """Make an index for what documents contain: tags and labels."""
    return _of_postgresql(
        name, column, postgresql_using="gin", postgresql_ops={column: "jsonb_path_ops"}
    )


def _alive(name: str, *columns: str) -> Index:
    """Make an index over the rows that are not deleted, which are all that is searched."""
    where = sql("deleted_at IS NULL")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class SavedWidgetRow(Base):
    """A saved widget of the Datadog dialect; `title` and `widget_type` are the definition's."""

    __tablename__ = "saved_widgets"
    __table_args__: tuple[SchemaItem, ...] = (
        _alive("ix_saved_widgets_title", "experience_type", "title", "id"),
        _alive("ix_saved_widgets_created_at", "experience_type", "created_at", "id"),
        _alive("ix_saved_widgets_modified_at", "experience_type", "modified_at", "id"),
        # With what the counts of a search ask for, SQLite's one of the index itself too.
        _alive("ix_saved_widgets_created_by", "experience_type", "created_by_id", "deleted_at"),
        # Read instead of the widgets, where titles are searched for what many of them have.
        _alive(
            "ix_saved_widgets_folded",
            "experience_type",
            "title_folded",
            "created_by_id",
            "deleted_at",
        ),
        _trigrams("ix_saved_widgets_title_folded", "title_folded"),
        _contents("ix_saved_widgets_tags", "tags"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    experience_type: Mapped[str] = mapped_column(line(ID_LENGTH))
    title: Mapped[str] = mapped_column(line(NAME_LENGTH))
    title_folded: Mapped[str] = mapped_column(text())
    widget_type: Mapped[str] = mapped_column(line(ID_LENGTH))
    definition: Mapped[dict[str, Any]] = mapped_column(ExactJson)
    tags: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    modified_at: Mapped[datetime] = mapped_column(UtcDateTime)
    modified_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    @validates("title")
    def _fold_title(self, _: str, title: str) -> str:
        self.title_folded = folded(title)
        return title


class FavoriteRow(Base):
    """A saved widget that a user has marked."""

    __tablename__ = "favorites"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    widget_id: Mapped[UUID] = mapped_column(
        ForeignKey("saved_widgets.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CustomWidgetRow(Base):
    """A custom widget of the SpaceONE dialect.

    `document` has the five documents as they were given, and is what is echoed; the columns of
    their names are for queries, and are set by `document` alone: `canonical`, so that equal values
    are equal texts. `folded` has all texts casefolded, for searches in any case.
    """

    __tablename__ = "custom_widgets"
    __table_args__: tuple[SchemaItem, ...] = (
        Index("ix_custom_widgets_title", "domain_id", "title", "id"),
        Index("ix_custom_widgets_created_at", "domain_id", "created_at", "id"),
        Index("ix_custom_widgets_updated_at", "domain_id", "updated_at", "id"),
        Index("ix_custom_widgets_widget_name", "domain_id", "widget_name", "id"),
        Index("ix_custom_widgets_user", "domain_id", "user_id"),
        Index("ix_custom_widgets_folded", "domain_id", "title_folded", "id"),
        _trigrams("ix_custom_widgets_title_folded", "title_folded"),
        # A keyword is looked for in both.
        _trigrams("ix_custom_widgets_id", "id"),
        _contents("ix_custom_widgets_labels", "labels"),
        _contents("ix_custom_widgets_tags", "tags"),
    )

    id: Mapped[str] = mapped_column(line(ID_LENGTH), primary_key=True)
    domain_id: Mapped[str] = mapped_column(line(NAME_LENGTH))
    widget_name: Mapped[str] = mapped_column(line(NAME_LENGTH))
    title: Mapped[str] = mapped_column(line(NAME_LENGTH))
    title_folded: Mapped[str] = mapped_column(text())
    version: Mapped[str] = mapped_column(line(ID_LENGTH))
    document: Mapped[dict[str, Any]] = mapped_column(ExactJson)
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    settings: Mapped[dict[str, Any] | None] = mapped_column(Json)
    inherit_options: Mapped[dict[str, Any] | None] = mapped_column(Json)
    labels: Mapped[list[Any] | None] = mapped_column(Json)
    tags: Mapped[dict[str, Any] | None] = mapped_column(Json)
    folded: Mapped[dict[str, Any]] = mapped_column(Json)
    user_id: Mapped[str] = mapped_column(line(NAME_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @validates("id", "domain_id", "widget_name", "title", "version", "user_id")
    def _fold_line(self, name: str, given: str) -> str:
        self.folded = {**(self.folded or {}), name: folded(given)}
        if name == "title":
            self.title_folded = folded(given)
        return given

    @validates("document")
    def _spread(self, _: str, document: dict[str, Any]) -> dict[str, Any]:
        spread = {name: canonical(document.get(name)) for name in DOCUMENTS}
        for name, value in spread.items():
            setattr(self, name, value)
        self.folded = {**(self.folded or {}), **folded_json(spread)}
        return document


class PlaceNameRow(Base):
    """The name of a project or a team of the Azure DevOps dialect, by the GUID made of it."""

    __tablename__ = "place_names"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(line(NAME_LENGTH))


class DashboardRow(Base):
    """A dashboard of the Azure DevOps dialect.

    Its scope is compared by the folded columns; `team` is empty where the address has none.
    `etag` is the version of its list of widgets, and `rank` orders the dashboards of a team.
    """

    __tablename__ = "dashboards"
    __table_args__: tuple[SchemaItem, ...] = (
        Index(
            "ix_dashboards_scope",
            "collection_folded",
            "project_folded",
            "team_folded",
            "rank",
            "id",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(line(NAME_LENGTH))
    collection_folded: Mapped[str] = mapped_column(text())
    project: Mapped[str] = mapped_column(line(NAME_LENGTH))
    project_folded: Mapped[str] = mapped_column(text())
    team: Mapped[str] = mapped_column(line(NAME_LENGTH))
    team_folded: Mapped[str] = mapped_column(text())
    name: Mapped[str] = mapped_column(line(NAME_LENGTH))
    description: Mapped[str | None] = mapped_column(text())
    rank: Mapped[int]
    refresh_interval: Mapped[int | None]
    etag: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    modified_at: Mapped[datetime] = mapped_column(UtcDateTime)
    modified_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))

    created_by: Mapped[UserRow] = relationship(foreign_keys=[created_by_id], lazy="joined")
    modified_by: Mapped[UserRow] = relationship(foreign_keys=[modified_by_id], lazy="joined")

    @validates("collection", "project", "team")
    def _fold(self, name: str, given: str) -> str:
        setattr(self, f"{name}_folded", folded(given))
        return given


class DashboardWidgetRow(Base):
    """A widget on a dashboard of the Azure DevOps dialect; `rank` orders the list.

    `extra_fields` has the fields of later versions of the API.
    """

    __tablename__ = "dashboard_widgets"
    __table_args__: tuple[SchemaItem, ...] = (
        Index("ix_dashboard_widgets_rank", "dashboard_id", "rank", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dashboard_id: Mapped[UUID] = mapped_column(ForeignKey("dashboards.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(line(NAME_LENGTH))
    contribution_id: Mapped[str] = mapped_column(line(NAME_LENGTH))
    row: Mapped[int | None]
    column: Mapped[int | None]
    row_span: Mapped[int | None]
    column_span: Mapped[int | None]
    settings: Mapped[str | None] = mapped_column(text())
    settings_version: Mapped[dict[str, Any] | None] = mapped_column(ExactJson)
    extra_fields: Mapped[dict[str, Any] | None] = mapped_column("besides", ExactJson)
    rank: Mapped[int]
    etag: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    modified_at: Mapped[datetime] = mapped_column(UtcDateTime)
    modified_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))

    created_by: Mapped[UserRow] = relationship(foreign_keys=[created_by_id], lazy="joined")
    modified_by: Mapped[UserRow] = relationship(foreign_keys=[modified_by_id], lazy="joined")
