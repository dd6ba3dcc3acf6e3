"""Dashboards and widgets of the Azure DevOps dialect, as their stores take and return them.

A version (`etag`) counts the changes of what it belongs to: each widget has one, and each dashboard
one for its list of widgets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.library.core.callers import Person


@dataclass(frozen=True, slots=True)
class TeamContext:
    """Whose dashboards: names that are compared in any case; `team` may be empty."""

    collection: str
    project: str
    team: str


@dataclass(frozen=True, slots=True)
class DashboardKey:
    """Names a dashboard; it is found only in its team."""

    context: TeamContext
    id: UUID


@dataclass(frozen=True, slots=True)
class WidgetKey:
    """Names a widget; it is found only on its dashboard."""

    dashboard: DashboardKey
    id: UUID


@dataclass(frozen=True, slots=True)
class DashboardWidgetDraft:
    """What a caller gives of a widget; None stands for what was not given.

    `etag` is the version that must be current, and is not checked where it is None. `extra_fields`
    has the fields of later versions of the API.
    """

    id: UUID | None = None
    etag: int | None = None
    name: str | None = None
    contribution_id: str | None = None
    row: int | None = None
    column: int | None = None
    row_span: int | None = None
    column_span: int | None = None
    settings: str | None = None
    settings_version: Mapping[str, int] | None = None
    extra_fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DashboardWidget:
    """A widget on a dashboard."""

    id: UUID
    etag: int
    name: str
    contribution_id: str
    row: int | None
    column: int | None
    row_span: int | None
    column_span: int | None
    settings: str | None
    settings_version: Mapping[str, int] | None
    extra_fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WidgetList:
    """The widgets of a dashboard in their order, and the version of the list."""

    etag: int
    widgets: tuple[DashboardWidget, ...]


@dataclass(frozen=True, slots=True)
class WrittenWidget:
    """A widget as it was written, and the version of its dashboard's list since then."""

    widget: DashboardWidget
    dashboard_etag: int


@dataclass(frozen=True, slots=True)
class DashboardDraft:
    """What a caller gives of a dashboard; `widgets` is None where the list is not given.

    Without a `rank` it is put last, or stays where it is.
    """

    name: str
    description: str | None = None
    rank: int | None = None
    refresh_interval: int | None = None
    widgets: tuple[DashboardWidgetDraft, ...] | None = None


@dataclass(frozen=True, slots=True)
class DashboardEntry:
    """What a caller gives of a dashboard in the list of a team's; None stands for no change."""

    id: UUID
    etag: int | None = None
    name: str | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard; `etag` is the version of its list of widgets."""

    id: UUID
    context: TeamContext
    name: str
    description: str | None
    rank: int
    refresh_interval: int | None
    etag: int
    modified_at: datetime
    modified_by: Person

    @property
    def key(self) -> DashboardKey:
        """What names it."""
        return DashboardKey(self.context, self.id)


class DashboardAndWidgets(NamedTuple):
    """A dashboard and its widgets, in their order."""

    dashboard: Dashboard
    widgets: tuple[DashboardWidget, ...]
