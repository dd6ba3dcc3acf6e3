"""GitHub issues and pull requests, such as https://github.com/pallets/flask/issues/1 .

Reads "Get an issue" and "Get a pull request" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/issues/issues, https://docs.github.com/en/rest/pulls/pulls). Wants
`GITHUB_TOKEN` (or none: public repositories, 60 calls an hour), and for the hosts in
`PLACARD_GITHUB_HOSTS` `GH_ENTERPRISE_TOKEN`. Oddity: issues and pull requests share their numbers,
and `/issues/7` and `/pull/7` are both addresses of whichever of them 7 is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from marshmallow import ValidationError, fields

from app.connectors.base import (
    Count,
    Found,
    Match,
    Resource,
    Search,
    SearchQuery,
    Timestamp,
    one_of,
)
from app.connectors.card_parts import PillTable, card, drawn, footer, inner, names, people, pill
from app.connectors.github.api import API, ICON, REPOSITORY, Account, GitHubPage, changes
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon


class LabelName(fields.Field[str]):
    """A label: the API gives an object, or only its name."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        name = value.get("name") if isinstance(value, dict) else value
        if not isinstance(name, str):
            raise ValidationError("must be a label")
        return name


class IssueOrPull(Resource):
    """An issue or a pull request, of either API; only the latter has a head."""

    needs_any = ("title", "state")
    html_url = fields.String()
    title = fields.String()
    state = fields.String()
    state_reason = fields.String()
    draft = fields.Boolean()
    merged = fields.Boolean()
    merged_at = Timestamp()
    # Only a pull request has it.
    head = Resource.nested()
    pull_request = Resource.nested(merged_at=Timestamp())
    user = fields.Nested(Account)
    assignee = fields.Nested(Account)
    assignees = fields.List(fields.Nested(Account))
    labels = fields.List(LabelName())
    milestone = Resource.nested(title=fields.String())
    comments = Count()
    review_comments = Count()
    changed_files = Count()
    additions = Count()
    deletions = Count()
    created_at = Timestamp()
    updated_at = Timestamp()
    closed_at = Timestamp()


STATES: Final[PillTable] = {
    "open": ("Open", "green"),
    "draft": ("Draft", "cool-gray"),
    "merged": ("Merged", "purple"),
    "closed": ("Closed", "purple"),
    "not_planned": ("Not planned", "cool-gray"),
    "duplicate": ("Duplicate", "cool-gray"),
    "unmerged": ("Closed", "red"),
    "ended": ("Closed", "none"),
}
MEASURES: Final = ("changed_files", "additions", "deletions")
_NUMBER: Final = r"(?P<{}>[0-9]{{1,10}})"
_ISSUE, _PULL = _NUMBER.format("issue"), _NUMBER.format("pull")
_REPOSITORY: Final = r"/[A-Za-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,100}"
# The tabs of a pull request, and what is below them.
_TABS: Final = r"(?:/(?:files|changes|commits|checks|conflicts|agent-sessions)(?:/.*)?)?"
_PAGE: Final = re.compile(r"/([^/\s]+/[^/\s]+)/(issues|pull)/([0-9]{1,10})")
# `owner/repository#12`, or `#12` in a repository that is known.
_SHORT: Final = re.compile(
    r"(?:([A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.\.?#)[A-Za-z0-9._-]{1,100}))?#([0-9]{1,10})", re.ASCII
)


class GitHub(GitHubPage):
    """Issues and pull requests of github.com, of NAME.ghe.com, and of GitHub Enterprise hosts."""

    name = "github"
    example = "https://github.com/pallets/flask/issues/1"
    path = one_of(
        rf"{REPOSITORY}/issues/{_ISSUE}/?",
        rf"{REPOSITORY}/pull/{_PULL}(?:{_TABS}|\.diff|\.patch)/?",
        # What is open beside a project or a list: the parameter is `owner|repository|number`.
        rf"(?:{_REPOSITORY}/projects/[0-9]{{1,10}}(?:/views/[0-9]{{1,10}})?"
        rf"|/issues(?:/[a-z0-9_-]{{1,40}})?|{_REPOSITORY}/issues)/?"
        r"\?issue=(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]{0,99})"
        rf"\|(?P<repo>(?!\.\.?\|)[A-Za-z0-9._-]{{1,100}})\|{_ISSUE}",
        rf"{API}{REPOSITORY}/issues/{_ISSUE}/?",
        rf"{API}{REPOSITORY}/pulls/{_PULL}/?",
    )
    query_parameters = ("issue",)
    schema = IssueOrPull
    search_schema = IssueOrPull.listed("items")

    def canonical(self, match: Match) -> str:
        """Return the page of the issue, or of the pull request."""
        kind = "issues" if match.get("issue") else "pull"
        repository = f"{match['owner']}/{match['repo']}"
        return f"{match.server.url}/{repository}/{kind}/{_number(match)}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the issue; or for the pull request, and for the issue where there is none."""
        issue = self.ask(match, f"/issues/{_number(match)}")
        if match.get("issue"):
            return issue
        return replace(self.ask(match, f"/pulls/{match['pull']}"), fallback=issue)

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search issues and pull requests by their titles, the latest first.

        Implements "Search issues and pull requests" of the REST API's page of searches.
        """
        wanted = f"{query.words} in:title"
        api = self.api_of(server)
        if not api.base:
            # The cloud wants to be told the kind; Enterprise Server does not know how to hear it.
            wanted = f"{wanted} (is:issue OR is:pull-request)"
        path = f"search/issues?q={quote(wanted, safe='')}&sort=updated&per_page={MOST_FOUND}"
        path += "" if api.base else "&advanced_search=true"
        yield Search(self.ask_api(api, path), self.pages_of(server))

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:  # noqa: ARG002
        """Name the repository and the number below the title."""
        for issue in answer.get("items") or ():
            url = issue.get("html_url") or ""
            if found := _PAGE.search(url):
                yield Found(
                    drawn(issue.get("title")) or "", url, f"{found[1]} #{found[3]}", icon_url=ICON
                )

    def short_forms(self, text: str, recent: Sequence[Match]) -> Iterable[str]:
        """Read `owner/repository#12`, and `#12` in the repository that was shown last."""
        found = _SHORT.fullmatch(text)
        if found is None:
            return []
        if found[1]:
            hosts = [server.url for server in self.servers] or ["https://github.com"]
            return [f"{host}/{found[1]}/issues/{found[2]}" for host in hosts]
        return [
            f"{last.server.url}/{last['owner']}/{last['repo']}/issues/{found[2]}"
            for last in recent[:1]
        ]

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, who has it, what it is about, and when it ended or began."""
        return card(
            drawn(resource.get("title")),
            _subtitle(resource, match),
            icon=ICON,
            fields=[
                _state(resource, match),
                _people(resource),
                names("Labels", map(drawn, resource.get("labels") or ())),
                TextWithIcon("Milestone", drawn(inner(resource, "milestone", "title"))),
                _date(resource),
                changes(*(resource.get(key) for key in MEASURES)),
            ],
            footer=footer(resource.get("updated_at"), resource.get("created_at"), self.label),
            comments=_comments(resource),
        )


def _number(match: Match) -> str:
    return match.get("issue") or match["pull"]


def _subtitle(resource: Mapping[str, Any], match: Match) -> str:
    """Name the repository and the number: those of its own address, since it may have moved."""
    found = _PAGE.search(resource.get("html_url") or "")
    if found:
        return f"{found[1]} #{found[3]}"
    return f"{match['owner']}/{match['repo']} #{_number(match)}"


def _state(resource: Mapping[str, Any], match: Match) -> Pill:
    """Show the state: that of the pull request, where it is one."""
    state, reason = resource.get("state"), resource.get("state_reason")
    if _merged_at(resource) or resource.get("merged"):
        state = "merged"
    elif state == "open" and resource.get("draft"):
        state = "draft"
    elif state == "closed" and _is_pull(resource, match):
        # Red is for what was refused, which an answer has to say: old ones do not.
        state = "unmerged" if _tells_merge(resource) else "ended"
    elif state == "closed" and reason in STATES:
        state = reason
    return pill("State", state, STATES, otherwise="Unknown")


def _is_pull(resource: Mapping[str, Any], match: Match) -> bool:
    """Decide by the keys of a pull request, then by its own address, then by the requested one."""
    if resource.get("pull_request") is not None or resource.get("head") is not None:
        return True
    found = _PAGE.search(resource.get("html_url") or "")
    return found[2] == "pull" if found else bool(match.get("pull"))


def _tells_merge(resource: Mapping[str, Any]) -> bool:
    keys = {*resource, *(resource.get("pull_request") or ())}
    return not keys.isdisjoint(("merged", "merged_at"))


def _merged_at(resource: Mapping[str, Any]) -> Any:
    return resource.get("merged_at") or inner(resource, "pull_request", "merged_at")


def _people(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Name the assignees, or where there are none the author."""
    assignees = resource.get("assignees") or [resource.get("assignee")]
    authors = [resource.get("user")]
    return people("Assignee", map(_named, assignees)) or people("Author", map(_named, authors))


def _named(account: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    return inner(account, "login"), inner(account, "avatar_url")


def _date(resource: Mapping[str, Any]) -> DatetimeWithIcon:
    """Show when it was merged or closed, else when it was opened."""
    merged, closed = _merged_at(resource), resource.get("closed_at")
    if merged:
        return DatetimeWithIcon("Merged", merged)
    if closed and resource.get("state") == "closed":
        return DatetimeWithIcon("Closed", closed)
    return DatetimeWithIcon("Opened", resource.get("created_at"))


def _comments(resource: Mapping[str, Any]) -> int | None:
    counts = [resource.get(key) for key in ("comments", "review_comments")]
    recent = [count for count in counts if count is not None]
    return sum(recent) if recent else None
