"""Sentry issues, such as https://placard-samples.sentry.io/issues/4509000001/ .

Reads "Retrieve an Issue" (https://docs.sentry.io/api/events/retrieve-an-issue/). Wants
`SENTRY_AUTH_TOKEN` with the scope `event:read`, for sentry.io; the hosts in `PLACARD_SENTRY_HOSTS`
have theirs in the credentials file. Oddity: the organization is named by the path or by the host,
and an issue by its number or its short id; the count of events comes as a text.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult, quote

from marshmallow import fields, validate

from app.connectors.base import Connector, Count, Match, Moment, Resource
from app.connectors.card_parts import ask, counted, pill
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import bearer
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon, Updated
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Project(Resource):
    """The project that an issue belongs to."""

    name = fields.String(allow_none=True)
    slug = fields.String(allow_none=True)


class Actor(Resource):
    """A user or a team."""

    type = fields.String(allow_none=True)
    name = fields.String(required=True)


class Issue(Resource):
    """An issue: events of one kind."""

    title = fields.String(required=True)
    short_id = fields.String(allow_none=True, data_key="shortId")
    project = fields.Nested(Project, allow_none=True)
    status = fields.String(required=True)
    substatus = fields.String(allow_none=True)
    level = fields.String(allow_none=True)
    assigned_to = fields.Nested(Actor, allow_none=True, data_key="assignedTo")
    # Not a `Count`, which takes no text.
    count = fields.Integer(allow_none=True, validate=validate.Range(0, 2**53 - 1))
    user_count = Count(allow_none=True, data_key="userCount")
    num_comments = Count(allow_none=True, data_key="numComments")
    first_seen = Moment(allow_none=True, data_key="firstSeen")
    last_seen = Moment(required=True, data_key="lastSeen")


STATUSES: Final[dict[str, tuple[str, PillColor]]] = {
    "unresolved": ("Unresolved", "orange"),
    "new": ("New", "orange"),
    "ongoing": ("Ongoing", "orange"),
    "escalating": ("Escalating", "red"),
    "regressed": ("Regressed", "red"),
    "resolved": ("Resolved", "green"),
    "ignored": ("Archived", "cool-gray"),
    "muted": ("Archived", "cool-gray"),
}
LEVELS: Final[dict[str, tuple[str, PillColor]]] = {
    "fatal": ("Fatal", "magenta"),
    "error": ("Error", "red"),
    "warning": ("Warning", "yellow"),
    "info": ("Info", "blue"),
    "debug": ("Debug", "cool-gray"),
}
ICON: Final = "https://sentry.io/favicon.ico"
# Children of sentry.io that are no organization's own.
OTHER_HOSTS: Final = frozenset({"api", "de", "develop", "docs", "help", "status", "us", "www"})


class Sentry(Connector):
    """Issues of sentry.io, and of Sentry on hosts of one's own."""

    name: ClassVar[str] = "sentry"
    label: ClassVar[str] = "Sentry"
    example: ClassVar[str] = "https://placard-samples.sentry.io/issues/4509000001/"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("SENTRY_AUTH_TOKEN", "token", "token for sentry.io"),
        ConnectorSetting("PLACARD_SENTRY_HOSTS", "hosts", "self-hosted Sentry hosts to serve too"),
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        r"(?:/organizations/(?P<organization>[A-Za-z0-9][A-Za-z0-9_-]{0,99}))?"
        r"/issues/(?P<issue>[0-9]{1,20}|[A-Z0-9][A-Z0-9_-]{0,99}-[A-Z0-9]{1,13})"
        r"(?:/[a-z-]{1,32}(?:/[A-Za-z0-9_-]{1,64}){0,2})?/?"
    )
    schema: ClassVar[type[Resource]] = Issue

    def __init__(self, settings: Settings) -> None:
        self._own = settings.connector_settings["PLACARD_SENTRY_HOSTS"] or ()
        self.hosts = frozenset({"sentry.io", "*.sentry.io", *self._own})
        token = settings.connector_settings["SENTRY_AUTH_TOKEN"]
        self.credentials = (bearer("sentry.io", "SENTRY_AUTH_TOKEN", token),) if token else ()

    def match(self, address: SplitResult) -> Match | None:
        """Match as all do, where the path or the host names an organization."""
        match = super().match(address)
        return match if match and _organization(match) else None

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the API of sentry.io, or of the host of one's own."""
        api_host = match.host if match.host in self._own else "sentry.io"
        organization = quote(_organization(match), safe="")
        return ask(
            api_host,
            f"api/0/organizations/{organization}/issues/{match['issue']}/",
            headers={"Accept": "application/json"},
        )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how it stands, how bad it is, who has it, how often and since when."""
        short_id = first_text(resource.get("short_id"), f"Issue {match['issue']}")
        project = resource.get("project") or {}
        project_name = first_text(project.get("name"), project.get("slug"))
        return SummaryWithDetails(
            title=first_text(resource["title"], short_id),
            subtitle=" · ".join(filter(None, (short_id, project_name))),
            subicon_url=ICON,
            fields=[
                _status(resource),
                pill("Level", resource.get("level"), LEVELS),
                _assignee(resource),
                _events(resource),
                DatetimeWithIcon("First seen", resource.get("first_seen")),
            ],
            footer=Updated(resource["last_seen"]),
            num_comments=resource.get("num_comments"),
        )


def _organization(match: Match) -> str:
    """Name the organization: the path does, or the host as in acme.sentry.io; else ''."""
    child, _, parent = match.host.partition(".")
    is_own = parent == "sentry.io" and child not in OTHER_HOSTS
    return match.parts.get("organization") or (child if is_own else "")


def _status(resource: Mapping[str, Any]) -> Pill:
    """Show the status, and of what is unresolved how it goes on."""
    status, substatus = resource["status"], resource.get("substatus")
    if status == "unresolved" and substatus in STATUSES:
        status = substatus
    return pill("Status", status, STATUSES, otherwise="Unknown")


def _assignee(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Name who has it; a team with a hash, as Sentry does."""
    actor = resource.get("assigned_to")
    if actor is None:
        return None
    mark = "#" if actor.get("type") == "team" else ""
    return TextWithIcon("Assignee", mark + actor["name"])


def _events(resource: Mapping[str, Any]) -> TextWithIcon | None:
    """Count the events and, where there are any, the users that they came from."""
    events, users = resource.get("count"), resource.get("user_count")
    if events is None:
        return None
    people = f" · {counted(users, 'user')}" if users else ""
    return TextWithIcon("Events", f"{events:,}{people}")
