"""Sentry's issues: addresses, what is asked for them, and what is shown."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import pytest

from app.connectors import find
from app.connectors.sentry import Issue, Sentry
from app.errors import NoConnector
from app.testing.contract import ConnectorContract, match_of, request_for, sent_headers, settings_of
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon, Updated

ENVIRONMENT: Final = {
    "SENTRY_AUTH_TOKEN": "the-token",
    "PLACARD_SENTRY_HOSTS": "sentry.example.com,example.com/sentry",
}
API: Final = "https://sentry.io/api/0/organizations/placard-samples/issues"
OWN_API: Final = "https://sentry.example.com/api/0/organizations/acme/issues"
ISSUES: Final = "https://placard-samples.sentry.io/issues"
MATCHES: Final = {
    f"{ISSUES}/4509000001/": f"{API}/4509000001/",
    f"{ISSUES}/4509000001": f"{API}/4509000001/",
    f"{ISSUES}/4509000001/?project=1&query=is%3Aunresolved": f"{API}/4509000001/",
    f"{ISSUES}/4509000001/#exception": f"{API}/4509000001/",
    f"{ISSUES}/4509000001/events/latest/": f"{API}/4509000001/",
    f"{ISSUES}/4509000001/events/0a1b2c3d4e5f60718293a4b5c6d7e8f9/?project=1": f"{API}/4509000001/",
    f"{ISSUES}/4509000001/activity/": f"{API}/4509000001/",
    f"{ISSUES}/4509000001/distributions/browser/": f"{API}/4509000001/",
    f"{ISSUES}/SHOP-API-1K/": f"{API}/SHOP-API-1K/",
    f"{ISSUES}/SHOP_2-9": f"{API}/SHOP_2-9/",
    f"{ISSUES}/shop-api-1k/": f"{API}/SHOP-API-1K/",
    f"{ISSUES}/7/tags/user.email/": f"{API}/7/",
    f"{ISSUES}/7/tags/": f"{API}/7/",
    f"{ISSUES}/7/replays/?project=1": f"{API}/7/",
    f"{ISSUES}/feedback/?feedbackSlug=shop-api%3A7&project=1": f"{API}/7/",
    "https://sentry.io/placard-samples/shop-api/issues/7/": f"{API}/7/",
    "https://sentry.io/placard-samples/shop-api/issues/7/events/8/": f"{API}/7/",
    "https://sentry.io/api/0/organizations/placard-samples/issues/7/": f"{API}/7/",
    "https://us.sentry.io/api/0/organizations/placard-samples/issues/7/": f"{API}/7/",
    "https://placard-samples.sentry.io/api/0/issues/7/": f"{API}/7/",
    "https://example.com/sentry/organizations/acme/issues/7/": (
        "https://example.com/sentry/api/0/organizations/acme/issues/7/"
    ),
    "https://PLACARD-samples.Sentry.IO:443/issues/7/": f"{API}/7/",
    "http://placard-samples.sentry.io/issues/7/": f"{API}/7/",
    "https://placard-samples.sentry.io/organizations/acme/issues/7/": (
        "https://sentry.io/api/0/organizations/acme/issues/7/"
    ),
    "https://sentry.io/organizations/placard-samples/issues/7/": f"{API}/7/",
    "https://sentry.io/organizations/placard-samples/issues/7": f"{API}/7/",
    "https://sentry.io/organizations/placard-samples/issues/7/events/8/?project=1": f"{API}/7/",
    "https://sentry.example.com/organizations/acme/issues/7/": f"{OWN_API}/7/",
    "https://SENTRY.example.com/organizations/acme/issues/ACME-1/#top": f"{OWN_API}/ACME-1/",
}
NEAR_MISSES: Final = (
    # Hosts that are no organization's, and paths that name none.
    "https://sentry.io/issues/7/",
    "https://sentry.example.com/issues/7/",
    "https://us.sentry.io/issues/7/",
    "https://de.sentry.io/issues/7/",
    "https://docs.sentry.io/issues/7/",
    "https://www.sentry.io/issues/7/",
    "https://.sentry.io/issues/7/",
    "https://a%2Fb.sentry.io/issues/7/",
    "https://o1.ingest.sentry.io/issues/7/",
    "https://acme.sentry.example.com/organizations/acme/issues/7/",
    "https://acme.sentry.io.evil.example/issues/7/",
    "https://evil.example/organizations/acme/issues/7/",
    # Other pages, and numbers that are none.
    f"{ISSUES}",
    f"{ISSUES}/",
    f"{ISSUES}/feedback/",
    f"{ISSUES}/alerts/rules/",
    f"{ISSUES}/views/7/",
    f"{ISSUES}/-7/",
    f"{ISSUES}/7.0/",
    f"{ISSUES}/\u0667/",
    f"{ISSUES}/123456789012345678901/",
    f"{ISSUES}/7//",
    f"{ISSUES}/7%2F8/",
    f"{ISSUES}/7/../8/",
    f"{ISSUES}/7/events/../8/",
    f"{ISSUES}/7/events/8/9/10/",
    "https://sentry.io/organizations/acme/issues/",
    "https://sentry.io/organizations//issues/7/",
    "https://sentry.io/organizations/../issues/7/",
    "https://sentry.io/organizations/a%2Fb/issues/7/",
    "https://sentry.io/organizations/acme/projects/7/",
    "https://sentry.io/api/0/organizations/acme/issues/7/events/",
    "https://sentry.io/api/0/issues/7/",
    "https://sentry.io/acme/issues/7/",
    "https://sentry.io/settings/acme/issues/7/",
    "https://sentry.io/share/issue/7/",
    f"{ISSUES}/errors-outages/",
    f"{ISSUES}/breached-metrics/",
    f"{ISSUES}/7/tags/../8/",
    "https://example.com/organizations/acme/issues/7/",
    f"{ISSUES}/feedback/?feedbackSlug=shop-api",
)
RESOURCE: Final[Mapping[str, Any]] = {
    "title": "KeyError: 'shipping_address'",
    "shortId": "SHOP-API-1K",
    "project": {"name": "Shop API", "slug": "shop-api"},
    "status": "unresolved",
    "substatus": "ongoing",
    "level": "error",
    "assignedTo": {"type": "user", "name": "Mona Lisa"},
    "count": "1204",
    "userCount": 87,
    "numComments": 2,
    "firstSeen": "2025-10-02T09:15:27Z",
    "lastSeen": "2025-11-03T16:40:12Z",
}


class TestSentry(ConnectorContract):
    connector = Sentry
    environment = ENVIRONMENT
    matches = MATCHES
    near_misses = NEAR_MISSES
    headers: ClassVar[Mapping[str, str]] = {"Accept": "application/json"}
    resource = RESOURCE


def card_of(**changes: Any) -> SummaryWithDetails:
    known = Sentry(settings_of({}))
    _, match = find(known.example, [known])
    return known.widget(Issue().load({**RESOURCE, **changes}), match)


def text_of(card: SummaryWithDetails, name: str) -> str | None:
    return next(
        (part.text for part in card.fields if isinstance(part, TextWithIcon) and part.name == name),
        None,
    )


def pill_of(card: SummaryWithDetails, name: str) -> tuple[str | None, str]:
    return next(
        (part.text, part.color)
        for part in card.fields
        if isinstance(part, Pill) and part.name == name
    )


@pytest.mark.parametrize(
    ("status", "substatus", "text", "color"),
    [
        ("unresolved", None, "Unresolved", "orange"),
        ("unresolved", "new", "New", "orange"),
        ("unresolved", "ongoing", "Ongoing", "orange"),
        ("unresolved", "escalating", "Escalating", "red"),
        ("unresolved", "regressed", "Regressed", "red"),
        ("unresolved", "of_tomorrow", "Unresolved", "orange"),
        ("resolved", None, "Resolved", "green"),
        ("resolved", "ongoing", "Resolved", "green"),
        ("ignored", "archived_forever", "Archived", "cool-gray"),
        ("muted", None, "Archived", "cool-gray"),
        ("pending_merge", None, "Pending merge", "none"),
        ("", None, "Unknown", "none"),
    ],
)
def test_status_is_shown_in_sentrys_words(
    status: str, substatus: str | None, text: str, color: str
) -> None:
    assert pill_of(card_of(status=status, substatus=substatus), "Status") == (text, color)


@pytest.mark.parametrize(
    ("level", "text", "color"),
    [
        ("fatal", "Fatal", "magenta"),
        ("error", "Error", "red"),
        ("warning", "Warning", "yellow"),
        ("info", "Info", "blue"),
        ("debug", "Debug", "cool-gray"),
        ("sample", "Sample", "none"),
    ],
)
def test_level_has_its_colour(level: str, text: str, color: str) -> None:
    assert pill_of(card_of(level=level), "Level") == (text, color)


@pytest.mark.parametrize(
    ("count", "users", "text"),
    [
        ("1204", 87, "1,204 · 87 users"),
        ("1", 1, "1 · 1 user"),
        ("12", 0, "12"),
        ("12", None, "12"),
        (12, None, "12"),
        (None, 3, None),
    ],
)
def test_events_are_counted(count: Any, users: int | None, text: str | None) -> None:
    assert text_of(card_of(count=count, userCount=users), "Events") == text


def test_field_tells_when_it_was_first_seen_and_the_footer_when_last() -> None:
    card = card_of()
    assert card.fields[-1] == DatetimeWithIcon("First seen", "2025-10-02T09:15:27.000Z")
    assert card.footer == Updated("2025-11-03T16:40:12.000Z")


def test_beginning_that_is_not_told_is_not_shown() -> None:
    shown = [part.name for part in card_of(firstSeen=None).fields if part]
    assert shown == ["Status", "Level", "Assignee", "Events"]


def test_team_has_a_hash() -> None:
    card = card_of(assignedTo={"type": "team", "id": "7", "name": "checkout"})
    assert text_of(card, "Assignee") == "#checkout"


@pytest.mark.parametrize(
    ("short_id", "project", "subtitle"),
    [
        ("SHOP-1", {"name": "Shop"}, "SHOP-1 · Shop"),
        ("SHOP-1", {"name": " ", "slug": "shop"}, "SHOP-1 · shop"),
        ("SHOP-1", None, "SHOP-1"),
        (None, {"slug": "shop"}, "Issue 4509000001 · shop"),
    ],
)
def test_subtitle_says_where_it_is(short_id: str | None, project: Any, subtitle: str) -> None:
    assert card_of(shortId=short_id, project=project).subtitle == subtitle


def test_token_goes_to_the_api_of_sentry_only() -> None:
    known = Sentry(settings_of(ENVIRONMENT))
    bearer = {"Authorization": "Bearer the-token"}
    for url, sent in {
        f"{API}/7/": bearer,
        f"{OWN_API}/7/": {},
        "https://placard-samples.sentry.io/": {},
        "https://us.sentry.io/": {},
        "https://sentry.io.evil.example/": {},
        "https://sentry.io:8443/": {},
    }.items():
        assert sent_headers(known, url) == sent


def test_without_a_token_nothing_is_sent() -> None:
    assert Sentry(settings_of({})).credentials == ()


@pytest.mark.parametrize("address", MATCHES)
def test_only_the_host_that_is_asked_may_be_reached(address: str) -> None:
    host = urlsplit(address.lower()).hostname or ""
    request = request_for(Sentry(settings_of(ENVIRONMENT)), address)
    assert request.hosts == {host if host.endswith("example.com") else "sentry.io"}


def test_host_of_ones_own_is_not_served_unless_a_setting_names_it() -> None:
    with pytest.raises(NoConnector):
        find("https://sentry.example.com/organizations/acme/issues/7/", [Sentry(settings_of({}))])


def test_path_names_the_organization_before_the_host_does() -> None:
    match = match_of(Sentry(settings_of({})), "https://us.sentry.io/organizations/acme/issues/7/")
    assert match is not None
    assert match["organization"] == "acme"
