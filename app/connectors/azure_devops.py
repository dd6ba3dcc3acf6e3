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

from marshmallow import fields, pre_load

from app.connectors.base import Connector, Count, Match, Moment, Resource, ResourceUrl, one_of
from app.connectors.card_parts import ask, card, colored, counted, footer, names, people
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic
from app.upstream.messages import UpstreamRequest
from templates_schemas import CustomText, DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Position(Resource):
    """Where a widget is, counted from 1; one made of a template may leave it blank."""

    row = Count()
    column = Count()


class Size(Resource):
    """How large a widget is."""

    rows = Count(data_key="rowSpan")
    columns = Count(data_key="columnSpan")


class Widget(Resource):
    """A widget of a dashboard; its settings are a text of its own making, which is not shown."""

    needs_any = ("name", "contribution")
    name = fields.String()
    contribution = fields.String(data_key="contributionId")
    position = fields.Nested(Position)
    size = fields.Nested(Size)
    enabled = fields.Boolean(data_key="isEnabled")


class Person(Resource):
    """Somebody of the organization; older versions give a text, `Ada <ada@fabrikam.com>`."""

    name = fields.String(data_key="displayName")
    image = fields.String(data_key="imageUrl")

    @pre_load
    def read_text(self, given: Any, **_: Any) -> Any:
        """Take the name of a text."""
        if not isinstance(given, str):
            return given
        return {"displayName": first_text(given.partition("<")[0], given)}


class ItemFields(Resource):
    """The fields of a work item, by their reference names; one without a value is left out."""

    needs_any = ("title", "state", "kind")
    title = fields.String(data_key="System.Title")
    state = fields.String(data_key="System.State")
    kind = fields.String(data_key="System.WorkItemType")
    project = fields.String(data_key="System.TeamProject")
    assignee = fields.Nested(Person, data_key="System.AssignedTo")
    iteration = fields.String(data_key="System.IterationPath")
    area = fields.String(data_key="System.AreaPath")
    tags = fields.String(data_key="System.Tags")
    priority = Count(data_key="Microsoft.VSTS.Common.Priority")
    comments = Count(data_key="System.CommentCount")
    created = Moment(data_key="System.CreatedDate")
    changed = Moment(data_key="System.ChangedDate")


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
PRIORITIES: Final[dict[str, PillColor]] = {
    "1": "red",
    "2": "orange",
    "3": "yellow",
    "4": "cool-gray",
}
# A field that a project does not have is answered with an error: these are in every process.
SHOWN: Final = ",".join(str(field.data_key) for field in ItemFields().fields.values())
ICON: Final = "https://cdn.vsassets.io/content/icons/favicon.ico"
# Without the second one, who may not read something is sent to a page to sign in.
API_HEADERS: Final = {"Accept": "application/json", "X-TFS-FedAuthRedirect": "Suppress"}
HOST: Final = "dev.azure.com"
# A part of a path. Escaped dots, slashes, controls and percent signs could mean another path.
_NAME: Final = (
    r"(?!(?:\.|%20)+(?:[/?]|\Z))(?:[^/?%]|%(?!2[5EF]|5C|7F|[01][0-9A-F])[0-9A-F]{2}){1,256}"
)
_GUID: Final = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_PLACE: Final = rf"(?:/(?P<first>{_NAME})(?:/{_NAME}){{0,2}})?"
_NUMBER: Final = r"(?P<number>[0-9]{1,10})"
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
        values = settings.connector_settings
        self.hosts = frozenset({HOST, "*.visualstudio.com"})
        token = values["AZURE_DEVOPS_PAT"]
        organization = values["AZURE_DEVOPS_ORGANIZATION"] or ""
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
    path: ClassVar[re.Pattern[str]] = one_of(
        rf"/(?P<place>{_NAME}/{_NAME}(?:/{_NAME})?)/_apis/dashboard/dashboards"
        rf"/(?P<dashboard>{_GUID})/widgets/(?P<widget>{_GUID})/?",
        any_case=True,
    )
    schema: ClassVar[type[Resource]] = Widget

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.hosts |= settings.public_hosts

    def canonical(self, match: Match) -> str:
        """Return the widget's own address."""
        return f"{match.server.url}/{_widget(match)}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the address itself, in a version of the API."""
        return ask(match, f"{_widget(match)}?api-version=7.1-preview.2", headers=API_HEADERS)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show what it is, and its place on the dashboard; a widget knows no times."""
        contribution = resource.get("contribution") or ""
        kind = _kind(contribution)
        extension = contribution.lower().split(".")[1:2]
        disabled = resource.get("enabled") is False
        return SummaryWithDetails(
            title=first_text(resource.get("name"), kind),
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
    path: ClassVar[re.Pattern[str]] = one_of(
        rf"{_PLACE}/_(?:workitems|queries)/edit/{_NUMBER}/?",
        rf"{_PLACE}/_(?:backlogs|boards|queries|sprints|workitems)(?:/{_NAME}){{0,9}}/?"
        rf"\?workitem={_NUMBER}(?:&.*)?",
        rf"{_PLACE}/_workitems/?\?id={_NUMBER}",
        rf"{_PLACE}/_apis/wit/workitems/{_NUMBER}/?",
        any_case=True,
    )
    query_parameters: ClassVar[tuple[str, ...]] = ("workitem", "id")
    schema: ClassVar[type[Resource]] = WorkItem

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do, where the path or the host names an organization."""
        match = super().match(address)
        named = match and (match.get("first") or not _has_organization(match))
        return match if named else None

    def canonical(self, match: Match) -> str:
        """Return the page, which needs no project."""
        return f"{match.server.url}/{_organization(match)}_workitems/edit/{match['number']}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the organization: it numbers the items of all its projects in one sequence."""
        item = f"{_organization(match)}_apis/wit/workitems/{match['number']}"
        return ask(match, f"{item}?api-version=7.1&fields={SHOWN}", headers=API_HEADERS)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, what and whose it is, how urgent, and when it is planned for."""
        item = resource["fields_"]
        assignee = item.get("assignee") or {}
        tags = [tag.strip() for tag in (item.get("tags") or "").split(";")]
        return card(
            item.get("title"),
            f"{first_text(item.get('project'))} #{match['number']}".strip(),
            icon=ICON,
            fields=[
                colored("State", first_text(item.get("state"), "Unknown"), STATES),
                colored("Type", item.get("kind"), KINDS),
                people("Assignee", [(assignee.get("name"), assignee.get("image"))]),
                _plan(item),
                _priority(item.get("priority")),
                names("Tags", tags),
                DatetimeWithIcon("Created", item.get("created")),
            ],
            footer=footer(item.get("changed"), item.get("created"), self.label),
            comments=item.get("comments"),
        )


def _widget(match: Match) -> str:
    place = "/".join(quote(name, safe="") for name in _names(match))
    return f"{place}/_apis/dashboard/dashboards/{match['dashboard']}/widgets/{match['widget']}"


def _names(match: Match) -> list[str]:
    return [unquote(name) for name in match["place"].split("/")]


def _has_organization(match: Match) -> bool:
    """Tell whether a path begins with the organization, which older hosts have in their name."""
    return not match.host.endswith(".visualstudio.com")


def _organization(match: Match) -> str:
    """Return the organization as the path has it, with a slash; '' where the host has it."""
    return f"{quote(unquote(match['first']), safe='')}/" if _has_organization(match) else ""


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


def _priority(priority: int | None) -> Pill | None:
    return None if priority is None else colored("Priority", str(priority), PRIORITIES)


def _plan(item: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the iteration; where that is the project itself, nothing is planned: then the area."""
    for name in ("iteration", "area"):
        _, _, leaf = (item.get(name) or "").rpartition("\\")
        if leaf != item.get(name) and first_text(leaf):
            return TextWithIcon(name.capitalize(), leaf)
    return None
