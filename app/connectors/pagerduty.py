"""PagerDuty incidents, such as https://placard-samples.pagerduty.com/incidents/Q1R2DLCB21K7NP .

Reads "Get an incident" of the REST API, version 2 (https://developer.pagerduty.com/api-reference/).
Wants `PAGERDUTY_TOKEN`, a REST API key; `Token token=…` is how it is sent. Oddity: the account is
the token's, so the host of an address says only which region to ask, and the API's own hosts are
children of the same name as the accounts'.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult

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
)
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Reference(Resource):
    """A service, a user or a priority, of which the incident knows the name."""

    summary = fields.String(allow_none=True)


class Assignment(Resource):
    """Who has the incident."""

    assignee = fields.Nested(Reference, allow_none=True)


class Incident(Resource):
    """An incident."""

    incident_number = Count(allow_none=True)
    title = fields.String(allow_none=True)
    summary = fields.String(allow_none=True)
    status = fields.String(required=True)
    urgency = fields.String(allow_none=True)
    priority = fields.Nested(Reference, allow_none=True)
    service = fields.Nested(Reference, allow_none=True)
    assignments = fields.List(fields.Nested(Assignment), allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(allow_none=True)
    resolved_at = Moment(allow_none=True)


class Answer(Resource):
    """What the API wraps an incident in."""

    incident = fields.Nested(Incident, required=True)


STATUSES: Final[dict[str, tuple[str, PillColor]]] = {
    "triggered": ("Triggered", "red"),
    "acknowledged": ("Acknowledged", "yellow-orange"),
    "resolved": ("Resolved", "green"),
}
URGENCIES: Final[dict[str, tuple[str, PillColor]]] = {
    "high": ("High", "red"),
    "low": ("Low", "cool-gray"),
}
ICON: Final = "https://www.pagerduty.com/favicon.ico"
# Children of pagerduty.com that are no account's own.
OTHER_HOSTS: Final = frozenset(
    {"api", "community", "developer", "eu", "events", "identity", "status", "support", "www"}
)


class PagerDuty(Connector):
    """Incidents of PagerDuty's accounts, in the regions US and EU."""

    name: ClassVar[str] = "pagerduty"
    label: ClassVar[str] = "PagerDuty"
    example: ClassVar[str] = "https://placard-samples.pagerduty.com/incidents/Q1R2DLCB21K7NP"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("PAGERDUTY_TOKEN", "token", "REST API key of the account, read-only"),
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        r"/incidents/(?P<incident>[A-Z][A-Z0-9]{3,31})(?:/[a-z_-]{1,32})?/?"
    )
    schema: ClassVar[type[Resource]] = Answer

    def __init__(self, settings: Settings) -> None:
        self.hosts = frozenset({"*.pagerduty.com", "*.eu.pagerduty.com"})
        token = settings.connector_settings["PAGERDUTY_TOKEN"]
        headers = {"Authorization": f"Token token={token}"}
        api_hosts = ("api.pagerduty.com", "api.eu.pagerduty.com") if token else ()
        self.credentials = tuple(
            header_pairs(host, "PAGERDUTY_TOKEN", headers) for host in api_hosts
        )

    def match(self, address: SplitResult) -> Match | None:
        """Match as all do, but not PagerDuty's own hosts."""
        match = super().match(address)
        return None if match and match.host.partition(".")[0] in OTHER_HOSTS else match

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the API of the account's region."""
        is_eu = match.host.endswith(".eu.pagerduty.com")
        api_host = "api.eu.pagerduty.com" if is_eu else "api.pagerduty.com"
        return ask(
            api_host,
            f"incidents/{match['incident']}",
            headers={"Accept": "application/vnd.pagerduty+json;version=2"},
        )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how it stands, how urgent it is, and who has it since when."""
        incident = resource["incident"]
        number, service = incident.get("incident_number"), _name(incident.get("service"))
        place = f"Incident {match['incident'] if number is None else f'#{number}'}"
        # What is resolved is urgent no more: it is shown without a colour.
        urgencies = {} if incident["status"] == "resolved" else URGENCIES
        return SummaryWithDetails(
            title=first_text(incident.get("title"), incident.get("summary"), place),
            subtitle=" · ".join(filter(None, (place, service))),
            subicon_url=ICON,
            fields=[
                pill("Status", incident["status"], STATUSES, otherwise="Unknown"),
                pill("Urgency", incident.get("urgency"), urgencies),
                Pill("Priority", _name(incident.get("priority"))),
                people("Assignee", _assignees(incident)),
                DatetimeWithIcon("Created", incident["created_at"]),
                # There is room for it: what is resolved is assigned to nobody.
                DatetimeWithIcon("Resolved", incident.get("resolved_at")),
            ],
            footer=footer(incident.get("updated_at"), incident["created_at"]),
        )


def _name(reference: Mapping[str, Any] | None) -> str:
    return first_text((reference or {}).get("summary"))


def _assignees(incident: Mapping[str, Any]) -> list[tuple[str, None]]:
    """Name who has it; their pictures are not told."""
    return [(_name(given.get("assignee")), None) for given in incident.get("assignments") or ()]
