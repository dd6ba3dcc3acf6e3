"""Places and experience types of tokens; names of places; `tfs/{collection}` as one collection."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# As TeamContext makes the GUIDs of names.
_PROJECTS: Final = UUID("5f0a5c0e-9d6b-4a52-8a3e-6d1f3b7c2e94")
_DASHBOARDS: Final = sa.table(
    "dashboards",
    *(
        sa.column(name, sa.Text())
        for part in ("collection", "project", "team")
        for name in (part, f"{part}_folded")
    ),
)


def upgrade() -> None:
    """Add the columns and the table, and fill it."""
    for name in ("places", "experiences"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("'[]'"))
        op.add_column("tokens", column)
    names = op.create_table(
        "place_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "name",
            sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_names")),
    )
    _join_the_virtual_directory()
    rows = [{"id": place_id, "name": name} for place_id, name in dict(_names()).items()]
    if rows:
        op.bulk_insert(names, rows)


def _join_the_virtual_directory() -> None:
    """Move what stood at `tfs/{collection}/{project}`, read as collection, project and team."""
    row = _DASHBOARDS.c
    op.execute(
        _DASHBOARDS.update()
        .where(row.collection_folded == "tfs", row.team != "")
        .values(
            collection=row.collection + "/" + row.project,
            collection_folded=row.collection_folded + "/" + row.project_folded,
            project=row.team,
            project_folded=row.team_folded,
            team="",
            team_folded="",
        )
    )


def _names() -> Iterator[tuple[UUID, str]]:
    """Yield the names of all projects and teams, by the GUIDs that are made of them."""
    row = _DASHBOARDS.c
    for collection, project, team in op.get_bind().execute(
        sa.select(row.collection_folded, row.project, row.team).distinct()
    ):
        project_id = _guid(project) or uuid5(_PROJECTS, f"{collection}/{project.casefold()}")
        if _guid(project) is None:
            yield project_id, project
        if team and _guid(team) is None:
            yield uuid5(project_id, team.casefold()), team


def _guid(name: str) -> UUID | None:
    try:
        return UUID(name) if len(name) == 36 else None
    except ValueError:
        return None
