"""Dashboards and widgets of the Azure DevOps dialect, as their stores take and return them.

A version (`etag`) counts the changes of what it belongs to: each widget has one, and each dashboard
one for its list of widgets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from app.database.columns import folded
from app.library.core.callers import Person
from app.library.http.parameters import read_uuid

# What the GUIDs of projects are made in, that are known by their names.
_PROJECTS: Final = UUID("5f0a5c0e-9d6b-4a52-8a3e-6d1f3b7c2e94")


@dataclass(frozen=True, slots=True)
class TeamContext:
    """Whose dashboards: names that are compared in any case; `team` may be empty.

    A project and a team may be named by a GUID too. A name has one from the beginning, which is
    made of it and of where it is, so that it is the same in every library.
    """

    collection: str
    project: str
    team: str

    @property
    def project_id(self) -> UUID:
        """The GUID of the project."""
        place = f"{folded(self.collection)}/{folded(self.project)}"
        return read_uuid(self.project) or uuid5(_PROJECTS, place)

    @property
    def team_id(self) -> UUID:
        """The GUID of the team, which must be there."""
        return read_uuid(self.team) or uuid5(self.project_id, folded(self.team))


@dataclass(frozen=True, slots=True)
class WidgetTypeKey:
    """A type of widget, as an address names it."""

    context: TeamContext
    contribution_id: str


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
class VersionedWidget:
    """A widget, and the version of its dashboard's list."""

    widget: DashboardWidget
    dashboard_etag: int


@dataclass(frozen=True, slots=True)
class FoundWidget:
    """A widget that was found by its name, on a dashboard of a name."""

    key: WidgetKey
    name: str
    contribution_id: str
    dashboard_name: str


@dataclass(frozen=True, slots=True)
class DashboardDraft:
    """What a caller gives of a dashboard; `widgets` is None where the list is not given.

    Without a `rank` it is put last, or stays where it is; without a `name` it keeps the one it has.
    """

    name: str | None
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
    created_by: Person
    modified_at: datetime
    modified_by: Person

    @property
    def key(self) -> DashboardKey:
        return DashboardKey(self.context, self.id)


class DashboardAndWidgets(NamedTuple):
    dashboard: Dashboard
    widgets: tuple[DashboardWidget, ...]
