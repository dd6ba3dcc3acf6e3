"""Azure DevOps' work items, such as https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1 .

Reads "Work Items - Get Work Item" 7.1 of the REST API
(https://learn.microsoft.com/en-us/rest/api/azure/devops/wit/work-items/get-work-item), with the
credentials of all of its pages. Oddity: a person may be a text, `Ada <ada@fabrikam.com>`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import fields, pre_load

from app.connectors.azure_devops.api import (
    API_HEADERS,
    ICON,
    NAME,
    SEARCH_HOST,
    AzureDevOps,
    encoded,
    has_organization,
)
from app.connectors.base import (
    Count,
    Found,
    Match,
    Resource,
    ResourceUrl,
    Search,
    SearchQuery,
    Timestamp,
    one_of,
)
from app.connectors.card_parts import ask, card, colored, footer, inner, joined, names, people
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Person(Resource):
    """Somebody of the organization; older versions give a text, `Ada <ada@fabrikam.com>`."""

    name = fields.String(data_key="displayName")
    image = fields.String(data_key="imageUrl")

    @pre_load
    def read_text(self, given: Any, **_: Any) -> Any:
        """Accept a person that is a text: the name in it."""
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
    created = Timestamp(data_key="System.CreatedDate")
    changed = Timestamp(data_key="System.ChangedDate")


class WorkItem(Resource):
    """A work item, of any type and process."""

    fields_ = fields.Nested(ItemFields, data_key="fields", required=True)


class FoundFields(Resource):
    """The fields of a work item that was found; here the names are in lower case."""

    number = Count(data_key="system.id", required=True)
    title = fields.String(data_key="system.title")
    kind = fields.String(data_key="system.workitemtype")


class FoundItem(Resource):
    """A work item that was found."""

    fields_ = fields.Nested(FoundFields, data_key="fields", required=True)
    project = Resource.nested(name=fields.String())


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
_PROJECT_PATH: Final = rf"(?:/(?P<first>{NAME})(?:/{NAME}){{0,2}})?"
_NUMBER: Final = r"(?P<number>[0-9]{1,10})"


class AzureDevOpsWorkItem(AzureDevOps):
    """Work items by their own address, or as a board, backlog, sprint or query has them open."""

    name = "azure_devops_work_item"
    example = "https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1"
    path = one_of(
        rf"{_PROJECT_PATH}/_(?:workitems|queries)/edit/{_NUMBER}/?",
        rf"{_PROJECT_PATH}/_(?:backlogs|boards|queries|sprints|workitems)(?:/{NAME}){{0,9}}/?"
        rf"\?workitem={_NUMBER}(?:[&#].*)?",
        rf"{_PROJECT_PATH}/_workitems/?\?id={_NUMBER}(?:#.*)?",
        # Of older servers.
        rf"{_PROJECT_PATH}/_workitems/?#(?:.*&)?id={_NUMBER}(?:&.*)?",
        rf"{_PROJECT_PATH}/_apis/wit/workitems/{_NUMBER}/?",
        any_case=True,
    )
    query_parameters = ("workitem", "id")
    reads_fragment = True
    schema = WorkItem
    search_schema = FoundItem.listed("results")

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do, where the path or the host names an organization."""
        match = super().match(address)
        named = match and (match.get("first") or not has_organization(match))
        return match if named else None

    def canonical(self, match: Match) -> str:
        """Return the page, which needs no project."""
        return f"{match.server.url}/{_organization(match)}_workitems/edit/{match['number']}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the organization: it numbers the items of all its projects in one sequence."""
        item = f"{_organization(match)}_apis/wit/workitems/{match['number']}"
        query = f"{self.version(match.host, '7.1')}&fields={SHOWN}"
        return ask(match, f"{item}?{query}", headers=API_HEADERS)

    @property
    def search_servers(self) -> tuple[Server, ...]:
        """The cloud, and servers of one's own."""
        return (Server("dev.azure.com"), *self.servers)

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the organization or the collection, by "Fetch Work Item Search Results".

        A server of one's own answers that where its extension for searches is installed.
        """
        scope = self._searched.get(server.host)
        if not scope:
            return
        is_own = server.host in self._own
        where = server if is_own else SEARCH_HOST
        version = self.version(server.host, "7.1-preview.1" if is_own else "7.1")
        wanted = {"searchText": query.words, "$skip": 0, "$top": MOST_FOUND}
        request = ask(
            where,
            f"{encoded(scope)}/_apis/search/workitemsearchresults?{version}",
            headers=API_HEADERS,
            method="POST",
            body=json.dumps(wanted).encode(),
        )
        yield Search(request, server, scope=scope)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:
        """Name the project, the type and the number below the title."""
        for item in answer.get("results") or ():
            found, project = item["fields_"], inner(item, "project", "name")
            number = f"#{found['number']}"
            page = f"{search.server.url}/{encoded(search.scope)}/_workitems/edit"
            address = f"{page}/{found['number']}"
            below = joined(project, f"{first_text(found.get('kind'))} {number}".strip())
            yield Found(first_text(found.get("title"), number), address, below, ICON)

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


def _organization(match: Match) -> str:
    """Return the organization as the path has it, with a slash; '' where the host has it."""
    return f"{encoded(match['first'])}/" if has_organization(match) else ""


def _priority(priority: int | None) -> Pill | None:
    return None if priority is None else colored("Priority", str(priority), PRIORITIES)


def _plan(item: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the iteration; where that is the project itself, nothing is planned: then the area."""
    for name in ("iteration", "area"):
        _, _, leaf = (item.get(name) or "").rpartition("\\")
        if leaf != item.get(name) and first_text(leaf):
            return TextWithIcon(name.capitalize(), leaf)
    return None
