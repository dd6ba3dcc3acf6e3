"""The policy towards upstreams, through the front door: an answer decides about the next call."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import responses
from structlog.testing import capture_logs

from app.errors import UpstreamRateLimited, UpstreamResting, UpstreamTimeout, UpstreamUnreachable
from app.origins import origin_of
from app.testing.servers import answer, routing, saying, serving
from app.upstream.messages import Credential
from app.upstream.policy import Event, UpstreamPolicy
from app.upstream.transport import remaining
from tests.app.upstream.fetching import fetching, request_to
from tests.conftest import MakeHost
from tests.host import Host

API = "https://api.github.com/repos/pallets/flask/issues"
PAGE = "https://github.com/pallets/flask/issues"
ISSUE = {
    "title": "An issue",
    "state": "open",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-03T03:04:05Z",
}
WAIT = "GitHub asks us to wait before we ask again."


def told(host: Host, number: int) -> str:
    """Ask for an issue; return its title, or the error."""
    answered = host.ask(f"{PAGE}/{number}").get_json()
    return str(
        answered["metadata"]["title"] if "metadata" in answered else answered["data"]["error"]
    )


def counted(host: Host) -> Counter[str]:
    """The events that are counted in the metrics."""
    lines = host.client.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("placard_upstream_events_total{")]
    return Counter({line.split('"')[1]: int(float(line.split()[-1])) for line in found})


def used_up(**more: str) -> dict[str, str]:
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{time.time() + 600:.0f}", **more}


def test_card_that_used_up_the_limit_is_shown_and_no_call_follows(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(f"{API}/1", json=ISSUE, headers=used_up())
    assert [told(host, 1), told(host, 2), told(host, 1)] == ["An issue", WAIT, "An issue"]
    assert len(upstream.calls) == 1
    assert counted(host) == {"hold": 1, "held": 1}


@pytest.mark.parametrize(
    ("status", "headers", "first"),
    [
        (429, {"Retry-After": "60"}, WAIT),
        (403, {"Retry-After": "60"}, WAIT),
        (403, {"X-RateLimit-Remaining": "0"}, WAIT),
        (403, {"RateLimit-Remaining": "0", "RateLimit-Reset": "60"}, WAIT),
        (403, {"X-RateLimit-Remaining": "4821", "X-Test-Words": "secondary rate limit"}, WAIT),
        (403, {"CF-Mitigated": "challenge"}, "GitHub answered with an error."),
        (503, {"Retry-After": "60"}, "GitHub answered with an error."),
        (
            404,
            {"X-RateLimit-Remaining": "0"},
            "Not found. GitHub has no such page, or does not show it to us.",
        ),
    ],
)
def test_host_that_asks_us_to_wait_is_not_asked(
    host: Host,
    upstream: responses.RequestsMock,
    status: int,
    headers: dict[str, str],
    first: str,
) -> None:
    given = {name: value for name, value in headers.items() if name != "X-Test-Words"}
    if "X-RateLimit-Remaining" in given:
        # The time is that of the test: when they are collected, tests may be long before it.
        given = used_up() | given
    body = json.dumps({"message": headers.get("X-Test-Words", "No.")})
    upstream.get(f"{API}/1", status=status, headers=given, body=body)
    assert [told(host, number) for number in (1, 2, 3, 4, 5)] == [first, *[WAIT] * 4]
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"X-RateLimit-Remaining": "0"}])
def test_limit_that_says_no_time_holds_nothing(
    host: Host, upstream: responses.RequestsMock, headers: dict[str, str]
) -> None:
    upstream.get(f"{API}/1", status=429, headers=headers)
    upstream.get(f"{API}/2", json=ISSUE)
    assert [told(host, 1), told(host, 2)] == [WAIT, "An issue"]


def test_host_that_keeps_failing_is_left_alone(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(breaker_failures="3")
    for number in range(3):
        upstream.get(f"{API}/{number}", status=500)
    answers = [told(host, number) for number in range(5)]
    assert answers[:3] == ["GitHub answered with an error."] * 3
    assert answers[3:] == ["GitHub keeps failing. We leave it alone for a moment."] * 2
    assert len(upstream.calls) == 3
    assert counted(host) == {"opened": 1, "resting": 2}


@contextmanager
def slot_at_the_deadline(_: str) -> Iterator[None]:
    """A slot that becomes free when time is up."""
    with suppress(TimeoutError):
        while remaining():
            time.sleep(0.001)
    yield


def test_the_wait_for_a_slot_is_not_counted_as_a_failure_of_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[Event] = []
    policy = UpstreamPolicy(failures=1, on_event=events.append)
    monkeypatch.setattr(policy._bulkhead, "slot", slot_at_the_deadline)
    with serving(saying(answer())) as server, fetching(policy=policy, deadline=0.05) as fetcher:
        with pytest.raises(UpstreamTimeout):
            fetcher.fetch(request_to(server.origin))
        assert events == []
        assert server.requests == []
        assert policy.may_ask(server.origin, "")


def credential(identity: str, url: str) -> Credential:
    return Credential(identity, origin_of(url), {"Authorization": f"Bearer {identity}-secret"})


def test_hold_of_one_credential_holds_no_other() -> None:
    limited = saying(answer(b"last", "Retry-After: 60"))
    with serving(limited) as server, fetching() as fetcher:
        one, other = credential("ONE#1", server.origin), credential("OTHER#2", server.origin)
        assert fetcher.fetch(request_to(server.origin, credential=one)).body == b"last"
        with pytest.raises(UpstreamRateLimited, match=r"asked us to wait, \d+ s more"):
            fetcher.fetch(request_to(server.origin, credential=one))
        assert fetcher.fetch(request_to(server.origin, credential=other)).status == 200
    assert len(server.requests) == 2


def test_server_errors_of_one_credential_close_a_host_to_no_other() -> None:
    failing = saying(*[answer(b"", status="500 No")] * 3, answer(b"theirs"), answer(b"theirs"))
    policy = UpstreamPolicy(failures=3)
    with serving(failing) as server, fetching(policy=policy) as fetcher:
        one, other = credential("ONE#1", server.origin), credential("OTHER#2", server.origin)
        for _ in range(3):
            assert fetcher.fetch(request_to(server.origin, credential=one)).status == 500
        with pytest.raises(UpstreamResting, match="with ONE#1 failed 3 times"):
            fetcher.fetch(request_to(server.origin, credential=one))
        assert fetcher.fetch(request_to(server.origin, credential=other)).body == b"theirs"
        assert fetcher.fetch(request_to(server.origin)).body == b"theirs"


def test_host_that_cannot_be_reached_is_left_alone_with_every_credential() -> None:
    # Each is tried twice.
    policy = UpstreamPolicy(failures=6)
    with serving(saying()) as server:
        pass
    with fetching(policy=policy) as fetcher:
        for identity in ("ONE#1", "OTHER#2", "THIRD#3"):
            request = request_to(server.origin, credential=credential(identity, server.origin))
            with pytest.raises(UpstreamUnreachable):
                fetcher.fetch(request)
        with pytest.raises(UpstreamResting, match=f"^{server.origin} failed 6 times"):
            fetcher.fetch(request_to(server.origin))


def test_hold_that_a_redirect_brings_is_obeyed_at_once() -> None:
    limit = ("RateLimit-Remaining: 0", "RateLimit-Reset: 60")
    spent = {"/from": answer(b"", "Location: /to", *limit, status="302 Found")}
    with (
        serving(routing({**spent, "/to": answer()})) as server,
        fetching() as fetcher,
        pytest.raises(UpstreamRateLimited),
    ):
        fetcher.fetch(request_to(f"{server.origin}/from"))
    assert server.targets == ["/from"]


def test_hold_ends_by_the_clock() -> None:
    now = [0.0]
    policy = UpstreamPolicy(clock=lambda: now[0])
    limited = saying(answer(b"", "Retry-After: 60", status="429 Too Many Requests"), answer())
    with serving(limited) as server, fetching(policy=policy) as fetcher:
        assert fetcher.fetch(request_to(server.origin)).status == 429
        now[0] = 59.0
        with pytest.raises(UpstreamRateLimited):
            fetcher.fetch(request_to(server.origin))
        now[0] = 60.0
        assert fetcher.fetch(request_to(server.origin)).status == 200


def test_holds_and_openings_are_logged_without_a_secret() -> None:
    events: list[Event] = []
    limited = saying(answer(b"", "Retry-After: 60", status="503 Service Unavailable"))
    with (
        serving(limited) as server,
        fetching(policy=UpstreamPolicy(failures=1, on_event=events.append)) as fetcher,
        capture_logs() as lines,
    ):
        url = f"{server.origin}/?token=q-secret"
        fetcher.fetch(request_to(url, credential=credential("ONE#1", url)))
    assert events == ["opened", "hold"]
    assert [line["event"] for line in lines] == ["upstream_breaker_opened", "upstream_hold"]
    assert lines[1]["credential"] == "ONE#1"
    assert "-secret" not in str(lines)
