"""Zendesk's addresses, whom its token goes to, and how tickets stand."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors.zendesk import Zendesk
from app.testing.contract import ConnectorContract, match_of, request_for, sent_headers, settings_of
from templates_schemas import SummaryWithDetails

ENVIRONMENT: Final = {
    "ZENDESK_SUBDOMAIN": "placard-samples",
    "ZENDESK_EMAIL": "agent@example.com",
    "ZENDESK_TOKEN": "the-token",
    "PLACARD_ZENDESK_HOSTS": "support.example.com",
}
HOST: Final = "https://placard-samples.zendesk.com"
TICKET: Final = f"{HOST}/api/v2/tickets/35436.json?include=users,groups,custom_statuses"
PROOF: Final = base64.b64encode(b"agent@example.com/token:the-token").decode()
PARTS: Final[Mapping[str, Any]] = {
    "subject": "Help, my printer is on fire!",
    "type": "incident",
    "status": "open",
    "priority": "high",
    "requester_id": 1,
    "assignee_id": 2,
    "group_id": 3,
    "tags": ["printer"],
    "due_at": None,
    "custom_status_id": 4,
    "updated_at": "2025-11-03T16:40:12Z",
}
USERS: Final = (
    {"id": 1, "name": "Carla Customer", "photo": None},
    {"id": 2, "name": "Ada Agent", "photo": {"content_url": f"{HOST}/system/photos/2.jpg"}},
)
GROUPS: Final = ({"id": 3, "name": "Support"},)


class TestZendesk(ConnectorContract):
    connector = Zendesk
    environment = ENVIRONMENT
    matches: ClassVar[Mapping[str, str]] = {
        f"{HOST}/agent/tickets/35436": TICKET,
        f"{HOST}/agent/tickets/35436/": TICKET,
        f"{HOST}/agent/tickets/35436?brand_id=1": TICKET,
        f"{HOST}/agent/tickets/35436#comment-5": TICKET,
        f"{HOST}/agent/tickets/35436/events": TICKET,
        f"{HOST}/agent/tickets/35436/requester/requested_tickets": TICKET,
        f"{HOST}/agent/tickets/35436/side_conversations/a-b": TICKET,
        f"{HOST}/tickets/35436/print": TICKET,
        f"{HOST}/agent/#/tickets/35436": TICKET,
        f"{HOST}/agent#/tickets/35436": TICKET,
        f"{HOST}/tickets/35436": TICKET,
        f"{HOST}/api/v2/tickets/35436.json": TICKET,
        f"{HOST}/api/v2/tickets/35436": TICKET,
        f"{HOST}/api/v2/requests/35436.json": TICKET,
        "https://support.example.com/hc/en-us/requests/35436": TICKET,
        "https://support.example.com/agent/tickets/35436": TICKET,
        f"{HOST}/requests/35436": TICKET,
        f"{HOST}/hc/requests/35436": TICKET,
        f"{HOST}/hc/en-us/requests/35436": TICKET,
        f"{HOST}/hc/zh-hant-tw/requests/35436/": TICKET,
        f"{HOST}:443/agent/tickets/35436": TICKET,
        "HTTPS://Placard-Samples.Zendesk.COM/agent/tickets/35436": TICKET,
        "http://placard-samples.zendesk.com/agent/tickets/35436": TICKET,
        "https://another.zendesk.com/agent/tickets/7": (
            "https://another.zendesk.com/api/v2/tickets/7.json?include=users,groups,custom_statuses"
        ),
    }
    near_misses = (
        "https://zendesk.com/agent/tickets/35436",
        "https://.zendesk.com/agent/tickets/35436",
        "https://a.b.zendesk.com/agent/tickets/35436",
        "https://placard-samples.zendesk.com.evil.example/agent/tickets/35436",
        "https://placard-sampleszendesk.com/agent/tickets/35436",
        "https://placard-samples.zendesk.com./agent/tickets/35436",
        f"{HOST}/agent/tickets",
        f"{HOST}/agent/tickets/",
        f"{HOST}/agent/tickets/new",
        f"{HOST}/agent/tickets/-1",
        f"{HOST}/agent/tickets/1234567890123456",
        f"{HOST}/agent/tickets/\u0661",
        f"{HOST}/agent/tickets/35436.json",
        f"{HOST}/agent/tickets/35436%3Finclude=x",
        f"{HOST}/agent/users/35436",
        f"{HOST}/agent/#/tickets",
        f"{HOST}/agent/#/users/35436",
        f"{HOST}/agent/dashboard#/tickets/35436",
        f"{HOST}/api/v2/tickets/35436/comments.json",
        f"{HOST}/api/v1/tickets/35436.json",
        "https://help.example.com/agent/tickets/35436",
        f"{HOST}/hc/en-us/articles/35436",
        f"{HOST}/hc/en-us/more/requests/35436",
        f"{HOST}/hc/../requests/35436",
        f"{HOST}/hc//requests/35436",
        f"{HOST}/agent/requests/35436",
    )
    resource: ClassVar[Mapping[str, Any]] = {
        "ticket": {**PARTS, "due_at": "2025-11-21T11:00:00Z"},
        "users": list(USERS),
        "groups": list(GROUPS),
        "custom_statuses": [{"id": 4, "agent_label": "Waiting for parts"}],
    }
    corpora: ClassVar[Mapping[str, str]] = {"zendesk/tickets": f"{HOST}/agent/tickets/35436"}

    def answer_of(self, payload: Any) -> Any:
        return {"ticket": payload}


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        (TICKET, {"Authorization": f"Basic {PROOF}"}),
        ("https://another.zendesk.com/api/v2/tickets/7.json", {}),
        ("https://a.placard-samples.zendesk.com/api/v2/tickets/7.json", {}),
        ("https://placard-samples.zendesk.com.evil.example/api/v2/tickets/7.json", {}),
        ("https://placard-samples.zendesk.com:8443/api/v2/tickets/7.json", {}),
    ],
)
def test_token_goes_to_the_host_of_its_subdomain_only(url: str, sent: Mapping[str, str]) -> None:
    assert sent_headers(Zendesk(settings_of(ENVIRONMENT)), url) == sent


@pytest.mark.parametrize("unset", ["ZENDESK_SUBDOMAIN", "ZENDESK_EMAIL", "ZENDESK_TOKEN"])
def test_no_credential_is_sent_unless_all_three_are_set(unset: str) -> None:
    some = {name: value for name, value in ENVIRONMENT.items() if name != unset}
    assert Zendesk(settings_of(some)).credentials == ()


@pytest.mark.parametrize("subdomain", ["*", "*.zendesk.com", "evil.example/", "evil.example#"])
def test_odd_subdomain_sends_the_token_to_nobody(subdomain: str) -> None:
    known = Zendesk(settings_of({**ENVIRONMENT, "ZENDESK_SUBDOMAIN": subdomain}))
    for url in (TICKET, "https://another.zendesk.com/", "https://evil.example/"):
        assert sent_headers(known, url) == {}


def test_only_the_host_of_the_address_is_reached() -> None:
    request = request_for(Zendesk(settings_of({})), "https://Another.zendesk.com/requests/7")
    assert request.hosts == {"another.zendesk.com"}


@pytest.mark.parametrize(
    ("status", "text", "color"),
    [
        ("new", "New", "yellow"),
        ("open", "Open", "red"),
        ("pending", "Pending", "blue"),
        ("hold", "On hold", "cool-gray"),
        ("solved", "Solved", "green"),
        ("closed", "Closed", "cool-gray"),
        ("waiting_for_parts", "Waiting for parts", "none"),
        ("", "Unknown", "none"),
    ],
)
def test_status_has_its_colour(status: str, text: str, color: str) -> None:
    card = _card({"status": status})
    assert _shown(card, "Status", "text") == text
    assert _shown(card, "Status", "color") == color


@pytest.mark.parametrize(
    ("priority", "text", "color"),
    [
        ("urgent", "Urgent", "red"),
        ("high", "High", "orange"),
        ("normal", "Normal", "blue"),
        ("low", "Low", "cool-gray"),
        ("someday", "Someday", "none"),
    ],
)
def test_priority_has_its_colour(priority: str, text: str, color: str) -> None:
    card = _card({"priority": priority})
    assert _shown(card, "Priority", "text") == text
    assert _shown(card, "Priority", "color") == color


def test_people_and_group_are_found_by_their_numbers() -> None:
    card = _card({})
    assert _shown(card, "Requester", "text") == "Carla Customer"
    assert _shown(card, "Requester", "icon_url") is None
    assert _shown(card, "Assignee", "text") == "Ada Agent"
    assert _shown(card, "Assignee", "icon_url") == f"{HOST}/system/photos/2.jpg"
    assert _shown(card, "Group", "text") == "Support"


def test_person_who_is_not_beside_the_ticket_is_not_shown() -> None:
    card = _card({"requester_id": 9, "assignee_id": None, "group_id": 9})
    assert [part.name for part in card.fields if part] == ["Status", "Priority", "Tags"]


def test_due_date_of_a_task_is_shown_before_its_group() -> None:
    card = _card({"priority": None, "due_at": "2025-11-21T12:00:00+01:00"})
    names = [part.name for part in card.fields if part]
    assert names == ["Status", "Requester", "Assignee", "Due", "Group"]
    assert _shown(card, "Due", "datetime") == "2025-11-21T11:00:00.000Z"


def test_subtitle_is_the_number_and_the_type_where_there_is_one() -> None:
    assert _card({}).subtitle == "#35436 · Incident"
    assert _card({"type": None}).subtitle == "#35436"


def test_ticket_without_subject_is_called_by_its_number() -> None:
    for subject in (None, "", " \u200b"):
        assert _card({"subject": subject}).title == "Ticket #35436"


def _card(parts: Mapping[str, Any]) -> SummaryWithDetails:
    known = Zendesk(settings_of({}))
    match = match_of(known, known.example)
    assert match
    answer = {"ticket": {**PARTS, **parts}, "users": USERS, "groups": GROUPS}
    return known.widget(known.schema().load(answer), match)


def _shown(card: SummaryWithDetails, name: str, key: str) -> Any:
    (field,) = [part for part in card.fields if part is not None and part.name == name]
    return getattr(field, key)
