"""Zendesk tickets, such as https://placard-samples.zendesk.com/agent/tickets/35436 .

Reads "Show Ticket" of https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ , with
its users and groups side-loaded. Wants `ZENDESK_EMAIL` and `ZENDESK_TOKEN`, which go to the host of
`ZENDESK_SUBDOMAIN` and to no other. Oddity: a ticket names people and its group by number only;
the users and groups stand beside it.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Connector, Match, Moment, Resource
from app.connectors.card_parts import ask, people, pill
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, SummaryWithDetails, TextWithIcon, Updated
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


class Photo(Resource):
    """A user's picture."""

    content_url = fields.String(allow_none=True)


class User(Resource):
    """A customer or an agent."""

    id = fields.Integer(strict=True, required=True)
    name = fields.String(allow_none=True)
    photo = fields.Nested(Photo, allow_none=True)


class Group(Resource):
    """A group of agents."""

    id = fields.Integer(strict=True, required=True)
    name = fields.String(allow_none=True)


class Ticket(Resource):
    """A ticket itself."""

    subject = fields.String(allow_none=True)
    type = fields.String(allow_none=True)
    status = fields.String(required=True)
    priority = fields.String(allow_none=True)
    requester_id = fields.Integer(strict=True, allow_none=True)
    assignee_id = fields.Integer(strict=True, allow_none=True)
    group_id = fields.Integer(strict=True, allow_none=True)
    tags = fields.List(fields.String(), allow_none=True)
    due_at = Moment(allow_none=True)
    updated_at = Moment(required=True)


class Answer(Resource):
    """A ticket, with the users and the groups that it names."""

    ticket = fields.Nested(Ticket, required=True)
    users = fields.List(fields.Nested(User), allow_none=True)
    groups = fields.List(fields.Nested(Group), allow_none=True)


STATUSES: Final[dict[str, tuple[str, PillColor]]] = {
    "new": ("New", "yellow"),
    "open": ("Open", "red"),
    "pending": ("Pending", "blue"),
    "hold": ("On hold", "cool-gray"),
    "solved": ("Solved", "green"),
    "closed": ("Closed", "cool-gray"),
}
PRIORITIES: Final[dict[str, tuple[str, PillColor]]] = {
    "urgent": ("Urgent", "red"),
    "high": ("High", "orange"),
    "normal": ("Normal", "blue"),
    "low": ("Low", "cool-gray"),
}
ICON: Final = "https://www.zendesk.com/favicon.ico"


class Zendesk(Connector):
    """Tickets of each company's own host under zendesk.com."""

    name: ClassVar[str] = "zendesk"
    label: ClassVar[str] = "Zendesk"
    example: ClassVar[str] = "https://placard-samples.zendesk.com/agent/tickets/35436"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("ZENDESK_SUBDOMAIN", "text", "`acme`: acme.zendesk.com gets the token"),
        ConnectorSetting("ZENDESK_EMAIL", "text", "the agent's address, whose token it is"),
        ConnectorSetting("ZENDESK_TOKEN", "token", "API token; sent to ZENDESK_SUBDOMAIN only"),
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        r"/(?:agent/tickets|(?:hc/(?:[A-Za-z0-9-]{2,20}/)?)?requests)/(?P<ticket>[0-9]{1,15})/?"
    )
    schema: ClassVar[type[Resource]] = Answer

    def __init__(self, settings: Settings) -> None:
        self.hosts = frozenset({"*.zendesk.com"})
        values = settings.connector_settings
        subdomain = (values["ZENDESK_SUBDOMAIN"] or "").removesuffix(".zendesk.com")
        email, token = values["ZENDESK_EMAIL"], values["ZENDESK_TOKEN"]
        # As a host, `*` would be every company's.
        if subdomain and subdomain != "*" and email and token:
            host = f"{subdomain}.zendesk.com"
            self.credentials = (basic(host, "ZENDESK_TOKEN", f"{email}/token", token),)

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the company's host for the ticket, and for the users and groups that it names."""
        return ask(match.host, f"api/v2/tickets/{match['ticket']}.json?include=users,groups")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how it stands, how urgent it is, who asks, who answers, and what it is about."""
        ticket, number = resource["ticket"], f"#{match['ticket']}"
        kind = first_text(ticket.get("type")).capitalize()
        users, groups = (
            {known["id"]: known for known in resource.get(key) or ()} for key in ("users", "groups")
        )
        return SummaryWithDetails(
            title=first_text(ticket.get("subject"), f"Ticket {number}"),
            subtitle=f"{number} · {kind}" if kind else number,
            subicon_url=ICON,
            fields=[
                pill("Status", ticket["status"], STATUSES, otherwise="Unknown"),
                pill("Priority", ticket.get("priority"), PRIORITIES),
                people("Requester", _named(users.get(ticket.get("requester_id")))),
                people("Assignee", _named(users.get(ticket.get("assignee_id")))),
                DatetimeWithIcon("Due", ticket.get("due_at")),
                TextWithIcon("Group", groups.get(ticket.get("group_id"), {}).get("name")),
                TextWithIcon("Tags", listed(ticket.get("tags") or (), FIELD_TEXT_MAX)),
            ],
            footer=Updated(ticket["updated_at"]),
        )


def _named(user: Mapping[str, Any] | None) -> list[tuple[str | None, str | None]]:
    """Pair the name with the picture, where the user stands beside the ticket."""
    return [(user.get("name"), (user.get("photo") or {}).get("content_url"))] if user else []
