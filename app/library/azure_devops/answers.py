"""The answers of the Azure DevOps dialect, and their schemas."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

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
from app.library.azure_devops.schemas import (
    ExtraFieldsSchema,
    Guid,
    JsonInteger,
    PositionSchema,
    SettingsVersionSchema,
    SizeSchema,
)
from templates_schemas.text import host_time

_, OF_TEAM, OF_PROJECT = SCOPES
# What clients read into a GUID takes no null.
NO_GROUP: Final = UUID(int=0)


class LinkSchema(Schema):
    """A link."""

    href = fields.String(required=True)


class LinksSchema(Schema):
    """The addresses of a resource, of its list (`group`) and of its dashboard."""

    own = fields.Nested(LinkSchema, data_key="self", required=True)
    group = fields.Nested(LinkSchema, required=True)
    dashboard = fields.Nested(LinkSchema)


class VersionSchema(Schema):
    """The version of a dashboard's list of widgets."""

    etag = fields.String(data_key="eTag", required=True)


class DashboardWidgetSchema(ExtraFieldsSchema):
    """A widget; only an answer of a single widget has `dashboard`."""

    id = Guid(required=True)
    etag = fields.String(data_key="eTag", required=True)
    name = fields.String(required=True)
    contribution_id = fields.String(data_key="contributionId", required=True)
    position = fields.Nested(PositionSchema, required=True, allow_none=True)
    size = fields.Nested(SizeSchema, required=True, allow_none=True)
    settings = fields.String(required=True, allow_none=True)
    settings_version = fields.Nested(
        SettingsVersionSchema, data_key="settingsVersion", required=True, allow_none=True
    )
    dashboard = fields.Nested(VersionSchema)
    url = fields.String(required=True)
    links = fields.Nested(LinksSchema, data_key="_links", required=True)


class DashboardWidgetListSchema(Schema):
    """The widgets of a dashboard; the header `ETag` has the version of the list."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(DashboardWidgetSchema), required=True)


class FoundWidgetSchema(Schema):
    """A widget that was found by its name, and where it is."""

    id = Guid(required=True)
    name = fields.String(required=True)
    contribution_id = fields.String(data_key="contributionId", required=True)
    dashboard = fields.String(required=True, metadata={"description": "the name of its dashboard"})
    url = fields.String(required=True)


class FoundWidgetListSchema(Schema):
    """The widgets that were found, what was changed last first."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(FoundWidgetSchema), required=True)


class DashboardAnswerSchema(Schema):
    """A dashboard; only an answer of a single dashboard has `widgets`."""

    id = Guid(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    position = JsonInteger(required=True)
    refresh_interval = JsonInteger(
        least=0, data_key="refreshInterval", required=True, allow_none=True
    )
    scope = fields.String(data_key="dashboardScope", required=True)
    group_id = Guid(
        data_key="groupId", required=True, metadata={"description": "the team; zeros without one"}
    )
    owner_id = Guid(
        data_key="ownerId",
        required=True,
        metadata={"description": "the team, or the user who created it"},
    )
    etag = fields.String(data_key="eTag", required=True)
    modified_by = Guid(data_key="modifiedBy", required=True)
    modified_date = fields.String(data_key="modifiedDate", required=True)
    last_accessed_date = fields.String(
        data_key="lastAccessedDate",
        required=True,
        metadata={"description": "when it was last changed: reads are not recorded"},
    )
    url = fields.String(required=True)
    links = fields.Nested(LinksSchema, data_key="_links", required=True)
    widgets = fields.List(fields.Nested(DashboardWidgetSchema))


class GroupLinksSchema(Schema):
    """The address of a list of dashboards."""

    own = fields.Nested(LinkSchema, data_key="self", required=True)


class GroupAnswerSchema(Schema):
    """All the dashboards of a project or team, as one resource."""

    entries = fields.List(
        fields.Nested(DashboardAnswerSchema), data_key="dashboardEntries", required=True
    )
    url = fields.String(required=True)
    links = fields.Nested(GroupLinksSchema, data_key="_links", required=True)


class DashboardListSchema(Schema):
    """The dashboards of a project or team, in their order; a group for versions below 6.0."""

    json_rules: ClassVar[Mapping[str, Any]] = {
        "oneOf": [
            {"required": ["count", "value"]},
            {"required": ["dashboardEntries", "url", "_links"]},
        ]
    }

    count = fields.Integer()
    value = fields.List(fields.Nested(DashboardAnswerSchema))
    entries = fields.List(fields.Nested(DashboardAnswerSchema), data_key="dashboardEntries")
    url = fields.String()
    links = fields.Nested(GroupLinksSchema, data_key="_links")


class ProjectAnswerSchema(Schema):
    """A project: its GUID and its name; where no name is known, the GUID again."""

    id = Guid(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True)
    state = fields.String(required=True)


class ListHeadersSchema(Schema):
    """The headers of an answer."""

    etag = fields.String(
        data_key="ETag", metadata={"description": "the version of the dashboard's list of widgets"}
    )


class AzureErrorSchema(Schema):
    """An error."""

    reference = fields.String(data_key="$id", required=True)
    inner_exception = fields.Raw(data_key="innerException", allow_none=True)
    message = fields.String(required=True)
    type_name = fields.String(data_key="typeName", required=True)
    type_key = fields.String(data_key="typeKey", required=True)
    error_code = fields.Integer(data_key="errorCode", required=True)
    event_id = fields.Integer(data_key="eventId", required=True)


def answer_widget(dashboard: DashboardKey, found: VersionedWidget) -> Response:
    """Answer with a widget, and the version of the list that it is in."""
    document = widget_document(dashboard, found.widget)
    parent = {"dashboard": {"eTag": str(found.dashboard_etag)}}
    return with_version(formatted(document | parent), found.dashboard_etag)


def answer_list(dashboard: DashboardKey, listed: WidgetList) -> Response:
    """Answer with the widgets of a dashboard, and the version of the list."""
    widgets = [widget_document(dashboard, widget) for widget in listed.widgets]
    return with_version(formatted(collection(widgets)), listed.etag)


def answer_dashboard(found: DashboardAndWidgets) -> Response:
    """Answer with a dashboard and its widgets."""
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
    """Write a project."""
    return {
        "id": str(project.project_id),
        "name": project.project,
        "url": url_of(project.collection, "_apis/projects", str(project.project_id)),
        "state": PROJECT_STATES[-1],
    }


def collection(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Write a list."""
    return {"count": len(documents), "value": documents}


def with_version(response: Response, version: int) -> Response:
    """Tell the version of a dashboard's list."""
    response.headers["ETag"] = str(version)
    return response


def widget_document(dashboard: DashboardKey, widget: DashboardWidget) -> dict[str, Any]:
    """Write a widget."""
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
