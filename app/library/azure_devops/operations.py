"""How an operation of the Azure DevOps dialect is declared at its view, and enforced.

An operation's id is `azure_` and the name of its view. `{team}` may be left out of every path: the
dashboards are the project's then. A view is given what its path names: `widget`, `dashboard`,
`contribution`, `context`, `project`, or else the `address`; and `versions`, where the request names
those of the list.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final, Unpack, cast

from flask import Blueprint, Response, g, request
from flask.sansio.blueprints import BlueprintSetupState
from marshmallow import Schema, fields, validate

from app.database.base import NAME_LENGTH
from app.library.azure_devops.addresses import AddressConverter, ApiPath, check_names
from app.library.azure_devops.answer_schemas import AzureErrorSchema, ListHeadersSchema
from app.library.azure_devops.drafts import load_widgets
from app.library.azure_devops.formats import formatted, read_format
from app.library.azure_devops.names import PlaceNames
from app.library.azure_devops.reach import check_place, check_project
from app.library.azure_devops.schemas import ETag, Guid
from app.library.azure_devops.versions import header_versions
from app.library.http.authentication import caller
from app.library.http.body import read_json_object_or_list
from app.library.http.context import library
from app.library.http.operation import Operations, Readers, View
from app.library.http.parameters import (
    IntegerParameter,
    ParametersSchema,
    TextParameter,
    read_query,
)
from app.openapi.operation import Answer, Body, Operation, OperationOptions

NAME_PATTERN: Final = r"^(?=.*[^ .])[^/\x00-\x1f\x7f-\x9f\ufffd]+$"
_PREVIEW: Final = "-[Pp][Rr][Ee][Vv][Ii][Ee][Ww]"
VERSION_PATTERN: Final = (
    rf"^(3\.0({_PREVIEW}(\.([2-9]|[1-9][0-9]{{1,2}}))?)?"
    rf"|(3\.[12]|4\.[01]|5\.[0-2]|6\.[01]|7\.[0-2])({_PREVIEW}(\.[0-9]{{1,3}})?)?)$"
)
MOST_FOUND: Final = 100
READ: Final = ("dashboard_widget:read",)
WRITE: Final = ("dashboard_widget:write",)
DASHBOARDS: Final = "/{collection}/{project}/{team}/_apis/dashboard/dashboards"
DASHBOARD: Final = f"{DASHBOARDS}/{{dashboardId}}"
WIDGETS: Final = f"{DASHBOARD}/widgets"
WIDGET: Final = f"{WIDGETS}/{{widgetId}}"
WIDGET_TYPES: Final = "/{collection}/{project}/{team}/_apis/dashboard/widgettypes"
WIDGET_TYPE: Final = f"{WIDGET_TYPES}/{{contributionId}}"
PROJECT: Final = "/{collection}/_apis/projects/{project}"
NAMED_WIDGETS: Final = "/{collection}/_apis/dashboard/widgets"


def _name(**options: Any) -> fields.String:
    return fields.String(
        **options,
        required=True,
        validate=validate.Length(1, NAME_LENGTH),
        metadata={"pattern": NAME_PATTERN},
    )


class CollectionPath(Schema):
    """The path of a collection: one name, or several with slashes between them."""

    collection = _name()


class AreaNamePath(CollectionPath):
    """The path of the locations of an area of resources, which is named in any case."""

    area = _name()


class AreaPath(CollectionPath):
    """The path of an area of resources."""

    area_id = Guid(data_key="areaId", required=True)


class ProjectPath(CollectionPath):
    """The path of a project, which is named by its name or its GUID."""

    project = _name()


class TeamPath(ProjectPath):
    """The path of a team's dashboards; the names are compared without regard to case."""

    team = _name()


class DashboardPath(TeamPath):
    """The path of a dashboard."""

    dashboard_id = Guid(data_key="dashboardId", required=True)


class WidgetPath(DashboardPath):
    """The path of a widget."""

    widget_id = Guid(data_key="widgetId", required=True)


class WidgetTypePath(TeamPath):
    """The path of a type of widget."""

    contribution_id = _name(data_key="contributionId")


class ApiVersionQuery(Schema):
    """The version of the API; it may stand in `Accept` too, or nowhere."""

    version = fields.String(data_key="api-version", metadata={"pattern": VERSION_PATTERN})


class NamedWidgetsQuery(ParametersSchema, ApiVersionQuery):
    """What is in the name of a widget, in any case, and how many are wanted."""

    part = TextParameter(data_key="name", load_default="")
    most = IntegerParameter(1, MOST_FOUND, data_key="$top", load_default=MOST_FOUND)


class ListVersion(Schema):
    """The version of the dashboard's list that must be current; `If-Match` is read too."""

    etag = ETag(data_key="ETag")


class RequiredListVersion(Schema):
    """The version of the dashboard's list of widgets, without which no list is written."""

    etag = ETag(data_key="ETag", required=True)


# By the last name in the path: what describes it, and what the view is given.
PATHS: Final[Mapping[str, tuple[type[Schema], str]]] = {
    "widgetId": (WidgetPath, "widget"),
    "dashboardId": (DashboardPath, "dashboard"),
    "contributionId": (WidgetTypePath, "contribution"),
    "area": (AreaNamePath, "address"),
    "areaId": (AreaPath, "address"),
    "team": (TeamPath, "context"),
    "project": (ProjectPath, "project"),
    "collection": (CollectionPath, "address"),
}
ERRORS: Final[Mapping[int, str]] = {
    400: "The path, the version of the API or the body cannot be read.",
    401: "The token is missing or not valid.",
    403: "The token lacks the scope.",
    404: "There is no such dashboard or widget.",
    408: "The body did not arrive in time.",
    409: "A version that was given is not the current one; nothing was changed.",
    413: "The body is too large.",
    429: "The token has no request left.",
    503: "The database does not answer.",
    507: "The database's disk is full; nothing was changed.",
}
ERRORS_OF_WRITES: Final = (408, 409, 413, 507)

blueprint = Blueprint("azure_api", __name__)


@blueprint.record_once
def add_converter(state: BlueprintSetupState) -> None:
    """Teach the application to read the addresses."""
    state.app.url_map.converters["azure_address"] = AddressConverter


@blueprint.before_request
def check_request() -> None:
    """Refuse what holds for all addresses: another version of the API, impossible names."""
    g.answer_format = read_format()
    check_names(current_address())


def current_address() -> ApiPath:
    """Return the address of the current request."""
    return cast(ApiPath, (request.view_args or {})["address"])


def reached_address(key: str) -> ApiPath:
    """Return the current address with the names of its place, where it has GUIDs that are known.

    Raises Forbidden where the token does not reach the place.
    """
    address, names = current_address(), PlaceNames(library().store)
    if key == "project":
        project = names.named(address.project)
        check_project(caller(), project)
        return replace(address, rest=(*address.rest[:-1], project.project))
    context = names.named(address.context)
    check_place(caller(), context)
    place = (context.collection, context.project, context.team)
    return replace(address, names=tuple(name for name in place if name))


class AzureOperations(Operations):
    """Operations whose addresses ignore case, with lists as bodies and versions in headers."""

    automatic_options: ClassVar[bool | None] = False

    def rule(self, operation: Operation) -> str:
        """Write the address as one variable; the dashboards need the name of a project."""
        before, _, after = operation.path.partition("/_apis")
        rest = re.sub(r"\{\w+\}", "[^/]+", after)
        return f"/<azure_address(least={int('{project}' in before)}, rest='{rest}'):address>"

    def readers(self, operation: Operation) -> Readers:
        """Return what reads the address, the body and the versions of a request."""
        _, key = PATHS[_last_name(operation.path)]
        readers: Readers = {key: current_address}
        if key != "address":
            readers[key] = lambda: getattr(reached_address(key), key)
        readers |= self.body_reader(operation)
        if operation.query is not None and operation.query is not ApiVersionQuery:
            readers["query"] = partial(read_query, operation.query())
        if (headers := operation.headers) is not None:
            is_required = headers is RequiredListVersion
            readers["versions"] = lambda: header_versions(required=is_required)
        return readers

    def written(self, answer: Any, status: int) -> Response:
        """Write an answer as the request wants it."""
        return formatted(answer, status)

    def body_reader(self, operation: Operation) -> Readers:
        """Return what reads the body: a document, or a list of widgets."""
        body = operation.request
        if body is None or not body.many:
            return super().body_reader(operation)
        schema = body.schema(many=True)
        return {"body": lambda: load_widgets(schema, read_json_object_or_list())}


operations = AzureOperations(blueprint, prefix="azure_")


def operation(
    method: str,
    path: str,
    answer: type[Schema] | None,
    *,
    versioned: bool = False,
    or_empty: str | None = None,
    **options: Unpack[OperationOptions],
) -> Callable[[View], View]:
    """Declare an operation; one that is `versioned` answers with the version of the list.

    `or_empty` says when it answers 204 instead.
    """
    writes = method in ("post", "put", "patch", "delete")
    status, body = (204, None) if answer is None else (200, Body(answer))
    description = "The change is made." if writes else "The resource."
    headers = ListHeadersSchema if versioned else None
    answers = {status: Answer(description, body, headers)}
    if or_empty is not None:
        answers[204] = Answer(or_empty, None, headers)
    for refused, reason in ERRORS.items():
        if writes or refused not in ERRORS_OF_WRITES:
            answers[refused] = Answer(reason, Body(AzureErrorSchema))
    options["parameters"], _ = PATHS[_last_name(path)]
    options.setdefault("query", ApiVersionQuery)
    return operations.add(method, path, answers, **options)


def _last_name(path: str) -> str:
    *_, last = re.findall(r"\{(\w+)\}", path)
    return str(last)
