"""PagerDuty's incidents: addresses, what is asked for them, and what is shown."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.pagerduty import OTHER_HOSTS, Answer, PagerDuty
from app.errors import NoConnector
from app.testing.contract import ConnectorContract, request_for, sent_headers, settings_of
from templates_schemas import Created, SummaryWithDetails, Updated

ENVIRONMENT: Final = {"PAGERDUTY_TOKEN": "the-token"}
API: Final = "https://api.pagerduty.com/incidents"
EU_API: Final = "https://api.eu.pagerduty.com/incidents"
INCIDENTS: Final = "https://placard-samples.pagerduty.com/incidents"
MATCHES: Final = {
    f"{INCIDENTS}/Q1R2DLCB21K7NP": f"{API}/Q1R2DLCB21K7NP",
    f"{INCIDENTS}/Q1R2DLCB21K7NP/": f"{API}/Q1R2DLCB21K7NP",
    f"{INCIDENTS}/Q1R2DLCB21K7NP#top": f"{API}/Q1R2DLCB21K7NP",
    f"{INCIDENTS}/Q1R2DLCB21K7NP?utm_source=slack&utm_medium=chat": f"{API}/Q1R2DLCB21K7NP",
    f"{INCIDENTS}/Q1R2DLCB21K7NP/timeline": f"{API}/Q1R2DLCB21K7NP",
    f"{INCIDENTS}/Q1R2DLCB21K7NP/status_updates/": f"{API}/Q1R2DLCB21K7NP",
    f"{INCIDENTS}/Q1R2DLCB21K7NP/log_entries/R2D2": f"{API}/Q1R2DLCB21K7NP",
    f"{API}/PT4KHLK": f"{API}/PT4KHLK",
    "https://API.pagerduty.com/incidents/PT4KHLK": f"{API}/PT4KHLK",
    f"{EU_API}/PT4KHLK?include[]=services": f"{EU_API}/PT4KHLK",
    f"{INCIDENTS}/PT4KHLK": f"{API}/PT4KHLK",
    "http://placard-samples.pagerduty.com/incidents/PT4KHLK": f"{API}/PT4KHLK",
    "https://Placard-Samples.PagerDuty.COM:443/incidents/PT4KHLK": f"{API}/PT4KHLK",
    "https://placard-samples.eu.pagerduty.com/incidents/PT4KHLK": f"{EU_API}/PT4KHLK",
    "https://placard-samples.EU.pagerduty.com:443/incidents/PT4KHLK/": f"{EU_API}/PT4KHLK",
}
NEAR_MISSES: Final = (
    # Hosts that are no account's.
    "https://pagerduty.com/incidents/PT4KHLK",
    "https://events.pagerduty.com/incidents/PT4KHLK",
    "https://developer.pagerduty.com/incidents/PT4KHLK",
    "https://www.pagerduty.com/incidents/PT4KHLK",
    "https://eu.pagerduty.com/incidents/PT4KHLK",
    "https://events.eu.pagerduty.com/incidents/PT4KHLK",
    "https://acme.us.pagerduty.com/incidents/PT4KHLK",
    "https://acme.service.eu.pagerduty.com/incidents/PT4KHLK",
    "https://.pagerduty.com/incidents/PT4KHLK",
    "https://acme.pagerduty.com.evil.example/incidents/PT4KHLK",
    "https://acme.notpagerduty.com/incidents/PT4KHLK",
    "https://acme.pagerduty.com:8443/incidents/PT4KHLK",
    # Other pages, and ids that are none.
    f"{INCIDENTS}",
    f"{INCIDENTS}/",
    f"{INCIDENTS}/new",
    f"{INCIDENTS}/1234",
    f"{INCIDENTS}/pt4khlk",
    f"{INCIDENTS}/PT4",
    f"{INCIDENTS}/P{'A' * 32}",
    f"{INCIDENTS}/PT4KHL\u212a",
    f"{INCIDENTS}/PT4KHLK//",
    f"{INCIDENTS}/PT4KHLK/log_entries/R1/channel",
    f"{INCIDENTS}/PT4KHLK/log_entries/r-1",
    f"{INCIDENTS}/PT4KHLK%2Fnotes",
    f"{INCIDENTS}/PT4KHLK/..",
    f"{INCIDENTS}/../PT4KHLK",
    "https://placard-samples.pagerduty.com/services/PT4KHLK",
    "https://placard-samples.pagerduty.com/service-directory/PT4KHLK/incidents/PT4KHLK",
)
INCIDENT: Final[Mapping[str, Any]] = {
    "incident_number": 1234,
    "title": "Checkout answers with 503",
    "summary": "[#1234] Checkout answers with 503",
    "status": "triggered",
    "urgency": "high",
    "priority": {"summary": "P2"},
    "service": {"summary": "Shop API"},
    "assignments": [{"assignee": {"summary": "Mona Lisa"}}],
    "created_at": "2025-11-03T16:20:04Z",
    "updated_at": "2025-11-03T16:40:12Z",
    "resolved_at": None,
}


class TestPagerDuty(ConnectorContract):
    connector = PagerDuty
    environment = ENVIRONMENT
    matches = MATCHES
    near_misses = NEAR_MISSES
    headers: ClassVar[Mapping[str, str]] = {"Accept": "application/vnd.pagerduty+json;version=2"}
    resource: ClassVar[Mapping[str, Any]] = {"incident": INCIDENT}


def card_of(**changes: Any) -> SummaryWithDetails:
    known = PagerDuty(settings_of({}))
    _, match = find(known.example, [known])
    return known.widget(Answer().load({"incident": {**INCIDENT, **changes}}), match)


def shown(card: SummaryWithDetails) -> dict[str, Any]:
    """Return what each field shows: its text, or its time."""
    return {
        part.name: getattr(part, "text", None) or getattr(part, "datetime", None)
        for part in card.fields
        if part
    }


def color_of(card: SummaryWithDetails, name: str) -> str:
    return next(getattr(part, "color", "") for part in card.fields if part and part.name == name)


@pytest.mark.parametrize(
    ("status", "text", "color"),
    [
        ("triggered", "Triggered", "red"),
        ("acknowledged", "Acknowledged", "yellow-orange"),
        ("resolved", "Resolved", "green"),
        ("on_hold", "On hold", "none"),
    ],
)
def test_status_has_its_colour(status: str, text: str, color: str) -> None:
    card = card_of(status=status)
    assert (shown(card)["Status"], color_of(card, "Status")) == (text, color)


@pytest.mark.parametrize(
    ("status", "urgency", "text", "color"),
    [
        ("triggered", "high", "High", "red"),
        ("acknowledged", "low", "Low", "cool-gray"),
        ("triggered", "severity_based", "Severity based", "none"),
        ("resolved", "high", "High", "none"),
        ("resolved", "low", "Low", "none"),
    ],
)
def test_urgency_has_its_colour_until_it_is_resolved(
    status: str, urgency: str, text: str, color: str
) -> None:
    card = card_of(status=status, urgency=urgency)
    assert (shown(card)["Urgency"], color_of(card, "Urgency")) == (text, color)


@pytest.mark.parametrize(
    ("urgency", "priority", "pills"),
    [
        ("high", {"summary": "P2"}, {"Urgency": "High", "Priority": "P2"}),
        ("high", None, {"Urgency": "High"}),
        ("high", {"summary": " "}, {"Urgency": "High"}),
        (None, {"summary": "P1"}, {"Priority": "P1"}),
    ],
)
def test_urgency_and_priority_are_two_pills(
    urgency: str | None, priority: Any, pills: dict[str, str]
) -> None:
    fields = shown(card_of(urgency=urgency, priority=priority))
    assert {name: fields[name] for name in ("Urgency", "Priority") if name in fields} == pills


def test_all_assignees_are_named() -> None:
    given = [{"assignee": {"summary": name}} for name in ("Mona Lisa", " ", "Octavia Reader")]
    assert shown(card_of(assignments=given))["Assignees"] == "Mona Lisa, Octavia Reader"


def test_resolved_incident_shows_when_it_ended() -> None:
    card = card_of(status="resolved", assignments=[], resolved_at="2025-11-03T16:52:30Z")
    assert list(shown(card)) == ["Status", "Urgency", "Priority", "Created", "Resolved"]
    assert shown(card)["Resolved"] == "2025-11-03T16:52:30.000Z"


@pytest.mark.parametrize(
    ("number", "service", "subtitle"),
    [
        (1234, {"summary": "Shop API"}, "Incident #1234 · Shop API"),
        (0, None, "Incident #0"),
        (None, {"summary": " "}, "Incident Q1R2DLCB21K7NP"),
    ],
)
def test_subtitle_says_where_it_is(number: int | None, service: Any, subtitle: str) -> None:
    assert card_of(incident_number=number, service=service).subtitle == subtitle


def test_title_is_never_blank() -> None:
    assert card_of(title=" ").title == "[#1234] Checkout answers with 503"
    assert card_of(title=None, summary=None).title == "Incident #1234"


def test_footer_says_when_it_changed_or_else_when_it_began() -> None:
    assert card_of().footer == Updated("2025-11-03T16:40:12.000Z")
    assert card_of(updated_at=None).footer == Created("2025-11-03T16:20:04.000Z")


def test_token_goes_to_the_two_apis_only() -> None:
    known = PagerDuty(settings_of(ENVIRONMENT))
    token = {"Authorization": "Token token=the-token"}
    for url, sent in {
        f"{API}/PT4KHLK": token,
        f"{EU_API}/PT4KHLK": token,
        "https://placard-samples.pagerduty.com/": {},
        "https://events.pagerduty.com/": {},
        "https://api.us.pagerduty.com/": {},
        "https://api.pagerduty.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


def test_without_a_token_nothing_is_sent() -> None:
    assert PagerDuty(settings_of({})).credentials == ()


def test_identity_does_not_give_the_token_away() -> None:
    for credential in PagerDuty(settings_of(ENVIRONMENT)).credentials:
        assert "the-token" not in repr(credential)


@pytest.mark.parametrize("address", MATCHES)
def test_only_the_api_of_the_region_may_be_reached(address: str) -> None:
    region = "api.eu.pagerduty.com" if ".eu." in address.lower() else "api.pagerduty.com"
    assert request_for(PagerDuty(settings_of(ENVIRONMENT)), address).hosts == {region}


@pytest.mark.parametrize("region", ["", "eu."])
@pytest.mark.parametrize("child", sorted(OTHER_HOSTS))
def test_hosts_of_pagerduty_itself_are_no_accounts(child: str, region: str) -> None:
    with pytest.raises(NoConnector):
        find(
            f"https://{child}.{region}pagerduty.com/incidents/PT4KHLK", [PagerDuty(settings_of({}))]
        )
