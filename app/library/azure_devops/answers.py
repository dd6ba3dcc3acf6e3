"""The answers of the Azure DevOps dialect, and their schemas."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.library.azure_devops.addresses import dashboards_url
from app.library.azure_devops.formats import formatted
from app.library.azure_devops.records import (
    Dashboard,
    DashboardAndWidgets,
    DashboardKey,
    DashboardWidget,
    TeamContext,
    WidgetList,
    WrittenWidget,
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


class LinkSchema(Schema):
    """A link."""

    href = fields.String(required=True)


class LinksSchema(Schema):
    """Where a resource is, and what it belongs to; `group` is the list of the team's dashboards."""

    own = fields.Nested(LinkSchema, data_key="self", required=True)
    group = fields.Nested(LinkSchema, required=True)
    dashboard = fields.Nested(LinkSchema)


class VersionSchema(Schema):
    """The version of a dashboard's list of widgets."""

    etag = fields.String(data_key="eTag", required=True)


class DashboardWidgetSchema(ExtraFieldsSchema):
    """A widget; `dashboard` is there where the widget was written."""

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


class DashboardAnswerSchema(Schema):
    """A dashboard; `widgets` is there where one is answered, not many."""

    id = Guid(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    position = JsonInteger(required=True)
    refresh_interval = JsonInteger(
        least=0, data_key="refreshInterval", required=True, allow_none=True
    )
    scope = fields.String(data_key="dashboardScope", required=True)
    etag = fields.String(data_key="eTag", required=True)
    modified_by = Guid(data_key="modifiedBy", required=True)
    modified_date = fields.String(data_key="modifiedDate", required=True)
    url = fields.String(required=True)
    links = fields.Nested(LinksSchema, data_key="_links", required=True)
    widgets = fields.List(fields.Nested(DashboardWidgetSchema))


class DashboardListSchema(Schema):
    """The dashboards of a project or team, in their order."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(DashboardAnswerSchema), required=True)


class GroupAnswerSchema(Schema):
    """All the dashboards of a project or team, as they were replaced."""

    entries = fields.List(
        fields.Nested(DashboardAnswerSchema), data_key="dashboardEntries", required=True
    )
    url = fields.String(required=True)


class ListHeadersSchema(Schema):
    """The headers of an answer."""

    etag = fields.String(
        data_key="ETag", metadata={"description": "the version of the dashboard's list of widgets"}
    )


class AzureErrorSchema(Schema):
    """What went wrong."""

    reference = fields.String(data_key="$id", required=True)
    inner_exception = fields.Raw(data_key="innerException", allow_none=True)
    message = fields.String(required=True)
    type_name = fields.String(data_key="typeName", required=True)
    type_key = fields.String(data_key="typeKey", required=True)
    error_code = fields.Integer(data_key="errorCode", required=True)
    event_id = fields.Integer(data_key="eventId", required=True)


def answer_written(dashboard: DashboardKey, written: WrittenWidget) -> Response:
    """Answer with a widget that was written, and the version of the list since then."""
    document = widget_document(dashboard, written.widget)
    parent = {"dashboard": {"eTag": str(written.dashboard_etag)}}
    return with_version(formatted(document | parent), written.dashboard_etag)


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
    """Write all dashboards of a team, as one list that was replaced."""
    entries = [dashboard_document(dashboard) for dashboard in dashboards]
    return {"dashboardEntries": entries, "url": dashboards_url(context)}


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
            "group": {"href": dashboards_url(dashboard.context)},
            "dashboard": {"href": parent},
        },
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
    url = dashboards_url(dashboard.context, dashboard.id)
    return {
        **dashboard_body(dashboard),
        "dashboardScope": "project_Team" if dashboard.context.team else "project",
        "eTag": str(dashboard.etag),
        "modifiedBy": str(dashboard.modified_by.id),
        "modifiedDate": host_time(dashboard.modified_at),
        "url": url,
        "_links": {"self": {"href": url}, "group": {"href": dashboards_url(dashboard.context)}},
    }


def _given(numbers: Mapping[str, int | None]) -> dict[str, int] | None:
    return {name: number for name, number in numbers.items() if number is not None} or None
