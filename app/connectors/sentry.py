"""Sentry issues, such as https://placard-samples.sentry.io/issues/4509000001/ .

Reads "Retrieve an Issue" (https://docs.sentry.io/api/events/retrieve-an-issue/). Wants
`SENTRY_AUTH_TOKEN` with the scope `event:read`, for sentry.io; the hosts in `PLACARD_SENTRY_HOSTS`
have theirs in the credentials file. Oddity: the organization is named by the path or by the host,
and an issue by its number or its short id; the count of events comes as a text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

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
    one_of,
    servers_of,
)
from app.connectors.card_parts import PillTable, ask, counted, footer, inner, joined, pill
from app.connectors.javascript import PagePattern
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import bearer
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class Issue(Resource):
    """An issue: events of one kind."""

    needs_any = ("title", "status", "short_id")
    title = fields.String()
    short_id = fields.String(data_key="shortId")
    permalink = fields.String()
    project = Resource.nested(name=fields.String(), slug=fields.String())
    status = fields.String()
    substatus = fields.String()
    level = fields.String()
    # A user or a team.
    assigned_to = Resource.nested("assignedTo", type=fields.String(), name=fields.String())
    count = Count()
    user_count = Count(data_key="userCount")
    num_comments = Count(data_key="numComments")
    first_seen = Timestamp(data_key="firstSeen")
    last_seen = Timestamp(data_key="lastSeen")


STATUSES: Final[PillTable] = {
    "unresolved": ("Unresolved", "orange"),
    "new": ("New", "orange"),
    "ongoing": ("Ongoing", "orange"),
    "escalating": ("Escalating", "red"),
    "regressed": ("Regressed", "red"),
    "resolved": ("Resolved", "green"),
    "ignored": ("Archived", "cool-gray"),
    "muted": ("Archived", "cool-gray"),
}
LEVELS: Final[PillTable] = {
    "fatal": ("Fatal", "magenta"),
    "error": ("Error", "red"),
    "warning": ("Warning", "yellow"),
    "info": ("Info", "blue"),
    "debug": ("Debug", "cool-gray"),
}
ICON: Final = "https://sentry.io/favicon.ico"
# Children of sentry.io that are no organization's own.
OTHER_HOSTS: Final = frozenset({"api", "de", "develop", "docs", "help", "status", "us", "www"})
_SLUG: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_ORGANIZATION: Final = rf"(?P<organization>{_SLUG})"
# How a short id counts: a page such as `errors-outages` is not one.
_BASE32: Final = "[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]"
_ISSUE: Final = rf"(?P<issue>[0-9]{{1,20}}|[A-Za-z0-9][A-Za-z0-9_-]{{0,99}}-{_BASE32}{{1,13}})"
_SHORT: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,99}}-{_BASE32}{{1,13}}", re.ASCII)
_TABS: Final = r"(?:/[a-z-]{1,32}(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9_.-]{1,64}){0,2})?"


class Sentry(Connector):
    """Issues of sentry.io, and of Sentry on hosts of one's own."""

    name = "sentry"
    label = "Sentry"
    example = "https://placard-samples.sentry.io/issues/4509000001/"
    settings = (
        ConnectorSetting("SENTRY_AUTH_TOKEN", "token", "token for sentry.io"),
        ConnectorSetting("PLACARD_SENTRY_HOSTS", "hosts", "self-hosted Sentry hosts to serve too"),
        ConnectorSetting("SENTRY_ORG", "text", "the organization whose issues can be searched"),
    )
    path = one_of(
        rf"(?:/organizations/{_ORGANIZATION})?/issues/{_ISSUE}{_TABS}/?",
        # As it was before 2019, with the project.
        rf"/(?!(?:organizations|api|settings|share)/){_ORGANIZATION}/{_SLUG}/issues/{_ISSUE}{_TABS}/?",
        rf"(?:/organizations/{_ORGANIZATION})?(?:/issues)?/feedback/?"
        r"\?feedbackSlug=[^:]{1,100}:(?P<issue>[0-9]{1,20})",
        rf"/api/0(?:/organizations/{_ORGANIZATION})?/issues/{_ISSUE}/?",
    )
    query_parameters = ("feedbackSlug",)
    schema = Issue
    search_schema = Issue.listed("items")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.servers = servers_of(values["PLACARD_SENTRY_HOSTS"])
        self._self_hosted = frozenset(server.host for server in self.servers)
        self.hosts = self._self_hosted | {"sentry.io", "*.sentry.io"}
        token = values["SENTRY_AUTH_TOKEN"]
        self._searched = values["SENTRY_ORG"] or ""
        self.credentials = (bearer("sentry.io", "SENTRY_AUTH_TOKEN", token),) if token else ()

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do, where the path or the host names an organization."""
        match = super().match(address)
        return match if match and _organization(match) else None

    def page_patterns(self) -> Iterator[PagePattern]:
        """Write the addresses; where the host is no organization's, the path has to name it."""
        for pattern in super().page_patterns():
            other_hosts = pattern.hosts - {"*.sentry.io"}
            yield PagePattern(frozenset({"*.sentry.io"}), pattern.path, OTHER_HOSTS)
            named = "(?=/(?!(?:issues|feedback|api/0/issues)(?:[/?#]|$)))"
            yield PagePattern(
                other_hosts | {f"{each}.sentry.io" for each in OTHER_HOSTS}, named + pattern.path
            )

    def canonical(self, match: Match) -> str:
        """Return the page, which needs no project."""
        organization = _organization(match)
        if match.host in self._self_hosted:
            return f"{match.server.url}/organizations/{organization}/issues/{_issue(match)}/"
        return f"https://{organization.lower()}.sentry.io/issues/{_issue(match)}/"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the API of sentry.io, or of the self-hosted server."""
        organization = quote(_organization(match), safe="")
        return ask(
            match if match.host in self._self_hosted else "sentry.io",
            f"api/0/organizations/{organization}/issues/{_issue(match)}/",
            headers={"Accept": "application/json"},
        )

    @property
    def search_servers(self) -> tuple[Server, ...]:
        """Sentry's own, and the self-hosted ones."""
        return (Server("sentry.io"), *self.servers)

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the organization's unresolved issues: by "List an Organization's Issues"."""
        is_searched = server.host == "sentry.io" or server.host in self._self_hosted
        if self._searched and is_searched:
            endpoint = f"api/0/organizations/{quote(self._searched, safe='')}/issues/"
            wanted = quote(f"is:unresolved {query.words}", safe="")
            path = f"{endpoint}?query={wanted}&limit={MOST_FOUND}&shortIdLookup=1"
            request = ask(server, path, headers={"Accept": "application/json"})
            yield Search(request, server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:  # noqa: ARG002
        """Name the short id and the project below the title."""
        for issue in answer.get("items") or ():
            short_id = issue.get("short_id") or ""
            subtitle = joined(short_id, inner(issue, "project", "name"))
            title = first_text(issue.get("title"), short_id)
            yield Found(title, issue.get("permalink") or "", subtitle, ICON)

    def short_forms(self, text: str, recent: Sequence[Match]) -> Iterable[str]:
        """Read a short id, `STOREFRONT-1A`, of the organization that is searched or shown last."""
        organizations = [self._searched] if self._searched else map(_organization, recent[:1])
        if not _SHORT.fullmatch(text):
            return []
        return [f"https://sentry.io/organizations/{each}/issues/{text}/" for each in organizations]

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how it stands, how bad it is, who has it, how often and since when."""
        short_id = first_text(resource.get("short_id"), f"Issue {_issue(match)}")
        project = resource.get("project") or {}
        return SummaryWithDetails(
            title=first_text(resource.get("title"), short_id),
            subtitle=joined(short_id, first_text(project.get("name"), project.get("slug"))),
            subicon_url=ICON,
            fields=[
                _status(resource),
                pill("Level", resource.get("level"), LEVELS),
                _assignee(resource.get("assigned_to") or {}),
                _events(resource),
                DatetimeWithIcon("First seen", resource.get("first_seen")),
            ],
            footer=footer(resource.get("last_seen"), resource.get("first_seen"), self.label),
            num_comments=resource.get("num_comments"),
        )


def _issue(match: Match) -> str:
    return match["issue"].upper()


def _organization(match: Match) -> str:
    """Name the organization: the path does, or the host as in acme.sentry.io; else ''."""
    child, _, parent = match.host.partition(".")
    is_own = parent == "sentry.io" and child not in OTHER_HOSTS
    return match.get("organization") or (child if is_own else "")


def _status(resource: Mapping[str, Any]) -> Pill:
    """Show the status, and of what is unresolved how it goes on."""
    status, substatus = resource.get("status"), resource.get("substatus")
    if status == "unresolved" and substatus in STATUSES:
        status = substatus
    return pill("Status", status, STATUSES, otherwise="Unknown")


def _assignee(actor: Mapping[str, Any]) -> TextWithIcon:
    """Name who has it; a team with a hash, as Sentry does."""
    name, is_team = first_text(actor.get("name")), actor.get("type") == "team"
    return TextWithIcon("Assignee", f"#{name}" if name and is_team else name)


def _events(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Count the events and, where there are any, the users that they came from."""
    events, users = resource.get("count"), resource.get("user_count")
    if events is None:
        return None
    people = f" · {counted(users, 'user')}" if users else ""
    return TextWithIcon("Events", f"{events:,}{people}")
