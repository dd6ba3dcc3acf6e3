"""Azure DevOps work items, and widgets of dashboards.

Such as https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1 , boards with `?workitem=1`, and
a widget's own API address. Reads "Work Items - Get Work Item" 7.1 and "Widgets - Get Widget"
7.1-preview.2 of the REST API. Wants `AZURE_DEVOPS_PAT` (or none: public projects). Oddity: the
token goes to dev.azure.com, whichever organization is asked for, but of the visualstudio.com hosts
only to the one of `AZURE_DEVOPS_ORGANIZATION`; without that setting to none of them.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote, unquote

from marshmallow import fields

from app.connectors.base import Connector, Count, Match, Moment, Resource
from app.connectors.card_parts import ask, counted, people
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic
from app.upstream.messages import UpstreamRequest
from templates_schemas import (
    CustomText,
    DatetimeWithIcon,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
)
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


class Cells(Count):
    """A number of cells of a dashboard; one made of a template may leave it blank."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a blank for nothing."""
        return super().deserialize(None if value == "" else value, *args, **kwargs)


class Position(Resource):
    """Where a widget is, counted from 1."""

    row = Cells(allow_none=True)
    column = Cells(allow_none=True)


class Size(Resource):
    """How large a widget is."""

    rows = Cells(data_key="rowSpan", allow_none=True)
    columns = Cells(data_key="columnSpan", allow_none=True)


class Widget(Resource):
    """A widget of a dashboard; its settings are a text of its own making, which is not shown."""

    name = fields.String(required=True, allow_none=True)
    contribution = fields.String(data_key="contributionId", required=True)
    position = fields.Nested(Position, allow_none=True)
    size = fields.Nested(Size, allow_none=True)
    enabled = fields.Boolean(data_key="isEnabled", allow_none=True)


class Person(Resource):
    """Somebody of the organization."""

    name = fields.String(data_key="displayName", allow_none=True)
    image = fields.String(data_key="imageUrl", allow_none=True)


class ItemFields(Resource):
    """The fields of a work item, by their reference names; one without a value is left out."""

    title = fields.String(data_key="System.Title", required=True)
    state = fields.String(data_key="System.State", required=True)
    kind = fields.String(data_key="System.WorkItemType", allow_none=True)
    project = fields.String(data_key="System.TeamProject", allow_none=True)
    assignee = fields.Nested(Person, data_key="System.AssignedTo", allow_none=True)
    iteration = fields.String(data_key="System.IterationPath", allow_none=True)
    area = fields.String(data_key="System.AreaPath", allow_none=True)
    tags = fields.String(data_key="System.Tags", allow_none=True)
    priority = Count(data_key="Microsoft.VSTS.Common.Priority", allow_none=True)
    comments = Count(data_key="System.CommentCount", allow_none=True)
    created = Moment(data_key="System.CreatedDate", allow_none=True)
    changed = Moment(data_key="System.ChangedDate", required=True)


class WorkItem(Resource):
    """A work item, of any type and process."""

    fields_ = fields.Nested(ItemFields, data_key="fields", required=True)


# By the extension that brings the widget: the hub that it belongs to.
HUBS: Final[dict[str, PillColor]] = {
    "vss-dashboards-web": "aqua",
    "vss-mywork-web": "green",
    "vss-work-web": "green",
    "vss-code-web": "orange",
    "vss-build-web": "blue",
    "vss-releasemanagement-web": "blue",
    "vss-test-web": "purple",
}
# The states of the Basic, Agile, Scrum and CMMI processes; others are of a team's own making.
STATES: Final[dict[str, PillColor]] = {
    "new": "cool-gray",
    "to do": "cool-gray",
    "proposed": "cool-gray",
    "design": "cool-gray",
    "approved": "aqua",
    "ready": "aqua",
    "active": "blue",
    "doing": "blue",
    "in progress": "blue",
    "committed": "blue",
    "open": "blue",
    "resolved": "orange",
    "done": "green",
    "closed": "green",
    "completed": "green",
    "removed": "cool-gray",
}
KINDS: Final[dict[str, PillColor]] = {
    "bug": "red",
    "epic": "orange",
    "feature": "purple",
    "user story": "blue",
    "product backlog item": "blue",
    "requirement": "blue",
    "task": "yellow",
    "issue": "magenta",
    "impediment": "magenta",
    "test case": "blue-green",
}
PRIORITIES: Final[dict[int, PillColor]] = {1: "red", 2: "orange", 3: "yellow", 4: "cool-gray"}
ICON: Final = "https://cdn.vsassets.io/content/icons/favicon.ico"
# Without the second one, who may not read something is sent to a page to sign in.
API_HEADERS: Final = {"Accept": "application/json", "X-TFS-FedAuthRedirect": "Suppress"}
HOST: Final = "dev.azure.com"
# A part of a path. Escaped dots, slashes, controls and percent signs could mean another path.
_NAME: Final = (
    r"(?!(?:\.|%20)+(?:[/?]|\Z))(?:[^/?%]|%(?!2[5EF]|5C|7F|[01][0-9A-F])[0-9A-F]{2}){1,256}"
)
_GUID: Final = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_ANY_CASE: Final = re.IGNORECASE | re.ASCII
_WORDS_MEET: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_-]+")


class AzureDevOps(Connector):
    """What both kinds of page share."""

    # To a token that is not good, it may answer 203 with its sign-in page.
    forbidden_statuses: ClassVar[frozenset[int]] = Connector.forbidden_statuses | {203}
    label: ClassVar[str] = "Azure DevOps"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("AZURE_DEVOPS_PAT", "token", "token for dev.azure.com; unset: anonymous"),
        ConnectorSetting("AZURE_DEVOPS_ORGANIZATION", "text", "its visualstudio.com gets it too"),
    )

    def __init__(self, settings: Settings) -> None:
        self.hosts = frozenset({HOST, "*.visualstudio.com"})
        token = settings.connector_settings["AZURE_DEVOPS_PAT"]
        organization = settings.connector_settings["AZURE_DEVOPS_ORGANIZATION"] or ""
        # As a host, `*` would be every organization's.
        organization = organization.removesuffix(".visualstudio.com").replace("*", "")
        trusted = [HOST, *([f"{organization}.visualstudio.com"] if organization else [])]
        self.credentials = tuple(
            basic(host, "AZURE_DEVOPS_PAT", "", token) for host in trusted if token
        )


class AzureDevOpsWidget(AzureDevOps):
    """Widgets of dashboards, by the address that the API gives them."""

    name: ClassVar[str] = "azure_devops_widget"
    example: ClassVar[str] = (
        "https://dev.azure.com/fabrikam/Fabrikam/Fabrikam%20Team/_apis/dashboard/dashboards"
        "/6e8c5aef-4f5a-4ab1-9b4c-0a4d6a1f2b3c/widgets/7d1b2c3d-0e4f-4a5b-8c6d-9e0f1a2b3c4d"
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        rf"/(?P<place>{_NAME}/{_NAME}(?:/{_NAME})?)/_apis/dashboard/dashboards"
        rf"/(?P<dashboard>{_GUID})/widgets/(?P<widget>{_GUID})/?",
        _ANY_CASE,
    )
    schema: ClassVar[type[Resource]] = Widget

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.hosts |= settings.public_hosts

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the address itself, in a version of the API."""
        place = "/".join(quote(name, safe="") for name in _names(match))
        return ask(
            match.host,
            f"{place}/_apis/dashboard/dashboards/{match['dashboard']}/widgets/{match['widget']}"
            "?api-version=7.1-preview.2",
            headers=API_HEADERS,
        )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show what it is, and its place on the dashboard; a widget knows no times."""
        kind = _kind(resource["contribution"])
        extension = resource["contribution"].lower().split(".")[1:2]
        disabled = resource.get("enabled") is False
        return SummaryWithDetails(
            title=first_text(resource["name"], kind),
            subtitle=" / ".join(_project_and_team(match)),
            subicon_url=ICON,
            fields=[
                Pill("Widget", kind, HUBS.get("".join(extension), "none")),
                Pill("State", "Disabled" if disabled else None, "cool-gray"),
                _size(resource.get("size") or {}),
                _position(resource.get("position") or {}),
            ],
            footer=CustomText(self.label),
        )


class AzureDevOpsWorkItem(AzureDevOps):
    """Work items by their own address, or as a board, backlog, sprint or query has them open."""

    name: ClassVar[str] = "azure_devops_work_item"
    example: ClassVar[str] = "https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1"
    path: ClassVar[re.Pattern[str]] = re.compile(
        rf"/(?P<first>{_NAME})(?:/{_NAME}){{0,2}}/(?:_workitems/edit/(?P<number>[0-9]{{1,10}})/?"
        rf"(?:\?.*)?|_(?:backlogs|boards|queries|sprints|workitems)(?:/{_NAME}){{0,9}}/?"
        r"\?workitem=(?P<opened>[0-9]{1,10}))",
        _ANY_CASE | re.DOTALL,
    )
    query_parameters: ClassVar[tuple[str, ...]] = ("workitem",)
    schema: ClassVar[type[Resource]] = WorkItem

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the organization: it numbers the items of all its projects in one sequence."""
        organization = (
            f"{quote(unquote(match['first']), safe='')}/" if _has_organization(match) else ""
        )
        return ask(
            match.host,
            f"{organization}_apis/wit/workitems/{_number(match)}?api-version=7.1&$expand=none",
            headers=API_HEADERS,
        )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, what and whose it is, and when it is planned for."""
        item = resource["fields_"]
        place = f"{first_text(item.get('project'))} #{_number(match)}"
        title, state, kind = first_text(item["title"]), item["state"], item.get("kind")
        assignee = item.get("assignee") or {}
        tags = [tag.strip() for tag in (item.get("tags") or "").split(";")]
        return SummaryWithDetails(
            title=title or place,
            subtitle=place if title else None,
            subicon_url=ICON,
            fields=[
                Pill("State", first_text(state, "Unknown"), STATES.get(state.lower(), "none")),
                Pill("Type", kind, KINDS.get((kind or "").lower(), "none")),
                people("Assignee", [(assignee.get("name"), assignee.get("image"))]),
                _plan(item),
                TextWithIcon("Tags", listed(tags, FIELD_TEXT_MAX)),
                _priority(item.get("priority")),
                DatetimeWithIcon("Created", item.get("created")),
            ],
            footer=Updated(item["changed"]),
            num_comments=item.get("comments"),
        )


def _names(match: Match) -> list[str]:
    return [unquote(name) for name in match["place"].split("/")]


def _has_organization(match: Match) -> bool:
    """Tell whether a path begins with the organization, which older hosts have in their name."""
    return not match.host.endswith(".visualstudio.com")


def _project_and_team(match: Match) -> list[str]:
    """Leave out the organization or the collection; a project's own dashboards have no team."""
    names = _names(match)
    has_more = _has_organization(match) or names[0].lower() == "defaultcollection"
    return names[1:] if has_more else names


def _kind(contribution: str) -> str:
    """Read `ms.vss-dashboards-web.….QueryScalarWidget` as `Query Scalar`."""
    last = contribution.rpartition(".")[2]
    words = _WORDS_MEET.sub(" ", last.removesuffix("Widget").removesuffix("-widget")).strip()
    return first_text(words[:1].upper() + words[1:], last, "Unknown")


def _size(size: Mapping[str, Any]) -> TextWithIcon | None:
    rows, columns = size.get("rows"), size.get("columns")
    if rows is None or columns is None:
        return None
    return TextWithIcon("Size", f"{counted(rows, 'row')} by {counted(columns, 'column')}")


def _position(position: Mapping[str, Any]) -> TextWithIcon | None:
    row, column = position.get("row"), position.get("column")
    if row is None or column is None:
        return None
    return TextWithIcon("Position", f"Row {row}, column {column}")


def _number(match: Match) -> str:
    return match.parts.get("number") or match["opened"]


def _priority(priority: int | None) -> Pill | None:
    if priority is None:
        return None
    return Pill("Priority", str(priority), PRIORITIES.get(priority, "none"))


def _plan(item: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the iteration; where that is the project itself, nothing is planned: then the area."""
    for name in ("iteration", "area"):
        _, _, leaf = (item.get(name) or "").rpartition("\\")
        if leaf != item.get(name) and first_text(leaf):
            return TextWithIcon(name.capitalize(), leaf)
    return None
