"""Jira issues, such as https://acme.atlassian.net/browse/ACME-12 .

Reads "Get issue" of the REST API: version 3 of Jira Cloud, version 2 of the Data Center hosts in
`PLACARD_JIRA_HOSTS`. Wants `JIRA_EMAIL` with `JIRA_TOKEN` (Basic), or for the Data Center hosts a
personal access token as `JIRA_TOKEN` alone (Bearer). Oddity: anybody can have a site at
atlassian.net, and an address can name any of them. Where `JIRA_SITE` is set, only that host is
given the credential; where it is not, `*.atlassian.net` is (Basic), or the Data Center hosts.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Connector, Count, Match, Moment, Resource
from app.connectors.card_parts import ask, footer
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic, bearer
from app.upstream.messages import UpstreamRequest
from templates_schemas import (
    DatetimeWithIcon,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
)
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


class Named(Resource):
    """A project, or a type or a priority, which have icons."""

    name = fields.String(allow_none=True)
    icon_url = fields.String(data_key="iconUrl", allow_none=True)


class Category(Resource):
    """What a status means, whatever a team calls it."""

    key = fields.String(allow_none=True)


class Status(Resource):
    """A step of the project's own workflow."""

    name = fields.String(allow_none=True)
    category = fields.Nested(Category, data_key="statusCategory", allow_none=True)


class Avatars(Resource):
    """A person's picture, of which there are several sizes."""

    large = fields.String(data_key="48x48", allow_none=True)


class Person(Resource):
    """A user."""

    name = fields.String(data_key="displayName", allow_none=True)
    avatars = fields.Nested(Avatars, data_key="avatarUrls", allow_none=True)


class Comments(Resource):
    """A page of comments."""

    total = Count(allow_none=True)


class IssueFields(Resource):
    """What is asked for; a project can hide each of them."""

    summary = fields.String(allow_none=True)
    status = fields.Nested(Status, allow_none=True)
    assignee = fields.Nested(Person, allow_none=True)
    issuetype = fields.Nested(Named, allow_none=True)
    priority = fields.Nested(Named, allow_none=True)
    labels = fields.List(fields.String(), allow_none=True)
    duedate = fields.Date(allow_none=True)
    resolutiondate = Moment(allow_none=True)
    created = Moment(allow_none=True)
    updated = Moment(allow_none=True)
    project = fields.Nested(Named, allow_none=True)
    comment = fields.Nested(Comments, allow_none=True)


class Issue(Resource):
    """An issue, of either version."""

    key = fields.String(required=True)
    issue = fields.Nested(IssueFields, data_key="fields", required=True)


COLORS: Final[dict[str | None, PillColor]] = {
    "new": "cool-gray",
    "indeterminate": "blue",
    "done": "green",
}
ICON: Final = "https://wac-cdn.atlassian.com/assets/img/favicons/atlassian/favicon.png"
ASKED: Final = ",".join(IssueFields().fields)
_CLOUD: Final = "*.atlassian.net"
_KEY: Final = r"[A-Z][A-Z0-9_]{1,254}-[0-9]{1,10}"
_FOLDER: Final = r"/[A-Za-z0-9_-]{1,255}"


class Jira(Connector):
    """Issues of Jira Cloud, and of Jira Data Center hosts."""

    name: ClassVar[str] = "jira"
    label: ClassVar[str] = "Jira"
    example: ClassVar[str] = "https://acme.atlassian.net/browse/ACME-12"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("JIRA_EMAIL", "text", "account of JIRA_TOKEN; unset: a personal token"),
        ConnectorSetting("JIRA_TOKEN", "token", "API token, or a personal access token"),
        ConnectorSetting("JIRA_SITE", "hosts", "hosts that get it: `acme.atlassian.net`"),
        ConnectorSetting("PLACARD_JIRA_HOSTS", "hosts", "Jira Data Center hosts to serve too"),
    )
    query_parameters: ClassVar[tuple[str, ...]] = ("selectedIssue",)
    path: ClassVar[re.Pattern[str]] = re.compile(
        rf"(?:/browse|(?:/(?:jira|projects)(?:{_FOLDER}){{0,8}})?/issues)/(?P<key>{_KEY})/?\?.*"
        rf"|(?:/jira(?:{_FOLDER}){{1,8}}/?|/secure/RapidBoard\.jspa)"
        rf"\?selectedIssue=(?P<selected>{_KEY})",
        re.DOTALL,
    )
    schema: ClassVar[type[Resource]] = Issue

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        email, token, sites = values["JIRA_EMAIL"], values["JIRA_TOKEN"], values["JIRA_SITE"]
        self._data_center = values["PLACARD_JIRA_HOSTS"] or ()
        self.hosts = frozenset({_CLOUD, *self._data_center})
        served = (_CLOUD,) if email else self._data_center
        self.credentials = tuple(
            basic(host, "JIRA_TOKEN", email, token) if email else bearer(host, "JIRA_TOKEN", token)
            for host in sites or served
            if token
        )

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the address's own host for what is shown, and no more."""
        version = 2 if match.host in self._data_center else 3
        return ask(
            match.host,
            f"rest/api/{version}/issue/{_key(match)}?fields={ASKED}",
            headers={"Accept": "application/json"},
        )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how far it is, who has it, what it is, and when it ended or is due."""
        issue = resource["issue"]
        # It may have moved to another project since the address was written.
        key, summary = first_text(resource["key"], _key(match)), first_text(issue.get("summary"))
        project = first_text((issue.get("project") or {}).get("name"))
        return SummaryWithDetails(
            title=summary or key,
            subtitle=" · ".join(part for part in (summary and key, project) if part),
            subicon_url=ICON,
            fields=[
                _status(issue.get("status") or {}),
                _assignee(issue["assignee"]) if "assignee" in issue else None,
                _named("Type", issue.get("issuetype") or {}),
                _named("Priority", issue.get("priority") or {}),
                _date(issue),
                TextWithIcon("Labels", listed(issue.get("labels") or (), FIELD_TEXT_MAX)),
            ],
            footer=footer(issue.get("updated"), issue.get("created"), self.label),
            num_comments=(issue.get("comment") or {}).get("total"),
        )


def _key(match: Match) -> str:
    return match.parts.get("key") or match["selected"]


def _status(status: Mapping[str, Any]) -> Pill:
    """Show the status as the team calls it, in the colour of what it means."""
    category = (status.get("category") or {}).get("key")
    return Pill("Status", first_text(status.get("name"), "Unknown"), COLORS.get(category, "none"))


def _assignee(person: Mapping[str, Any] | None) -> TextWithIcon:
    if person is None:
        return TextWithIcon("Assignee", "Unassigned")
    picture = (person.get("avatars") or {}).get("large")
    return TextWithIcon("Assignee", person.get("name"), picture)


def _named(name: str, thing: Mapping[str, Any]) -> TextWithIcon:
    return TextWithIcon(name, thing.get("name"), thing.get("icon_url"))


def _date(issue: Mapping[str, Any]) -> DatetimeWithIcon | TextWithIcon:
    """Show when it was resolved, else when it is due: a day, which is no time."""
    resolved, due = issue.get("resolutiondate"), issue.get("duedate")
    if resolved:
        return DatetimeWithIcon("Resolved", resolved)
    return TextWithIcon("Due", due and due.isoformat())
