"""The answers of the Azure DevOps dialect, as documents of JSON."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from flask import Response

from app.library.azure_devops.addresses import dashboards_url, url_of
from app.library.azure_devops.formats import PROJECT_STATES, SCOPES, formatted
from app.library.azure_devops.records import (
    Dashboard,
    DashboardAndWidgets,
    DashboardKey,
    DashboardWidget,
    FoundWidget,
    TeamContext,
    VersionedWidget,
    WidgetList,
)
from templates_schemas.text import host_time

_, OF_TEAM, OF_PROJECT = SCOPES
# What clients read into a GUID takes no null.
NO_GROUP: Final = UUID(int=0)


def answer_widget(dashboard: DashboardKey, found: VersionedWidget) -> Response:
    """Answer with a widget, and the version of the list that it is in."""
    document = widget_document(dashboard, found.widget)
    parent = {"dashboard": {"eTag": str(found.dashboard_etag)}}
    return with_version(formatted(document | parent), found.dashboard_etag)


def answer_list(dashboard: DashboardKey, listed: WidgetList) -> Response:
    widgets = [widget_document(dashboard, widget) for widget in listed.widgets]
    return with_version(formatted(collection(widgets)), listed.etag)


def answer_dashboard(found: DashboardAndWidgets) -> Response:
    dashboard = found.dashboard
    widgets = [widget_document(dashboard.key, widget) for widget in found.widgets]
    document = dashboard_document(dashboard) | {"widgets": widgets}
    return with_version(formatted(document), dashboard.etag)


def group_document(context: TeamContext, dashboards: Iterable[Dashboard]) -> dict[str, Any]:
    """Write all dashboards of a team as one resource."""
    url = dashboards_url(context)
    entries = [dashboard_document(dashboard) for dashboard in dashboards]
    return {"dashboardEntries": entries, "url": url, "_links": {"self": {"href": url}}}


def project_document(project: TeamContext) -> dict[str, Any]:
    return {
        "id": str(project.project_id),
        "name": project.project,
        "url": url_of(project.collection, "_apis/projects", str(project.project_id)),
        "state": PROJECT_STATES[-1],
    }


def collection(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(documents), "value": documents}


def with_version(response: Response, version: int) -> Response:
    """Tell the version of a dashboard's list."""
    response.headers["ETag"] = str(version)
    return response


def widget_document(dashboard: DashboardKey, widget: DashboardWidget) -> dict[str, Any]:
    parent = dashboards_url(dashboard.context, dashboard.id)
    url = f"{parent}/widgets/{widget.id}"
    return {
        "id": str(widget.id),
        "eTag": str(widget.etag),
        **widget_body(widget),
        "url": url,
        "_links": {
            "self": {"href": url},
            "group": {"href": f"{parent}/widgets"},
            "dashboard": {"href": parent},
        },
    }


def found_document(found: FoundWidget) -> dict[str, Any]:
    """Write a widget that was found."""
    dashboard = found.key.dashboard
    return {
        "id": str(found.key.id),
        "name": found.name,
        "contributionId": found.contribution_id,
        "dashboard": found.dashboard_name,
        "url": f"{dashboards_url(dashboard.context, dashboard.id)}/widgets/{found.key.id}",
    }


def widget_body(widget: DashboardWidget) -> dict[str, Any]:
    """Write what a client gave of a widget."""
    return {
        "name": widget.name,
        "position": _given({"row": widget.row, "column": widget.column}),
        "size": _given({"rowSpan": widget.row_span, "columnSpan": widget.column_span}),
        "settings": widget.settings,
        "settingsVersion": widget.settings_version,
        "contributionId": widget.contribution_id,
        **widget.extra_fields,
    }


def dashboard_body(dashboard: Dashboard) -> dict[str, Any]:
    """Write what a client gave of a dashboard, and its id."""
    return {
        "id": str(dashboard.id),
        "name": dashboard.name,
        "description": dashboard.description,
        "position": dashboard.rank,
        "refreshInterval": dashboard.refresh_interval,
    }


def dashboard_document(dashboard: Dashboard) -> dict[str, Any]:
    """Write a dashboard without its widgets."""
    context = dashboard.context
    url = dashboards_url(context, dashboard.id)
    return {
        **dashboard_body(dashboard),
        "dashboardScope": OF_TEAM if context.team else OF_PROJECT,
        "groupId": str(context.team_id if context.team else NO_GROUP),
        "ownerId": str(context.team_id if context.team else dashboard.created_by.id),
        "eTag": str(dashboard.etag),
        "modifiedBy": str(dashboard.modified_by.id),
        "modifiedDate": host_time(dashboard.modified_at),
        "lastAccessedDate": host_time(dashboard.modified_at),
        "url": url,
        "_links": {"self": {"href": url}, "group": {"href": dashboards_url(context)}},
    }


def _given(numbers: Mapping[str, int | None]) -> dict[str, int] | None:
    return {name: number for name, number in numbers.items() if number is not None} or None
