"""GitLab issues and merge requests, such as https://gitlab.com/gitlab-org/gitlab/-/issues/1 .

Reads "Single project issue" and "Get single MR" of GitLab's REST API, version 4. Wants
`GITLAB_TOKEN` (or none: public projects) for gitlab.com, or for `GITLAB_HOST`; further hosts, in
`PLACARD_GITLAB_HOSTS`, have theirs in the credentials file. Oddity: the API takes a project's whole
path, groups included, as one escaped part: `group%2Fsubgroup%2Fproject`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote

from marshmallow import fields

from app.connectors.base import Connector, Count, Match, Moment, Resource
from app.connectors.card_parts import ask, footer, people, pill
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import header_pairs
from app.upstream.messages import UpstreamRequest
from templates_schemas import (
    DatetimeWithIcon,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
)
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


class Account(Resource):
    """A user or a bot."""

    name = fields.String(allow_none=True)
    username = fields.String(required=True)
    avatar_url = fields.String(allow_none=True)


class Milestone(Resource):
    """A milestone, of a project or of a group."""

    title = fields.String(required=True)


class References(Resource):
    """What GitLab's own texts call it."""

    full = fields.String(allow_none=True)


class IssueOrMergeRequest(Resource):
    """An issue or a merge request; old versions lack some parts, and name others differently."""

    title = fields.String(required=True)
    state = fields.String(required=True)
    references = fields.Nested(References, allow_none=True)
    confidential = fields.Boolean(allow_none=True)
    moved_to_id = Count(allow_none=True)
    draft = fields.Boolean(allow_none=True)
    work_in_progress = fields.Boolean(allow_none=True)
    author = fields.Nested(Account, allow_none=True)
    assignee = fields.Nested(Account, allow_none=True)
    assignees = fields.List(fields.Nested(Account), allow_none=True)
    reviewers = fields.List(fields.Nested(Account), allow_none=True)
    labels = fields.List(fields.String(), allow_none=True)
    milestone = fields.Nested(Milestone, allow_none=True)
    source_branch = fields.String(allow_none=True)
    target_branch = fields.String(allow_none=True)
    due_date = fields.Date(allow_none=True)
    created_at = Moment(allow_none=True)
    updated_at = Moment(allow_none=True)
    closed_at = Moment(allow_none=True)
    merged_at = Moment(allow_none=True)
    user_notes_count = Count(allow_none=True)


STATES: Final[dict[str, tuple[str, PillColor]]] = {
    "opened": ("Open", "green"),
    "draft": ("Draft", "cool-gray"),
    "merged": ("Merged", "blue"),
    "closed": ("Closed", "blue"),
    "moved": ("Closed (moved)", "blue"),
    "unmerged": ("Closed", "red"),
    "locked": ("Merging", "yellow"),
}
ICON: Final = "https://gitlab.com/apple-touch-icon.png"
_NAME: Final = r"(?!\.\.?/)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}"


class GitLab(Connector):
    """Issues and merge requests of gitlab.com, and of other hosts that run GitLab."""

    name: ClassVar[str] = "gitlab"
    label: ClassVar[str] = "GitLab"
    example: ClassVar[str] = "https://gitlab.com/gitlab-org/gitlab/-/issues/1"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("GITLAB_TOKEN", "token", "token for `GITLAB_HOST`"),
        ConnectorSetting("GITLAB_HOST", "hosts", "host that gets the token; unset: gitlab.com"),
        ConnectorSetting("PLACARD_GITLAB_HOSTS", "hosts", "self-hosted GitLab hosts to serve too"),
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        rf"/(?!groups/)(?P<project>{_NAME}(?:/{_NAME}){{1,21}})(?:/-)?"
        r"/(?:(?:issues(?:/incident)?|work_items)/(?P<issue>[0-9]{1,10})"
        r"|merge_requests/(?P<merge_request>[0-9]{1,10})(?:/(?:commits|diffs|pipelines))?)/?"
    )
    schema: ClassVar[type[Resource]] = IssueOrMergeRequest

    def __init__(self, settings: Settings) -> None:
        token_hosts = settings.connector_settings["GITLAB_HOST"] or ("gitlab.com",)
        others = settings.connector_settings["PLACARD_GITLAB_HOSTS"] or ()
        self.hosts = frozenset({"gitlab.com", *token_hosts, *others})
        token = settings.connector_settings["GITLAB_TOKEN"]
        self.credentials = tuple(
            header_pairs(host, "GITLAB_TOKEN", {"PRIVATE-TOKEN": token})
            for host in token_hosts
            if token
        )

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the address's own host."""
        project = quote(match["project"], safe="")
        kind, iid = _kind_and_iid(match)
        return ask(match.host, f"api/v4/projects/{project}/{kind}/{iid}")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, who has it, when it ended, is due or began, and what it is about."""
        place = _place(resource, match)
        title = first_text(resource["title"])
        return SummaryWithDetails(
            title=title or place,
            subtitle=place if title else None,
            subicon_url=ICON,
            fields=[
                _state(resource, match),
                _visibility(resource),
                _assignees(resource),
                _date(resource),
                people("Reviewer", _named(resource.get("reviewers") or ())),
                TextWithIcon("Labels", listed(resource.get("labels") or (), FIELD_TEXT_MAX)),
                TextWithIcon("Milestone", (resource.get("milestone") or {}).get("title")),
                _branches(resource),
            ],
            footer=footer(resource.get("updated_at"), resource.get("created_at"), self.label),
            num_comments=resource.get("user_notes_count"),
        )


def _kind_and_iid(match: Match) -> tuple[str, str]:
    """Name the part of the API, and the number within the project."""
    if "issue" in match.parts:
        return "issues", match["issue"]
    return "merge_requests", match["merge_request"]


def _place(resource: Mapping[str, Any], match: Match) -> str:
    """Name the project and the number as GitLab does, by the address where it says nothing."""
    kind, iid = _kind_and_iid(match)
    mark = "#" if kind == "issues" else "!"
    full = (resource.get("references") or {}).get("full")
    return first_text(full, f"{match['project']}{mark}{iid}")


def _state(resource: Mapping[str, Any], match: Match) -> Pill:
    """Show the state in GitLab's meaning and colours; one that is new to us as it comes."""
    state = resource["state"]
    if state == "opened" and (resource.get("draft") or resource.get("work_in_progress")):
        state = "draft"
    elif state == "closed" and "merge_request" in match.parts:
        state = "unmerged"
    elif state == "closed" and resource.get("moved_to_id") is not None:
        state = "moved"
    return pill("State", state, STATES, otherwise="Unknown")


def _visibility(resource: Mapping[str, Any]) -> Pill | None:
    return Pill("Visibility", "Confidential", "orange") if resource.get("confidential") else None


def _assignees(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the assignees, or where there are none the author."""
    assignee, author = resource.get("assignee"), resource.get("author")
    assignees = resource.get("assignees") or ([assignee] if assignee else [])
    authors = [author] if author else []
    return people("Assignee", _named(assignees)) or people("Author", _named(authors))


def _named(accounts: Sequence[Mapping[str, Any]]) -> list[tuple[str, str | None]]:
    """Pair each name with the picture."""
    return [
        (first_text(account.get("name"), account["username"]), account.get("avatar_url"))
        for account in accounts
    ]


def _date(resource: Mapping[str, Any]) -> DatetimeWithIcon | TextWithIcon:
    """Show when it was merged or closed, else when it is due, else when it was opened."""
    state, due = resource["state"], resource.get("due_date")
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
