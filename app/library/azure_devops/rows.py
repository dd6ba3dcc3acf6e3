"""The rows of dashboards and their widgets: which ones, what they are read into, and how much."""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_

from app.database.columns import folded, to_json
from app.errors import InvalidInput
from app.library.azure_devops.records import (
    Dashboard,
    DashboardKey,
    DashboardWidget,
    FoundWidget,
    TeamContext,
    WidgetKey,
)
from app.library.core.models import DashboardRow, DashboardWidgetRow
from app.library.core.users import person_of

# In bytes, of all widgets of a dashboard, and of all dashboards of a project: they are answered as
# one list, which has no pages. A dashboard's names and addresses count as so many.
LARGEST_LIST: Final = 8 << 20
_NAMES_AND_ADDRESSES: Final = 2048
TEXTS_AND_NUMBERS: Final = (
    "name",
    "contribution_id",
    "row",
    "column",
    "row_span",
    "column_span",
    "settings",
)
Conditions = tuple[ColumnElement[bool], ...]


def in_project(context: TeamContext) -> Conditions:
    """Select the dashboards of a project and of its teams."""
    return (
        DashboardRow.collection_folded == folded(context.collection),
        DashboardRow.project_folded.in_({folded(context.project), str(context.project_id)}),
    )


def owned_by(context: TeamContext) -> Conditions:
    """Select the dashboards of a team, or without one those of the project itself."""
    team = {folded(context.team), str(context.team_id)} if context.team else {""}
    return (*in_project(context), DashboardRow.team_folded.in_(team))


def reached_from(context: TeamContext) -> Conditions:
    """Select the dashboards of a team, or without one all of the project's and its teams'."""
    return owned_by(context) if context.team else in_project(context)


def is_dashboard(key: DashboardKey) -> Conditions:
    return (DashboardRow.id == key.id, *reached_from(key.context))


def in_place(place: TeamContext) -> ColumnElement[bool]:
    """Select the dashboards of a place that a token reaches: a collection, a project or a team."""
    if place.project:
        return and_(*reached_from(place))
    return DashboardRow.collection_folded == folded(place.collection)


def is_widget(dashboard_id: UUID, widget_id: UUID | None) -> Conditions:
    return (
        DashboardWidgetRow.id == widget_id,
        DashboardWidgetRow.dashboard_id == dashboard_id,
    )


def to_dashboard(row: DashboardRow) -> Dashboard:
    return Dashboard(
        id=row.id,
        context=TeamContext(row.collection, row.project, row.team),
        name=row.name,
        description=row.description,
        rank=row.rank,
        refresh_interval=row.refresh_interval,
        etag=row.etag,
        created_by=person_of(row.created_by),
        modified_at=row.modified_at,
        modified_by=person_of(row.modified_by),
    )


def to_widget(row: DashboardWidgetRow) -> DashboardWidget:
    return DashboardWidget(
        id=row.id,
        etag=row.etag,
        settings_version=row.settings_version,
        extra_fields=row.extra_fields or {},
        **{name: getattr(row, name) for name in TEXTS_AND_NUMBERS},
    )


def to_found(row: Any) -> FoundWidget:
    """Return what `named_widgets` has found."""
    widget, name, contribution_id, dashboard, dashboard_name, *context = row
    key = WidgetKey(DashboardKey(TeamContext(*context), dashboard), widget)
    return FoundWidget(key, name, contribution_id, dashboard_name)


def too_large() -> InvalidInput:
    """Return the error of a dashboard with too much on it."""
    return InvalidInput(
        f"The widgets of a dashboard come to at most {LARGEST_LIST >> 20} MiB: put fewer on it, or "
        "get them one by one.",
        rule="too_many",
    )


def bounded_dashboards(rows: Iterable[DashboardRow]) -> Iterator[Dashboard]:
    """Yield the dashboards of rows; raises InvalidInput as `bounded_widgets` does."""
    size = 0
    for row in rows:
        size += _NAMES_AND_ADDRESSES + len((row.description or "").encode())
        if size > LARGEST_LIST:
            raise InvalidInput(
                "There are too many dashboards for one list: ask for those of a team.",
                rule="too_many_dashboards",
            )
        yield to_dashboard(row)


def bounded_widgets(rows: Iterable[DashboardWidgetRow]) -> Iterator[DashboardWidget]:
    """Yield the widgets of rows; raises InvalidInput where they come to more than LARGEST_LIST."""
    size = 0
    for row in rows:
        widget = to_widget(row)
        size += len(to_json([widget.settings, widget.extra_fields]).encode())
        if size > LARGEST_LIST:
            raise too_large()
        yield widget
