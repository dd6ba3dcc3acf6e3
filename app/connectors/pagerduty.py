"""PagerDuty incidents, such as https://placard-samples.pagerduty.com/incidents/Q1R2DLCB21K7NP .

Reads "Get an incident" of the REST API, version 2 (https://developer.pagerduty.com/api-reference/).
Wants `PAGERDUTY_TOKEN`, a REST API key; `Token token=…` is how it is sent. Oddity: the account is
the token's, so the host of an address says only which region to ask, and the API's own hosts are
children of the same name as the accounts'.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

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
)
from app.connectors.card_parts import PillTable, ask, footer, inner, joined, people, pill
from app.connectors.javascript import PagePattern
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import header_pairs
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails
from templates_schemas.text import first_text


class Reference(Resource):
    """A service, a user or a priority, of which the incident knows the name."""

    summary = fields.String()


class Incident(Resource):
    needs_any = ("status", "title", "summary", "incident_number")
    incident_number = Count()
    html_url = fields.String()
    title = fields.String()
    summary = fields.String()
    status = fields.String()
    urgency = fields.String()
    priority = fields.Nested(Reference)
    service = fields.Nested(Reference)
    assignments = fields.List(Resource.nested(assignee=fields.Nested(Reference)))
    created_at = Timestamp()
    updated_at = Timestamp()
    resolved_at = Timestamp()


class Answer(Resource):
    """What the API wraps an incident in."""

    incident = fields.Nested(Incident, required=True)


STATUSES: Final[PillTable] = {
    "triggered": ("Triggered", "red"),
    "acknowledged": ("Acknowledged", "yellow-orange"),
    "resolved": ("Resolved", "green"),
}
URGENCIES: Final[PillTable] = {
    "high": ("High", "red"),
    "low": ("Low", "cool-gray"),
}
ICON: Final = "https://www.pagerduty.com/favicon.ico"
# Children of pagerduty.com that are no account's own, and those that are the API's.
OTHER_HOSTS: Final = frozenset(
    {"community", "developer", "eu", "events", "identity", "status", "support", "www"}
)
API_HOST, EU_API_HOST = "api.pagerduty.com", "api.eu.pagerduty.com"
HEADERS: Final = {"Accept": "application/vnd.pagerduty+json;version=2"}


class PagerDuty(Connector):
    """Incidents of PagerDuty's accounts, in the regions US and EU."""

    name = "pagerduty"
    label = "PagerDuty"
    example = "https://placard-samples.pagerduty.com/incidents/Q1R2DLCB21K7NP"
    settings = (
        ConnectorSetting("PAGERDUTY_TOKEN", "token", "REST API key of the account, read-only"),
    )
    path = one_of(
        r"/incidents/(?P<incident>[A-Z][A-Z0-9]{3,31})(?:/[a-z_-]{1,32}(?:/[A-Z0-9]{1,32})?)?/?"
    )
    schema = Answer
    search_schema = Incident.listed("incidents")

    def __init__(self, settings: Settings) -> None:
        self.hosts = frozenset({"*.pagerduty.com", "*.eu.pagerduty.com"})
        token = settings.connector_settings["PAGERDUTY_TOKEN"]
        headers = {"Authorization": f"Token token={token}"}
        self.credentials = tuple(
            header_pairs(host, "PAGERDUTY_TOKEN", headers)
            for host in (API_HOST, EU_API_HOST)
            if token
        )

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do, but not PagerDuty's other hosts."""
        match = super().match(address)
        return None if match and match.host.partition(".")[0] in OTHER_HOSTS else match

    def page_patterns(self) -> Iterator[PagePattern]:
        """Write the addresses, without PagerDuty's other hosts."""
        for pattern in super().page_patterns():
            yield replace(pattern, others=OTHER_HOSTS)

    def canonical(self, match: Match) -> str:
        """Return the incident's page."""
        return f"{match.server.url}/incidents/{match['incident']}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the API of the account's region."""
        return ask(
            EU_API_HOST if match.host.endswith(".eu.pagerduty.com") else API_HOST,
            f"incidents/{match['incident']}",
            headers=HEADERS,
        )

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:  # noqa: ARG002
        """List the open incidents: the API has no search, so the titles are searched here."""
        if server.host in (API_HOST, EU_API_HOST):
            wanted = "statuses[]=triggered&statuses[]=acknowledged&sort_by=created_at:desc"
            request = ask(server.host, f"incidents?{wanted}&limit=100", headers=HEADERS)
            yield Search(request, server, by_title=True)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:  # noqa: ARG002
        """Name the number and the service below the title."""
        for incident in answer.get("incidents") or ():
            number = incident.get("incident_number")
            reference = "" if number is None else f"Incident #{number}"
            yield Found(
                first_text(incident.get("title"), incident.get("summary"), reference),
                incident.get("html_url") or "",
                joined(reference, inner(incident, "service", "summary")),
                ICON,
            )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how it stands, how urgent it is, and who has it since when."""
        incident = resource["incident"]
        number, status = incident.get("incident_number"), incident.get("status")
        reference = f"Incident {match['incident'] if number is None else f'#{number}'}"
        # What is resolved is urgent no more: it is shown without a colour.
        urgencies = {} if status == "resolved" else URGENCIES
        return SummaryWithDetails(
            title=first_text(incident.get("title"), incident.get("summary"), reference),
            subtitle=joined(reference, inner(incident, "service", "summary")),
            subicon_url=ICON,
            fields=[
                pill("Status", status, STATUSES, otherwise="Unknown"),
                pill("Urgency", incident.get("urgency"), urgencies),
                Pill("Priority", inner(incident, "priority", "summary")),
                people("Assignee", map(_assignee, incident.get("assignments") or ())),
                DatetimeWithIcon("Created", incident.get("created_at")),
                # There is room for it: what is resolved is assigned to nobody.
                DatetimeWithIcon("Resolved", incident.get("resolved_at")),
            ],
            footer=footer(incident.get("updated_at"), incident.get("created_at"), self.label),
        )


def _assignee(assignment: Mapping[str, Any]) -> tuple[str | None, None]:
    """Name who has it; the picture is not told."""
    return inner(assignment, "assignee", "summary"), None
