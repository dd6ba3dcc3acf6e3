"""Trello cards, such as https://trello.com/c/nqPiDKmw/9-grand-canyon .

Reads "Get a Card" of https://developer.atlassian.com/cloud/trello/rest/api-group-cards/ , with the
nested members, board and list. Wants `TRELLO_KEY` and `TRELLO_TOKEN`, which go into a header, not
into the address (or none: cards of public boards). Oddity: an avatar's address is that of a folder
of sizes, and a label need not have a name, only a colour.
"""

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
    ResourceUrl,
    Search,
    SearchQuery,
    Timestamp,
    one_of,
)
from app.connectors.card_parts import PillTable, ask, footer, inner, joined, names, people
from app.connectors.javascript import PagePattern
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import header_pairs
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class Member(Resource):
    """Somebody who is on the card."""

    full_name = fields.String(data_key="fullName")
    username = fields.String()
    avatar_url = fields.String(data_key="avatarUrl")


class Badges(Resource):
    """What the front of the card counts."""

    comments = Count()
    check_items = Count(data_key="checkItems")
    check_items_checked = Count(data_key="checkItemsChecked")


class Card(Resource):
    """A card, with its board, its list and its members."""

    needs_any = ("name", "closed")
    name = fields.String()
    closed = fields.Boolean()
    due = Timestamp()
    due_complete = fields.Boolean(data_key="dueComplete")
    last_activity = Timestamp(data_key="dateLastActivity")
    labels = fields.List(Resource.nested(name=fields.String(), color=fields.String()))
    badges = fields.Nested(Badges)
    members = fields.List(fields.Nested(Member))
    board = Resource.nested(name=fields.String())
    list = Resource.nested(name=fields.String())


class FoundCard(Resource):
    """A card that was found, with its board."""

    name = fields.String()
    link = fields.String(data_key="shortLink", required=True)
    board = Resource.nested(name=fields.String())


STATES: Final[PillTable] = {
    "open": ("Open", "blue"),
    "done": ("Done", "green"),
    "archived": ("Archived", "cool-gray"),
}
ICON: Final = "https://trello.com/favicon.ico"
API_HOST: Final = "api.trello.com"
QUERY: Final = (
    "fields=badges,closed,dateLastActivity,due,dueComplete,labels,name"
    "&members=true&member_fields=avatarUrl,fullName,username"
    "&board=true&board_fields=name&list=true"
)


class Trello(Connector):
    name = "trello"
    label = "Trello"
    example = "https://trello.com/c/nqPiDKmw/9-grand-canyon"
    settings = (
        ConnectorSetting("TRELLO_KEY", "token", "API key for trello.com, used with TRELLO_TOKEN"),
        ConnectorSetting("TRELLO_TOKEN", "token", "token for trello.com; unset: public boards"),
    )
    path = one_of(
        r"/c/(?P<card>[A-Za-z0-9]{8,24})(?:/[^/.]{1,2000})?/?",
        r"/1/cards?/(?P<card>[A-Za-z0-9]{8,24})/?",
    )
    schema = Card
    search_schema = FoundCard.listed("cards")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.hosts = frozenset({"trello.com", "www.trello.com", API_HOST})
        key, token = values["TRELLO_KEY"], values["TRELLO_TOKEN"]
        if key and token:
            proof = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
            self.credentials = (header_pairs(API_HOST, "TRELLO_TOKEN", {"Authorization": proof}),)

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do; the API's host has no pages."""
        is_page = address.path.startswith("/c/")
        return None if is_page and address.host == API_HOST else super().match(address)

    def page_patterns(self) -> Iterator[PagePattern]:
        """Write the addresses of the pages, and those of the API, each on its own hosts."""
        for pattern in super().page_patterns():
            yield PagePattern(pattern.hosts - {API_HOST}, pattern.path)
            yield PagePattern(frozenset({API_HOST}), f"(?=/1/){pattern.path}")

    def canonical(self, match: Match) -> str:
        """Return the card's page, without its name."""
        return f"https://trello.com/c/{match['card']}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the card and for what is around it; its name in the address does not count."""
        return ask(API_HOST, f"1/cards/{match['card']}?{QUERY}")

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the open cards, also by the beginning of a word: by "Search Trello" of the API."""
        wanted = quote(f"{query.words} is:open", safe="")
        beside = "modelTypes=cards&card_fields=name,shortLink&card_board=true&partial=true"
        path = f"1/search?query={wanted}&{beside}&cards_limit={MOST_FOUND}"
        yield Search(ask(API_HOST, path), server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:  # noqa: ARG002
        """Name the board below the card's name."""
        for found in answer.get("cards") or ():
            address = f"https://trello.com/c/{found['link']}"
            board = inner(found, "board", "name") or ""
            yield Found(first_text(found.get("name"), found["link"]), address, board, ICON)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the state, who is on it, what it is about, and when it is due."""
        badges = resource.get("badges") or {}
        labels = [
            first_text(label.get("name"), (label.get("color") or "").replace("_", " "))
            for label in resource.get("labels") or ()
        ]
        return SummaryWithDetails(
            title=first_text(resource.get("name"), f"Card {match['card']}"),
            subtitle=joined(inner(resource, "board", "name"), inner(resource, "list", "name")),
            subicon_url=ICON,
            fields=[
                Pill("State", *STATES[_state(resource)]),
                people("Member", map(_named, resource.get("members") or ())),
                names("Labels", labels),
                DatetimeWithIcon("Due", resource.get("due")),
                _checklist(badges),
            ],
            footer=footer(resource.get("last_activity"), label=self.label),
            num_comments=badges.get("comments"),
        )


def _state(resource: Mapping[str, Any]) -> str:
    if resource.get("closed"):
        return "archived"
    return "done" if resource.get("due_complete") else "open"


def _named(member: Mapping[str, Any]) -> tuple[str, str | None]:
    """Pair a member's name with the picture, in one of its sizes."""
    avatar = member.get("avatar_url")
    name = first_text(member.get("full_name"), member.get("username"))
    return name, f"{avatar}/50.png" if avatar else None


def _checklist(badges: Mapping[str, Any]) -> TextWithIcon | None:
    """Tell how much of the checklists is done, where there are any."""
    total, done = badges.get("check_items"), badges.get("check_items_checked")
    return TextWithIcon("Checklist", f"{done or 0} of {total} done") if total else None
