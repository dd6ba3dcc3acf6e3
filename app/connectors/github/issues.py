"""GitHub issues and pull requests, such as https://github.com/pallets/flask/issues/1 .

Reads "Get an issue" and "Get a pull request" of GitHub's REST API, version 2022-11-28. Wants
`GITHUB_TOKEN` (or none: public repositories, 60 calls an hour), and for the hosts in
`PLACARD_GITHUB_HOSTS` `GH_ENTERPRISE_TOKEN`. Oddity: to the issues API a pull request is an issue
too, and `/issues/7` may be the address of either.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields

from app.connectors.base import Count, Match, Moment, Resource
from app.connectors.card_parts import footer, people, pill
from app.connectors.github.api import ICON, PLACE, Account, GitHubPage, changes
from app.upstream.messages import UpstreamRequest
from templates_schemas import (
    DatetimeWithIcon,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
)
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


class Milestone(Resource):
    """A milestone."""

    title = fields.String(required=True)


class LabelName(fields.Field[str]):
    """A label: the API gives an object, or only its name."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        name = value.get("name") if isinstance(value, dict) else value
        if name is not None and not isinstance(name, str):
            raise ValidationError("must be a label")
        return name or ""


class PullLink(Resource):
    """What an issue knows of the pull request that it is."""

    merged_at = Moment(allow_none=True)


class IssueOrPull(Resource):
    """An issue or a pull request, of either API."""

    html_url = fields.String(allow_none=True)
    title = fields.String(required=True)
    state = fields.String(required=True)
    state_reason = fields.String(allow_none=True)
    draft = fields.Boolean(allow_none=True)
    merged_at = Moment(allow_none=True)
    pull_request = fields.Nested(PullLink, allow_none=True)
    user = fields.Nested(Account, allow_none=True)
    assignees = fields.List(fields.Nested(Account), allow_none=True)
    labels = fields.List(LabelName(), allow_none=True)
    milestone = fields.Nested(Milestone, allow_none=True)
    comments = Count(allow_none=True)
    review_comments = Count(allow_none=True)
    changed_files = Count(allow_none=True)
    additions = Count(allow_none=True)
    deletions = Count(allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(allow_none=True)
    closed_at = Moment(allow_none=True)


STATES: Final[dict[str, tuple[str, PillColor]]] = {
    "open": ("Open", "green"),
    "draft": ("Draft", "cool-gray"),
    "merged": ("Merged", "purple"),
    "closed": ("Closed", "purple"),
    "not_planned": ("Not planned", "cool-gray"),
    "duplicate": ("Duplicate", "cool-gray"),
    "unmerged": ("Closed", "red"),
}
MEASURES: Final = ("changed_files", "additions", "deletions")
_PLACE: Final = re.compile(r"/([^/\s]+/[^/\s]+)/(?:issues|pull)/([0-9]{1,10})")


class GitHub(GitHubPage):
    """Issues and pull requests of github.com, and of GitHub Enterprise hosts."""

    name: ClassVar[str] = "github"
    example: ClassVar[str] = "https://github.com/pallets/flask/issues/1"
    path: ClassVar[re.Pattern[str]] = re.compile(
        PLACE + r"/(?:issues/(?P<issue>[0-9]{1,10})/?"
        r"|pull/(?P<pull>[0-9]{1,10})(?:/(?:files|changes|commits|checks)(?:/.*)?|/)?)"
    )
    schema: ClassVar[type[Resource]] = IssueOrPull

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the issue, or for the pull request."""
        issue = match.parts.get("issue")
        return self.ask(match, f"/issues/{issue}" if issue else f"/pulls/{match['pull']}")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, who has it, what it is about, and when it ended or began."""
        place = _place(resource, match)
        title = first_text(resource["title"])
        labels = resource.get("labels") or ()
        return SummaryWithDetails(
            title=title or place,
            subtitle=place if title else None,
            subicon_url=ICON,
            fields=[
                _state(resource, is_pull="pull" in match.parts),
                _people(resource),
                TextWithIcon("Labels", listed(labels, FIELD_TEXT_MAX)),
                TextWithIcon("Milestone", (resource.get("milestone") or {}).get("title")),
                _date(resource),
                changes(*(resource.get(key) for key in MEASURES)),
            ],
            footer=footer(resource.get("updated_at"), resource["created_at"]),
            num_comments=_comments(resource),
        )


def _place(resource: Mapping[str, Any], match: Match) -> str:
    """Name the repository and the number: those of its own address, since it may have moved."""
    found = _PLACE.search(resource.get("html_url") or "")
    if found:
        return f"{found[1]} #{found[2]}"
    return f"{match['owner']}/{match['repo']} #{match.parts.get('issue') or match['pull']}"


def _state(resource: Mapping[str, Any], *, is_pull: bool) -> Pill:
    """Show the state: that of the pull request, where it is one."""
    state, reason = resource["state"], resource.get("state_reason")
    if _merged_at(resource):
        state = "merged"
    elif state == "open" and resource.get("draft"):
        state = "draft"
    elif state == "closed" and (is_pull or resource.get("pull_request") is not None):
        state = "unmerged"
    elif state == "closed" and reason in STATES:
        state = reason
    return pill("State", state, STATES, otherwise="Unknown")


def _merged_at(resource: Mapping[str, Any]) -> Any:
    return resource.get("merged_at") or (resource.get("pull_request") or {}).get("merged_at")


def _people(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the assignees, or where there are none the author."""
    assignees, author = resource.get("assignees") or (), resource.get("user")
    authors = [author] if author else []
    return people("Assignee", map(_named, assignees)) or people("Author", map(_named, authors))


def _named(account: Mapping[str, Any]) -> tuple[str, str | None]:
    return account["login"], account.get("avatar_url")


def _date(resource: Mapping[str, Any]) -> DatetimeWithIcon:
    """Show when it was merged or closed, else when it was opened."""
    merged, closed = _merged_at(resource), resource.get("closed_at")
    if merged:
        return DatetimeWithIcon("Merged", merged)
    if closed and resource["state"] == "closed":
        return DatetimeWithIcon("Closed", closed)
    return DatetimeWithIcon("Opened", resource["created_at"])


def _comments(resource: Mapping[str, Any]) -> int | None:
    counted = [resource.get(key) for key in ("comments", "review_comments")]
    known = [count for count in counted if count is not None]
    return sum(known) if known else None
