"""Jira issues, such as https://acme.atlassian.net/browse/ACME-12 .

Reads "Get issue" of the REST API: version 3 of Jira Cloud, version 2 of the Data Center hosts in
`PLACARD_JIRA_HOSTS`. Wants `JIRA_EMAIL` with `JIRA_TOKEN` (Basic) or, for a token with scopes, with
`JIRA_SCOPED_TOKEN`; for the Data Center hosts a personal access token as `JIRA_TOKEN` alone
(Bearer). Oddity: anybody can have a site at atlassian.net, and an address can name any of them:
only the hosts in `JIRA_SITE` are given the credential, or, where that is a personal access token,
the Data Center hosts. A token with scopes goes to api.atlassian.com alone.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from marshmallow import fields

from app.connectors.base import (
    Connector,
    Count,
    Found,
    Match,
    Resource,
    Search,
    SearchQuery,
    Timestamp,
    one_of,
    servers_of,
)
from app.connectors.card_parts import ask, footer, inner, joined, names
from app.connectors.searches import MOST_FOUND
from app.errors import ConfigurationError
from app.origins import Server, is_named
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic, bearer
from app.upstream.messages import UpstreamRequest, UrlLookup
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Named(Resource):
    """A project, or a type or a priority, which have icons."""

    name = fields.String()
    icon_url = fields.String(data_key="iconUrl")


class IssueFields(Resource):
    """What is asked for; a project can hide each of them."""

    summary = fields.String()
    # A step of the project's own workflow; its category decides the colour.
    status = Resource.nested(
        name=fields.String(), category=Resource.nested("statusCategory", key=fields.String())
    )
    assignee = Resource.nested(
        name=fields.String(data_key="displayName"),
        avatars=Resource.nested("avatarUrls", large=fields.String(data_key="48x48")),
    )
    issuetype = fields.Nested(Named)
    priority = fields.Nested(Named)
    labels = fields.List(fields.String())
    duedate = fields.Date()
    resolutiondate = Timestamp()
    created = Timestamp()
    updated = Timestamp()
    project = fields.Nested(Named)
    comment = Resource.nested(total=Count())


class Issue(Resource):
    """An issue, of either version."""

    key = fields.String()
    issue = fields.Nested(IssueFields, data_key="fields", required=True)


COLORS: Final[dict[str | None, PillColor]] = {
    "new": "cool-gray",
    "indeterminate": "blue",
    "done": "green",
}
ICON: Final = "https://wac-cdn.atlassian.com/assets/img/favicons/atlassian/favicon.png"
SHOWN: Final = ",".join(IssueFields().fields)
API_HOST: Final = "api.atlassian.com"
_Ask = Callable[[Server, str], UpstreamRequest]
_CLOUD: Final = "*.atlassian.net"
_KEY: Final = r"(?P<key>[A-Za-z][A-Za-z0-9_]{1,254}-[0-9]{1,10})"
_SHORT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,254}-[0-9]{1,10}", re.ASCII)
_ID: Final = r"(?P<id>[0-9]{1,15})"
_FOLDER: Final = r"/[A-Za-z0-9_-]{1,255}"


class Jira(Connector):
    """Issues of Jira Cloud, and of Jira Data Center hosts."""

    name = "jira"
    label = "Jira"
    example = "https://acme.atlassian.net/browse/ACME-12"
    settings = (
        ConnectorSetting("JIRA_EMAIL", "text", "account of JIRA_TOKEN; unset: a personal token"),
        ConnectorSetting("JIRA_TOKEN", "token", "API token, or a personal access token"),
        ConnectorSetting("JIRA_SCOPED_TOKEN", "token", "API token with scopes, of JIRA_EMAIL"),
        ConnectorSetting("JIRA_SITE", "hosts", "hosts that get JIRA_TOKEN, and are searched"),
        ConnectorSetting("PLACARD_JIRA_HOSTS", "hosts", "Jira Data Center hosts to serve too"),
    )
    query_parameters = ("selectedIssue", "key", "id")
    path = one_of(
        rf"/browse/{_KEY}/?",
        rf"(?:/(?:jira|projects)(?:{_FOLDER}){{0,8}})?/issues/{_KEY}/?",
        rf"(?:/jira/servicedesk)?/projects{_FOLDER}/queues/(?:custom/[0-9]{{1,10}}|issue)/{_KEY}/?",
        rf"/servicedesk/customer/portal/[0-9]{{1,10}}/{_KEY}/?",
        rf"/secure/ViewIssue\.jspa\?(?:key={_KEY}|id={_ID})",
        # For printers and for other programs.
        rf"/si/jira\.issueviews:issue-[a-z]{{1,20}}/{_KEY}/[^/]{{1,300}}",
        # What is open beside a list, a board or a backlog.
        rf"(?:/(?:jira|projects)(?:{_FOLDER}){{1,8}}|/issues"
        rf"|/secure/RapidBoard\.jspa)/?\?selectedIssue={_KEY}",
        rf"/rest/(?:api/(?:2|3|latest)|agile/1\.0)/issue/(?:{_KEY}|{_ID})/?",
        rf"/rest/servicedeskapi/request/{_KEY}/?",
    )
    schema = Issue
    search_schema = Issue.listed("issues")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        email, token, sites = values["JIRA_EMAIL"], values["JIRA_TOKEN"], values["JIRA_SITE"]
        self.servers = servers_of(values["PLACARD_JIRA_HOSTS"])
        self._data_center = frozenset(server.host for server in self.servers)
        self.hosts = self._data_center | {_CLOUD}
        if email and token and not sites:
            raise ConfigurationError(
                "JIRA_SITE: is missing: JIRA_TOKEN would go to any site of atlassian.net; set it "
                "to the hosts that may have it, such as acme.atlassian.net"
            )
        self._sites = servers_of(sites)
        named = frozenset(server.host for server in self._sites)
        self.credentials = tuple(
            basic(host, "JIRA_TOKEN", email, token) if email else bearer(host, "JIRA_TOKEN", token)
            for host in sorted(named or self._data_center)
            if token
        )
        scoped = values["JIRA_SCOPED_TOKEN"]
        self._scoped_sites = (named or {_CLOUD}) if email and scoped else frozenset()
        if self._scoped_sites:
            self.credentials += (basic(API_HOST, "JIRA_SCOPED_TOKEN", email, scoped),)

    def canonical(self, match: Match) -> str:
        """Return the issue's page; of one that is named by its number, the API's address."""
        if match.get("id"):
            return f"{match.server.url}/rest/api/latest/issue/{match['id']}"
        return f"{match.server.url}/browse/{_key(match)}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the address's own server for what is shown, and no more."""
        return self._ask(match.server, f"issue/{_key(match)}?fields={SHOWN}")

    def _ask(self, server: Server, path: str) -> UpstreamRequest:
        version = 2 if server.host in self._data_center else 3
        headers = {"Accept": "application/json"}
        if not is_named(server.host, self._scoped_sites):
            return ask(server, f"rest/api/{version}/{path}", headers=headers)
        return _ask_by_id(server, path)

    def request_for_person(self, match: Match) -> UpstreamRequest:
        """Return the request to the host that accepts people's tokens: only sites of the cloud."""
        if match.host in self._data_center:
            return self.request_for(match)
        return _ask_by_id(match.server, f"issue/{_key(match)}?fields={SHOWN}")

    @property
    def search_servers(self) -> tuple[Server, ...]:
        """The sites that are named, and the Data Center hosts."""
        return (*self._sites, *self.servers)

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the summaries, the latest first: by "Search for issues using JQL" of the API."""
        return self._search(query, server, self._ask)

    def search_for_person(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search where the access tokens of people are good, as `request_for_person` does."""
        is_own = server.host in self._data_center
        return self._search(query, server, self._ask if is_own else _ask_by_id)

    def _search(self, query: SearchQuery, server: Server, ask_server: _Ask) -> Iterator[Search]:
        # What is not a letter could be an operator; the last word may be the beginning of one.
        wanted = " ".join(query.words.replace("-", " ").split())
        if not wanted:
            return
        jql = quote(f'summary ~ "{wanted}*" ORDER BY updated DESC', safe="")
        name = "search" if server.host in self._data_center else "search/jql"
        path = f"{name}?jql={jql}&fields=summary,issuetype,project&maxResults={MOST_FOUND}"
        yield Search(ask_server(server, path), server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:
        """Name the key and the project below the summary."""
        for found in answer.get("issues") or ():
            key, issue = found.get("key") or "", found["issue"]
            yield Found(
                first_text(issue.get("summary"), key),
                f"{search.server.url}/browse/{key}",
                joined(key, inner(issue, "project", "name")),
                inner(issue, "issuetype", "icon_url") or ICON,
            )

    def short_forms(self, text: str, recent: Sequence[Match]) -> Iterable[str]:
        """Read a key, `ACME-12`, on the sites that are named; else on the site shown last."""
        if not _SHORT.fullmatch(text):
            return []
        servers = self.search_servers or tuple(last.server for last in recent[:1])
        return [f"{server.url}/browse/{text.upper()}" for server in servers]

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how far it is, who has it, what it is, and when it ended or is due."""
        issue = resource["issue"]
        # It may have moved to another project since the address was written.
        key = first_text(resource.get("key"), _key(match))
        summary = first_text(issue.get("summary"))
        return SummaryWithDetails(
            title=summary or key,
            subtitle=joined(summary and key, inner(issue, "project", "name")),
            subicon_url=ICON,
            fields=[
                _status(issue),
                _assignee(issue["assignee"]) if "assignee" in issue else None,
                _named("Type", issue.get("issuetype")),
                _named("Priority", issue.get("priority")),
                _date(issue),
                names("Labels", issue.get("labels")),
            ],
            footer=footer(issue.get("updated"), issue.get("created"), self.label),
            num_comments=inner(issue, "comment", "total"),
        )


def _ask_by_id(server: Server, path: str) -> UpstreamRequest:
    """Ask Atlassian's API host, which knows sites by their ids.

    It is the only host that accepts a token with scopes.
    """
    site = UrlLookup("{cloudId}", f"{server.url}/_edge/tenant_info", "cloudId")
    endpoint = f"ex/jira/{{cloudId}}/rest/api/3/{path}"
    return ask(API_HOST, endpoint, headers={"Accept": "application/json"}, lookup=site)


def _key(match: Match) -> str:
    return match.get("key").upper() or match["id"]


def _status(issue: Mapping[str, Any]) -> Pill:
    """Show the status as the team calls it, in the colour of what it means."""
    name = first_text(inner(issue, "status", "name"), "Unknown")
    return Pill("Status", name, COLORS.get(inner(issue, "status", "category", "key"), "none"))


def _assignee(person: Mapping[str, Any] | None) -> TextWithIcon:
    if person is None:
        return TextWithIcon("Assignee", "Unassigned")
    return TextWithIcon("Assignee", person.get("name"), inner(person, "avatars", "large"))


def _named(name: str, thing: Mapping[str, Any] | None) -> TextWithIcon:
    return TextWithIcon(name, inner(thing, "name"), inner(thing, "icon_url"))


def _date(issue: Mapping[str, Any]) -> DatetimeWithIcon | TextWithIcon:
    """Show when it was resolved, else when it is due: a day without a time."""
    resolved, due = issue.get("resolutiondate"), issue.get("duedate")
    if resolved:
        return DatetimeWithIcon("Resolved", resolved)
    return TextWithIcon("Due", due and due.isoformat())
