"""Stale cards: refreshed in the background, and answered in place of some failures."""

import re
import time
from typing import Any

import pytest
import requests
import responses

from app.connectors.github import GitHub
from app.telemetry.trace import recording
from tests.app.freshness.answers import API, refreshed, status, title, wait_for_count
from tests.clock import Clock
from tests.host import Host
from tests.standin import ISSUE as RESOURCE


def test_a_stale_card_is_answered_and_refreshed_in_the_background(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, json={**RESOURCE, "title": "Newer"})
    host.ask()
    made_at = clock.now
    clock.now += 75
    with recording() as trace:
        stale = host.ask()
    assert (title(stale), status(stale)) == (
        "Stand-in issue",
        "Placard; hit; ttl=-15; detail=stale-while-revalidate",
    )
    (facts,) = [step.facts for step in trace.steps if step.name == "cache"]
    assert facts["result"] == "stale"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", facts["as_of"])
    assert facts["as_of"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(made_at)))
    wait_for_count(host, refreshed("replaced"))
    assert (title(host.ask()), len(upstream.calls)) == ("Newer", 2)


FAILURES: dict[str, dict[str, Any]] = {
    "timeout": {"body": requests.ReadTimeout()},
    "unreachable": {"body": requests.ConnectionError()},
    "500": {"status": 500},
    "503": {"status": 503, "headers": {"Retry-After": "5"}},
    "429": {"status": 429},
    "the secondary limit": {"status": 403, "json": {"message": "… a secondary rate limit …"}},
    "another family": {"status": 403, "headers": {"RateLimit-Remaining": "0"}},
    "a challenge": {"status": 403, "headers": {"CF-Mitigated": "challenge"}},
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_stale_card_is_answered_in_place_of_a_transient_failure(
    host: Host, upstream: responses.RequestsMock, clock: Clock, kind: str
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, **FAILURES[kind])
    first = host.ask()
    clock.now += 400
    answer = host.ask()
    assert (answer.status_code, answer.data) == (200, first.data)
    assert status(answer).startswith("Placard; fwd=stale; ttl=-340; detail=upstream_")
    clock.now += 3600
    assert host.ask().status_code == 500


@pytest.mark.parametrize("refusal", [401, 403, 404, 410])
@pytest.mark.parametrize("wait", [75, 400], ids=["in the background", "in the request"])
def test_a_definitive_failure_replaces_the_card_and_a_500_does_not_restore_it(
    host: Host, upstream: responses.RequestsMock, clock: Clock, refusal: int, wait: int
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, status=refusal)
    upstream.get(API, status=500)
    host.ask()
    clock.now += wait
    answer = host.ask()
    if wait == 75:
        assert answer.status_code == 200
        wait_for_count(host, refreshed("replaced"))
        answer = host.ask()
    assert answer.status_code == (403 if refusal in (401, 403) else 404)
    clock.now += 11
    assert host.ask().status_code == 500
    assert len(upstream.calls) == 3


def test_a_status_that_a_connector_calls_missing_is_definitive(
    host: Host,
    upstream: responses.RequestsMock,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(GitHub, "not_found_statuses", frozenset({500}))
    upstream.get(API, json=RESOURCE)
    upstream.get(API, status=500)
    host.ask()
    clock.now += 400
    assert host.ask().status_code == 404


OTHERS: dict[str, dict[str, Any]] = {
    "400": {"status": 400},
    "418": {"status": 418},
    "a maintenance page": {"body": "<html>Back soon</html>"},
    "too large": {"body": "x" * ((1 << 20) + 1)},
    "elsewhere": {"status": 302, "headers": {"Location": "https://example.com/"}},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_any_other_failure_keeps_the_card_for_its_stale_time(
    host: Host, upstream: responses.RequestsMock, clock: Clock, kind: str
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, **OTHERS[kind])
    first = host.ask()
    clock.now += 75
    assert host.ask().data == first.data
    wait_for_count(host, refreshed("failed"))
    kept = host.ask()
    assert (kept.status_code, kept.data) == (200, first.data)
    assert len(upstream.calls) == 2
    clock.now += 400
    assert host.ask().status_code == 500


@pytest.mark.parametrize("status_code", [206, 400, 418])
def test_an_old_card_is_not_answered_in_place_of_any_other_failure(
    host: Host, upstream: responses.RequestsMock, clock: Clock, status_code: int
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, status=status_code)
    host.ask()
    clock.now += 400
    assert host.ask().status_code == 500


def test_a_rate_limit_is_kept_for_its_retry_after(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    upstream.get(API, status=429, headers={"Retry-After": "120"})
    assert status(host.ask()) == "Placard; fwd=miss; ttl=120"
    clock.now += 119
    assert status(host.ask()) == "Placard; hit; ttl=1"
    # The rate limit of the host uses its own clock, which has not moved.
    clock.now += 1
    assert status(host.ask()) == "Placard; fwd=miss; ttl=10"
