"""GitLab issues and merge requests, such as https://gitlab.com/gitlab-org/gitlab/-/issues/1 .

Reads "Single project issue" and "Get single MR" of GitLab's REST API, version 4
(https://docs.gitlab.com/api/issues/, https://docs.gitlab.com/api/merge_requests/). Wants
`GITLAB_TOKEN` (or none: public projects) for gitlab.com, or for `GITLAB_HOST`; further servers, in
`PLACARD_GITLAB_HOSTS`, have theirs in the credentials file. Oddity: the API takes a project's whole
path, groups included, as one escaped part: `group%2Fsubgroup%2Fproject`; and what a board has open
is in the address as JSON in base64.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, unquote

from marshmallow import fields

from app.connectors.base import (
    Connector,
    Count,
    Found,
    Match,
    Resource,
    ResourceUrl,
    Search,
    SearchQuery,
    Timestamp,
    json_in_base64,
    one_of,
    servers_of,
)
from app.connectors.card_parts import (
    PillTable,
    ask,
    card,
    drawn,
    footer,
    inner,
    names,
    people,
    pill,
)
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import header_pairs
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class Account(Resource):
    name = fields.String()
    username = fields.String()
    avatar_url = fields.String()


class IssueOrMergeRequest(Resource):
    """An issue or a merge request; old versions lack some parts, and name others differently."""

    needs_any = ("title", "state")
    title = fields.String()
    state = fields.String()
    references = Resource.nested(full=fields.String())
    web_url = fields.String()
    confidential = fields.Boolean()
    moved_to_id = Count()
    draft = fields.Boolean()
    work_in_progress = fields.Boolean()
    author = fields.Nested(Account)
    assignee = fields.Nested(Account)
    assignees = fields.List(fields.Nested(Account))
    reviewers = fields.List(fields.Nested(Account))
    labels = fields.List(fields.String())
    milestone = Resource.nested(title=fields.String())
    source_branch = fields.String()
    target_branch = fields.String()
    due_date = fields.Date()
    created_at = Timestamp()
    updated_at = Timestamp()
    closed_at = Timestamp()
    merged_at = Timestamp()
    user_notes_count = Count()


STATES: Final[PillTable] = {
    "opened": ("Open", "green"),
    "draft": ("Draft", "cool-gray"),
    "merged": ("Merged", "blue"),
    "closed": ("Closed", "blue"),
    "moved": ("Closed (moved)", "blue"),
    "unmerged": ("Closed", "red"),
    "locked": ("Merging", "yellow"),
}
ICON: Final = "https://gitlab.com/apple-touch-icon.png"
_NAME: Final = r"(?!\.\.?(?:/|%|\Z))[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}"
_PROJECT: Final = rf"{_NAME}(?:/{_NAME}){{1,21}}"
_ISSUE: Final = r"(?P<issue>[0-9]{1,10})"
_MERGE_REQUEST: Final = r"(?P<merge_request>[0-9]{1,10})"
# `group/project#12` and `group/project!34`, or the number in a project that is known.
_SHORT: Final = re.compile(rf"({_PROJECT})?([#!])([0-9]{{1,10}})", re.ASCII)
_TABS: Final = r"(?:/(?:commits|diffs|pipelines|reports|conflicts)|\.diff|\.patch)?"


class GitLab(Connector):
    """Issues and merge requests of gitlab.com, and of other hosts that run GitLab."""

    name = "gitlab"
    label = "GitLab"
    example = "https://gitlab.com/gitlab-org/gitlab/-/issues/1"
    settings = (
        ConnectorSetting("GITLAB_TOKEN", "token", "token for `GITLAB_HOST`"),
        ConnectorSetting("GITLAB_HOST", "hosts", "host that gets the token; unset: gitlab.com"),
        ConnectorSetting("PLACARD_GITLAB_HOSTS", "hosts", "self-hosted GitLab hosts to serve too"),
    )
    path = one_of(
        rf"/(?!(?:groups|api)/)(?P<project>{_PROJECT})(?:/-)?"
        rf"/(?:(?:issues(?:/incident)?|work_items)/{_ISSUE}(?:/designs(?:/[^/]*)?)?"
        rf"|merge_requests/{_MERGE_REQUEST}{_TABS})/?",
        # What is open beside a board or a list.
        rf"(?:(?:/groups)?/{_NAME}(?:/{_NAME}){{0,21}}/-/(?:boards(?:/[0-9]{{1,10}})?|issues"
        r"|work_items)|/dashboard/(?:issues|work_items))/?"
        r"\?show=(?P<show>[A-Za-z0-9 +/_=-]{1,2000})",
        rf"/api/v4/projects/(?P<escaped>[0-9]{{1,12}}|{_NAME}(?:%2[Ff]{_NAME}){{1,21}})"
        rf"/(?:issues/{_ISSUE}|merge_requests/{_MERGE_REQUEST})/?",
    )
    query_parameters = ("show",)
    schema = IssueOrMergeRequest
    search_schema = IssueOrMergeRequest.listed("items")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        of_token = servers_of(values["GITLAB_HOST"] or ("gitlab.com",))
        self.servers = (*of_token, *servers_of(values["PLACARD_GITLAB_HOSTS"]))
        self.hosts = frozenset({"gitlab.com", *(server.host for server in self.servers)})
        token = values["GITLAB_TOKEN"]
        self.credentials = tuple(
            header_pairs(server.host, "GITLAB_TOKEN", {"PRIVATE-TOKEN": token})
            for server in of_token
            if token
        )

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do, and read the issue that a board has open."""
        match = super().match(address)
        if match is None or not match.get("show"):
            return match
        shown = json_in_base64(match["show"])
        project, iid = (str(inner(shown, key)) for key in ("full_path", "iid"))
        if not re.fullmatch(_PROJECT, project) or not re.fullmatch(r"[0-9]{1,10}", iid, re.ASCII):
            return None
        return replace(match, parameters={"project": project, "issue": iid})

    def canonical(self, match: Match) -> str:
        """Return the page; of a project that is named by its number, the API's address."""
        kind, iid = _kind_and_iid(match)
        if match.get("escaped").isdigit():
            return f"{match.server.url}/api/v4/projects/{match['escaped']}/{kind}/{iid}"
        return f"{match.server.url}/{_project(match)}/-/{kind}/{iid}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the address's own host."""
        kind, iid = _kind_and_iid(match)
        return ask(match, f"api/v4/projects/{quote(_project(match), safe='')}/{kind}/{iid}")

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the titles of what is open, in all projects that the token sees.

        Implements "List issues" and "List merge requests", with `search` and `in`.
        """
        text = quote(query.text, safe="")
        wanted = f"scope=all&state=opened&in=title&search={text}&per_page={MOST_FOUND}"
        for kind in ("issues", "merge_requests"):
            request = ask(server, f"api/v4/{kind}?{wanted}&order_by=updated_at")
            yield Search(request, server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:  # noqa: ARG002
        """Name the project and the number below the title, as GitLab does."""
        for item in answer.get("items") or ():
            full = inner(item, "references", "full") or ""
            yield Found(drawn(item.get("title")) or full, item.get("web_url") or "", full, ICON)

    def short_forms(self, text: str, recent: Sequence[Match]) -> Iterable[str]:
        """Read `group/project!34`, and `!34` in the project that was shown last."""
        found = _SHORT.fullmatch(text)
        if found is None:
            return []
        kind = "issues" if found[2] == "#" else "merge_requests"
        if found[1]:
            projects = [f"{server.url}/{found[1]}" for server in self.servers]
        else:
            projects = [f"{last.server.url}/{_project(last)}" for last in recent[:1]]
        return [f"{project}/-/{kind}/{found[3]}" for project in projects]

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, who has it, when it ended, is due or began, and what it is about."""
        return card(
            drawn(resource.get("title")),
            _subtitle(resource, match),
            icon=ICON,
            fields=[
                _state(resource, match),
                _visibility(resource),
                _assignees(resource),
                _date(resource),
                people("Reviewer", map(_named, resource.get("reviewers") or ())),
                names("Labels", resource.get("labels")),
                TextWithIcon("Milestone", drawn(inner(resource, "milestone", "title"))),
                _branches(resource),
            ],
            footer=footer(resource.get("updated_at"), resource.get("created_at"), self.label),
            comments=resource.get("user_notes_count"),
        )


def _project(match: Match) -> str:
    return match.get("project") or unquote(match["escaped"])


def _kind_and_iid(match: Match) -> tuple[str, str]:
    """Name the part of the API, and the number within the project."""
    if match.get("issue"):
        return "issues", match["issue"]
    return "merge_requests", match["merge_request"]


def _subtitle(resource: Mapping[str, Any], match: Match) -> str:
    """Name the project and the number as GitLab does, by the address where it says nothing."""
    kind, iid = _kind_and_iid(match)
    mark = "#" if kind == "issues" else "!"
    full = inner(resource, "references", "full")
    return first_text(full, f"{_project(match)}{mark}{iid}")


def _state(resource: Mapping[str, Any], match: Match) -> Pill:
    """Show the state in GitLab's meaning and colours; one that is new to us as it comes."""
    state = resource.get("state")
    if state == "opened" and (resource.get("draft") or resource.get("work_in_progress")):
        state = "draft"
    elif state == "closed" and match.get("merge_request"):
        state = "unmerged"
    elif state == "closed" and resource.get("moved_to_id") is not None:
        state = "moved"
    return pill("State", state, STATES, otherwise="Unknown")


def _visibility(resource: Mapping[str, Any]) -> Pill | None:
    return Pill("Visibility", "Confidential", "orange") if resource.get("confidential") else None


def _assignees(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the assignees, or where there are none the author."""
    assignees = resource.get("assignees") or [resource.get("assignee")]
    authors = [resource.get("author")]
    return people("Assignee", map(_named, assignees)) or people("Author", map(_named, authors))


def _named(account: Mapping[str, Any] | None) -> tuple[str, str | None]:
    """Pair a name with the picture."""
    name = first_text(inner(account, "name"), inner(account, "username"))
    return name, inner(account, "avatar_url")


def _date(resource: Mapping[str, Any]) -> DatetimeWithIcon | TextWithIcon:
    """Show when it was merged or closed, else when it is due, else when it was opened."""
    state, due = resource.get("state"), resource.get("due_date")
    if state == "merged" and resource.get("merged_at"):
        return DatetimeWithIcon("Merged", resource["merged_at"])
    if state == "closed" and resource.get("closed_at"):
        return DatetimeWithIcon("Closed", resource["closed_at"])
    if state == "opened" and due:
        # A day without a time: as a moment it would be another day somewhere.
        return TextWithIcon("Due", due.isoformat())
    return DatetimeWithIcon("Opened", resource.get("created_at"))


def _branches(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the branches, the target first: of the two, the source's name is the long one."""
    source, target = resource.get("source_branch"), resource.get("target_branch")
    return TextWithIcon("Branches", f"{target} ← {source}") if source and target else None
