"""What each address of the Azure DevOps dialect takes and answers, for the service's description.

An operation's id is `azure_` and the name of its view. `{team}` may be left out of every path: the
dashboards are the project's own then.
"""

from collections.abc import Mapping
from typing import Final

from marshmallow import Schema, fields, validate

from app.library.azure_devops.answers import (
    DashboardAnswerSchema,
    DashboardListSchema,
    ErrorSchema,
    GroupAnswerSchema,
    ListHeadersSchema,
    WidgetAnswerSchema,
    WidgetListSchema,
)
from app.library.azure_devops.locations import AreaListSchema, AreaSchema, LocationListSchema
from app.library.azure_devops.schemas import (
    LONGEST_NAME,
    DashboardSchema,
    ETag,
    GroupSchema,
    Guid,
    ListedUpdateSchema,
    ListedWidgetSchema,
    NewDashboardSchema,
    NewWidgetSchema,
    ReplacedWidgetSchema,
    UpdatedWidgetSchema,
)
from app.library.azure_devops.scopes import READ, WRITE
from app.openapi.operation import Answer, Body, Operation

NAME_PATTERN: Final = r"^(?=.*[^ .])[^/\x00-\x1f\x7f-\x9f\ufffd]+$"
VERSION_PATTERN: Final = (
    r"^(3\.0(-preview(\.([2-9]|[1-9][0-9]{1,2}))?)?"
    r"|(3\.[12]|4\.[01]|5\.[0-2]|6\.[01]|7\.[01])(-preview(\.[0-9]{1,3})?)?)$"
)


def _name() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, LONGEST_NAME),
        metadata={"pattern": NAME_PATTERN},
    )


class CollectionPath(Schema):
    """The path of a collection: one name, or several with slashes between them."""

    collection = _name()


class AreaPath(CollectionPath):
    """The path of an area of resources."""

    area_id = Guid(data_key="areaId", required=True)


class PlacePath(CollectionPath):
    """The path of a team's dashboards; the names are compared without regard to case."""

    project = _name()
    team = _name()


class DashboardPath(PlacePath):
    """The path of a dashboard."""

    dashboard_id = Guid(data_key="dashboardId", required=True)


class WidgetPath(DashboardPath):
    """The path of a widget."""

    widget_id = Guid(data_key="widgetId", required=True)


class VersionQuery(Schema):
    """The version of the API; it may stand in `Accept` too, or nowhere."""

    version = fields.String(data_key="api-version", metadata={"pattern": VERSION_PATTERN})


class ListVersion(Schema):
    """The version of the dashboard's list that must be current; `If-Match` is read too."""

    etag = ETag(data_key="ETag")


class RequiredListVersion(Schema):
    """The version of the dashboard's list of widgets, without which no list is written."""

    etag = ETag(data_key="ETag", required=True)


_DASHBOARDS: Final = "/{collection}/{project}/{team}/_apis/dashboard/dashboards"
_DASHBOARD: Final = f"{_DASHBOARDS}/{{dashboardId}}"
_WIDGETS: Final = f"{_DASHBOARD}/widgets"
_WIDGET: Final = f"{_WIDGETS}/{{widgetId}}"
_PARAMETERS: Final[Mapping[str, type[Schema]]] = {
    "/{collection}/_apis": CollectionPath,
    "/{collection}/_apis/ResourceAreas": CollectionPath,
    "/{collection}/_apis/ResourceAreas/{areaId}": AreaPath,
    _DASHBOARDS: PlacePath,
    _DASHBOARD: DashboardPath,
    _WIDGETS: DashboardPath,
    _WIDGET: WidgetPath,
}
_UNVERSIONED: Final = ("list_dashboards", "replace_dashboards", "delete_dashboard", "show_widget")
_REFUSALS: Final[Mapping[int, str]] = {
    400: "The path, the version of the API or the body cannot be read.",
    401: "There is no token, or it does not hold.",
    403: "The token lacks the scope.",
    404: "There is no such dashboard or widget.",
    409: "A version that was given is not the current one; nothing was changed.",
    413: "The body is too large.",
    429: "The token has no request left.",
}


def _operation(
    view: str, method: str, path: str, summary: str, answer: Body | None, **more: object
) -> Operation:
    """Describe an operation; those that have a request or headers write, and may meet a 409."""
    writes = method in ("post", "put", "patch", "delete")
    scopes = (WRITE if writes else READ) if "dashboard" in path else ()
    versioned = ListHeadersSchema if scopes and view not in _UNVERSIONED else None
    status = 204 if answer is None else 200
    answers = {status: Answer("It is done." if writes else "Here it is.", answer, versioned)}
    for refused, description in _REFUSALS.items():
        if writes or refused not in (409, 413):
            answers[refused] = Answer(description, Body(ErrorSchema))
    return Operation(
        id=f"azure_{view}",
        method=method,
        path=path,
        summary=summary,
        answers=answers,
        scopes=scopes,
        parameters=_PARAMETERS[path],
        query=VersionQuery,
        **more,  # type: ignore[arg-type] # the other fields of Operation
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    _operation(
        "list_locations", "options", "/{collection}/_apis",
        "List the resources that are served, and where they are", Body(LocationListSchema),
    ),
    _operation(
        "list_areas", "get", "/{collection}/_apis/ResourceAreas",
        "List the areas of resources", Body(AreaListSchema),
    ),
    _operation(
        "show_area", "get", "/{collection}/_apis/ResourceAreas/{areaId}",
        "Get an area of resources", Body(AreaSchema),
    ),
    _operation(
        "list_dashboards", "get", _DASHBOARDS,
        "List the dashboards of a team", Body(DashboardListSchema),
    ),
    _operation(
        "create_dashboard", "post", _DASHBOARDS,
        "Create a dashboard, with widgets where some are given", Body(DashboardAnswerSchema),
        request=Body(NewDashboardSchema),
    ),
    _operation(
        "replace_dashboards", "put", _DASHBOARDS,
        "Name and order the dashboards of a team, and delete the others", Body(GroupAnswerSchema),
        request=Body(GroupSchema),
    ),
    _operation(
        "show_dashboard", "get", _DASHBOARD,
        "Get a dashboard and its widgets", Body(DashboardAnswerSchema),
    ),
    _operation(
        "replace_dashboard", "put", _DASHBOARD,
        "Replace a dashboard; its widgets only where some are given", Body(DashboardAnswerSchema),
        request=Body(DashboardSchema), headers=ListVersion,
    ),
    _operation(
        "delete_dashboard", "delete", _DASHBOARD,
        "Delete a dashboard and its widgets", None, headers=ListVersion,
    ),
    _operation(
        "list_widgets", "get", _WIDGETS,
        "List the widgets of a dashboard", Body(WidgetListSchema),
    ),
    _operation(
        "create_widget", "post", _WIDGETS,
        "Add a widget to a dashboard", Body(WidgetAnswerSchema),
        request=Body(NewWidgetSchema), headers=ListVersion,
    ),
    _operation(
        "replace_widgets", "put", _WIDGETS,
        "Replace all widgets of a dashboard", Body(WidgetListSchema),
        request=Body(ListedWidgetSchema, many=True), headers=RequiredListVersion,
    ),
    _operation(
        "update_widgets", "patch", _WIDGETS,
        "Change some widgets of a dashboard: all that are named, or none", Body(WidgetListSchema),
        request=Body(ListedUpdateSchema, many=True), headers=RequiredListVersion,
    ),
    _operation(
        "show_widget", "get", _WIDGET, "Get a widget", Body(WidgetAnswerSchema),
    ),
    _operation(
        "replace_widget", "put", _WIDGET,
        "Replace a widget: what is left out is gone", Body(WidgetAnswerSchema),
        request=Body(ReplacedWidgetSchema), headers=ListVersion,
    ),
    _operation(
        "update_widget", "patch", _WIDGET,
        "Change a widget: what is left out or null stays", Body(WidgetAnswerSchema),
        request=Body(UpdatedWidgetSchema), headers=ListVersion,
    ),
    _operation(
        "delete_widget", "delete", _WIDGET, "Delete a widget", None, headers=ListVersion,
    ),
)  # fmt: skip
