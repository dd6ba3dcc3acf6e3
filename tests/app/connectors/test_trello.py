"""Trello's addresses, and what is peculiar to its cards."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors.trello import QUERY, Trello
from app.testing.contract import ConnectorContract, match_of, sent_headers, settings_of
from templates_schemas import SummaryWithDetails

ENVIRONMENT: Final = {"TRELLO_KEY": "the-key", "TRELLO_TOKEN": "the-token"}
CARD: Final = f"https://api.trello.com/1/cards/nqPiDKmw?{QUERY}"
RESOURCE: Final[Mapping[str, Any]] = {
    "name": "See the Grand Canyon",
    "closed": False,
    "due": "2025-11-21T16:00:00.000Z",
    "dueComplete": False,
    "dateLastActivity": "2025-11-03T16:40:12.345Z",
    "labels": [{"name": "travel", "color": "green"}, {"name": "", "color": "sky_dark"}],
    "badges": {"comments": 3, "checkItems": 5, "checkItemsChecked": 2},
    "members": [
        {"fullName": "Alice Example", "username": "alice", "avatarUrl": "https://avatars.example/1"}
    ],
    "board": {"name": "Life goals"},
    "list": {"name": "Planned"},
}


class TestTrello(ConnectorContract):
    connector = Trello
    environment = ENVIRONMENT
    matches: ClassVar[Mapping[str, str]] = {
        "https://trello.com/c/nqPiDKmw/9-grand-canyon": CARD,
        "https://trello.com/c/nqPiDKmw": CARD,
        "https://trello.com/c/nqPiDKmw/": CARD,
        "https://trello.com/c/nqPiDKmw/9-grand-canyon/": CARD,
        "https://trello.com/c/nqPiDKmw/9-grand-canyon#comment-5f00": CARD,
        "https://trello.com/c/nqPiDKmw?filter=member:alice": CARD,
        "https://trello.com/c/nqPiDKmw/9-gr%C3%A4ben-%2f-t%C3%A4ler": CARD,
        "https://trello.com/c/nqPiDKmw/9-gräben": CARD,
        "https://api.trello.com/1/cards/nqPiDKmw?fields=all": CARD,
        "https://trello.com/1/cards/nqPiDKmw": CARD,
        "https://trello.com/c/nqPiDKmw/9 grand canyon": CARD,
        "https://trello.com:443/c/nqPiDKmw/9": CARD,
        "http://trello.com/c/nqPiDKmw": CARD,
        "HTTPS://WWW.Trello.COM/c/nqPiDKmw": CARD,
        "https://trello.com/c/5f0000000000000000000d01": CARD.replace(
            "nqPiDKmw", "5f0000000000000000000d01"
        ),
    }
    near_misses = (
        "https://api.trello.com/c/nqPiDKmw",
        "https://api.trello.com/1/boards/nqPiDKmw",
        "https://api.trello.com/1/cards/nqPiDKmw/actions",
        "https://blog.trello.com/c/nqPiDKmw",
        "https://trello.com./c/nqPiDKmw",
        "https://trello.com/c",
        "https://trello.com/c/",
        "https://trello.com/c/short",
        "https://trello.com/c/5f0000000000000000000d012",
        "https://trello.com/c/nqPiDKmw.json",
        "https://trello.com/c/nqPiDKmw/9-grand-canyon.json",
        "https://trello.com/c/nqPiDKmw/..",
        "https://trello.com/c/nqPiDKmw/9/more",
        "https://trello.com/c/nqPiDKmw//",
        "https://trello.com/C/nqPiDKmw",
        "https://trello.com/c/nqPi-Kmw",
        "https://trello.com/c/nqPiDKm\u0661",
        "https://trello.com/c/nqPiDKmw%3Ffields=all",
        "https://trello.com/b/nqPiDKmw/a-board",
        "https://trello.com/nqPiDKmw",
        f"https://trello.com/c/nqPiDKmw/{'x' * 2001}",
    )
    resource = RESOURCE


@pytest.mark.parametrize(
    ("url", "proof"),
    [
        (CARD, {"Authorization": 'OAuth oauth_consumer_key="the-key", oauth_token="the-token"'}),
        ("https://trello.com/c/nqPiDKmw", {}),
        ("https://trello.com.evil.example/1/cards/nqPiDKmw", {}),
        ("https://evil.api.trello.com/1/cards/nqPiDKmw", {}),
    ],
)
def test_key_and_token_go_to_the_api_only(url: str, proof: Mapping[str, str]) -> None:
    assert sent_headers(Trello(settings_of(ENVIRONMENT)), url) == proof


def test_key_and_token_are_not_in_the_address() -> None:
    known = Trello(settings_of(ENVIRONMENT))
    match = match_of(known, known.example)
    assert match
    asked = known.request_for(match).url
    assert "the-key" not in asked
    assert "the-token" not in asked


@pytest.mark.parametrize("alone", ENVIRONMENT)
def test_key_or_token_alone_is_not_sent(alone: str) -> None:
    known = Trello(settings_of({alone: ENVIRONMENT[alone]}))
    assert sent_headers(known, CARD) == {}


@pytest.mark.parametrize(
    ("parts", "text", "color"),
    [
        ({}, "Open", "blue"),
        ({"dueComplete": True}, "Done", "green"),
        ({"dueComplete": None}, "Open", "blue"),
        ({"closed": True}, "Archived", "cool-gray"),
        ({"closed": True, "dueComplete": True}, "Archived", "cool-gray"),
    ],
    ids=repr,
)
def test_state_is_archived_before_done_before_open(
    parts: Mapping[str, Any], text: str, color: str
) -> None:
    assert _shown(_card(parts), "State", "text") == text
    assert _shown(_card(parts), "State", "color") == color


def test_avatar_is_asked_for_in_a_size() -> None:
    assert _shown(_card({}), "Member", "icon_url") == "https://avatars.example/1/50.png"


def test_member_without_full_name_is_called_by_the_user_name() -> None:
    nameless = {"fullName": "", "username": "carol", "avatarUrl": None}
    card = _card({"members": [nameless, *RESOURCE["members"]]})
    assert _shown(card, "Members", "text") == "carol, Alice Example"
    assert _shown(card, "Members", "icon_url") is None


def test_label_without_name_is_called_by_its_colour() -> None:
    assert _shown(_card({}), "Labels", "text") == "travel, sky dark"


def test_checklist_tells_how_much_of_it_is_done() -> None:
    assert _shown(_card({}), "Checklist", "text") == "2 of 5 done"


def test_list_is_told_by_the_subtitle_only() -> None:
    names = [part.name for part in _card({}).fields if part]
    assert "List" not in names


def test_card_without_check_items_shows_no_checklist() -> None:
    card = _card({"due": None, "badges": {"checkItems": 0, "checkItemsChecked": 0}})
    assert "Checklist" not in [part.name for part in card.fields if part]


def test_subtitle_tells_the_board_and_the_list_as_far_as_they_are_known() -> None:
    assert _card({}).subtitle == "Life goals · Planned"
    assert _card({"board": None}).subtitle == "Planned"
    assert _card({"board": {"name": " "}, "list": None}).subtitle is None


def _card(parts: Mapping[str, Any]) -> SummaryWithDetails:
    known = Trello(settings_of({}))
    match = match_of(known, known.example)
    assert match
    return known.widget(known.schema().load({**RESOURCE, **parts}), match)


def _shown(card: SummaryWithDetails, name: str, key: str) -> Any:
    (field,) = [part for part in card.fields if part is not None and part.name == name]
    return getattr(field, key)
