"""Zendesk tickets, such as https://placard-samples.zendesk.com/agent/tickets/35436 .

Reads "Show Ticket" (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/), with
its users, groups and custom statuses beside it. Wants `ZENDESK_EMAIL` and `ZENDESK_TOKEN`, which go
to the host of `ZENDESK_SUBDOMAIN` and to no other. Oddity: a ticket names people, its group and its
custom status by number only; what these are called stands beside it.
"""

import re
from collections.abc import Iterator, Mapping
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
from app.connectors.card_parts import PillTable, ask, footer, inner, joined, names, people, pill
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class User(Resource):
    """A customer or an agent."""

    id = Count(required=True)
    name = fields.String()
    photo = Resource.nested(content_url=fields.String())


class Ticket(Resource):
    """A ticket itself; its status is the category of the custom status, where it has one."""

    needs_any = ("subject", "status")
    subject = fields.String()
    type = fields.String()
    status = fields.String()
    custom_status_id = Count()
    priority = fields.String()
    requester_id = Count()
    assignee_id = Count()
    group_id = Count()
    tags = fields.List(fields.String())
    due_at = Timestamp()
    created_at = Timestamp()
    updated_at = Timestamp()


class Answer(Resource):
    """A ticket, with the users, the groups and the statuses that it names."""

    ticket = fields.Nested(Ticket, required=True)
    users = fields.List(fields.Nested(User))
    groups = fields.List(Resource.nested(id=Count(required=True), name=fields.String()))
    custom_statuses = fields.List(
        Resource.nested(id=Count(required=True), label=fields.String(data_key="agent_label"))
    )


class FoundTicket(Resource):
    id = Count(required=True)
    subject = fields.String()
    type = fields.String()


STATUSES: Final[PillTable] = {
    "new": ("New", "yellow"),
    "open": ("Open", "red"),
    "pending": ("Pending", "blue"),
    "hold": ("On hold", "cool-gray"),
    "solved": ("Solved", "green"),
    "closed": ("Closed", "cool-gray"),
}
PRIORITIES: Final[PillTable] = {
    "urgent": ("Urgent", "red"),
    "high": ("High", "orange"),
    "normal": ("Normal", "blue"),
    "low": ("Low", "cool-gray"),
}
ICON: Final = "https://www.zendesk.com/favicon.ico"
_TICKET: Final = r"(?P<ticket>[0-9]{1,15})"


class Zendesk(Connector):
    """Tickets of each company's host under zendesk.com, and of hosts of its own."""

    name = "zendesk"
    label = "Zendesk"
    example = "https://placard-samples.zendesk.com/agent/tickets/35436"
    settings = (
        ConnectorSetting("ZENDESK_SUBDOMAIN", "text", "`acme`: acme.zendesk.com gets the token"),
        ConnectorSetting("ZENDESK_EMAIL", "text", "the agent's address, whose token it is"),
        ConnectorSetting("PLACARD_ZENDESK_HOSTS", "hosts", "other names of that host"),
        ConnectorSetting("ZENDESK_TOKEN", "token", "API token; sent to ZENDESK_SUBDOMAIN only"),
    )
    path = one_of(
        rf"/(?:agent/)?tickets/{_TICKET}(?:/[a-z_-]{{1,32}}(?:/.*)?)?/?",
        rf"(?:/hc(?:/[A-Za-z0-9-]{{2,20}})?)?/requests/{_TICKET}/?",
        rf"/agent/?#/tickets/{_TICKET}/?",
        rf"/api/v2/(?:tickets|requests)/{_TICKET}(?:\.json)?/?",
    )
    reads_fragment = True
    schema = Answer
    search_schema = FoundTicket.listed("results")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.servers = servers_of(values["PLACARD_ZENDESK_HOSTS"])
        self.hosts = frozenset({"*.zendesk.com", *(server.host for server in self.servers)})
        subdomain = (values["ZENDESK_SUBDOMAIN"] or "").removesuffix(".zendesk.com")
        # As a host, `*` would be every company's.
        is_name = re.fullmatch(r"[A-Za-z0-9-]+", subdomain)
        self._account = f"{subdomain.lower()}.zendesk.com" if is_name else ""
        email, token = values["ZENDESK_EMAIL"], values["ZENDESK_TOKEN"]
        if self._account and email and token:
            self.credentials = (basic(self._account, "ZENDESK_TOKEN", f"{email}/token", token),)

    def canonical(self, match: Match) -> str:
        """Return the agent's page, at the account's own name where it is known."""
        return f"https://{self._host(match.host)}/agent/tickets/{match['ticket']}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask the account for the ticket, and for the users, groups and statuses that it names."""
        beside = "users,groups,custom_statuses"
        return ask(
            self._host(match.host), f"api/v2/tickets/{match['ticket']}.json?include={beside}"
        )

    def _host(self, host: str) -> str:
        """A company's own host is another name of its account, which the token is for."""
        is_own = any(server.host == host for server in self.servers)
        return self._account if is_own and self._account else host

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the account's tickets by their subjects: by "List Search Results" of the API."""
        wanted = quote(f'type:ticket subject:"{query.words}"', safe="")
        host = self._host(server.host)
        path = f"api/v2/search.json?query={wanted}&sort_by=updated_at&per_page={MOST_FOUND}"
        yield Search(ask(host, path), Server(host))

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:
        """Name the number and the kind below the subject."""
        for ticket in answer.get("results") or ():
            number, kind = ticket["id"], first_text(ticket.get("type")).capitalize()
            address = f"{search.server.url}/agent/tickets/{number}"
            title = first_text(ticket.get("subject"), f"Ticket #{number}")
            yield Found(title, address, joined(f"#{number}", kind), ICON)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show how it stands, how urgent it is, who asks, who answers, and what it is about."""
        ticket, number = resource["ticket"], f"#{match['ticket']}"
        kind = first_text(ticket.get("type")).capitalize()
        users, groups, statuses = (
            {row["id"]: row for row in resource.get(key) or ()}
            for key in ("users", "groups", "custom_statuses")
        )
        return SummaryWithDetails(
            title=first_text(ticket.get("subject"), f"Ticket {number}"),
            subtitle=joined(number, kind),
            subicon_url=ICON,
            fields=[
                _status(ticket, statuses.get(ticket.get("custom_status_id"))),
                pill("Priority", ticket.get("priority"), PRIORITIES),
                people("Requester", [_named(users.get(ticket.get("requester_id")))]),
                people("Assignee", [_named(users.get(ticket.get("assignee_id")))]),
                DatetimeWithIcon("Due", ticket.get("due_at")),
                TextWithIcon("Group", inner(groups.get(ticket.get("group_id")), "name")),
                names("Tags", ticket.get("tags")),
            ],
            footer=footer(ticket.get("updated_at"), ticket.get("created_at"), self.label),
        )


def _status(ticket: Mapping[str, Any], custom: Mapping[str, Any] | None) -> Pill:
    """Show the company's own status, in the colour of the one of Zendesk's that it is within."""
    known = pill("Status", ticket.get("status"), STATUSES, otherwise="Unknown")
    return Pill("Status", first_text(inner(custom, "label"), known.text), known.color)


def _named(user: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    """Pair the name with the picture, where the user stands beside the ticket."""
    return inner(user, "name"), inner(user, "photo", "content_url")
