"""The retry: only where it may help, only of a GET, and only before the deadline."""

import socket
from collections.abc import Callable

import pytest

from app.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from app.testing.servers import (
    LOOPBACK,
    ClientConnection,
    answer,
    redirect,
    routing,
    saying,
    serving,
)
from app.upstream.messages import UpstreamResponse
from app.upstream.policy import Event, UpstreamPolicy
from app.upstream.retry import PAUSE, Retry
from app.upstream.transport import within
from tests.app.upstream.fetching import fetching, request_to

OK = UpstreamResponse(200, {}, b"")
UNAVAILABLE = UpstreamResponse(503, {}, b"")
WAITING = UpstreamResponse(503, {"retry-after": "5"}, b"")
Outcome = UpstreamResponse | Exception


def in_turn(*outcomes: Outcome) -> Callable[[], UpstreamResponse]:
    """Return or raise the outcomes one after the other."""
    left = iter(outcomes)

    def send() -> UpstreamResponse:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return send


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def retry(pauses: list[float]) -> Retry:
    return Retry("GET", lambda: None, pauses.append)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_transient_failure_is_retried_once_after_a_pause(
    retry: Retry, pauses: list[float], status: int
) -> None:
    assert retry.call(in_turn(UpstreamResponse(status, {}, b""), OK)) is OK
    (pause,) = pauses
    assert PAUSE[0] <= pause <= PAUSE[1]


@pytest.mark.parametrize("status", [200, 301, 400, 403, 404, 408, 429, 500, 501, 505])
def test_no_other_status_is_retried(retry: Retry, pauses: list[float], status: int) -> None:
    final = UpstreamResponse(status, {}, b"")
    assert retry.call(in_turn(final)) is final
    assert pauses == []


@pytest.mark.parametrize("error", [UpstreamTimeout(), UpstreamUnreachable()], ids=repr)
def test_an_error_after_the_answer_began_is_not_retried(retry: Retry, error: UpstreamError) -> None:
    with pytest.raises(type(error)):
        retry.call(in_turn(error))


def test_an_answer_with_retry_after_is_not_retried(retry: Retry) -> None:
    assert retry.call(in_turn(WAITING)) is WAITING


def test_all_calls_of_a_fetch_share_one_retry(retry: Retry, pauses: list[float]) -> None:
    assert retry.call(in_turn(UNAVAILABLE, UNAVAILABLE)) is UNAVAILABLE
    assert retry.call(in_turn(UNAVAILABLE)) is UNAVAILABLE
    assert len(pauses) == 1


def test_a_post_is_not_retried() -> None:
    assert Retry("POST", lambda: None).call(in_turn(UNAVAILABLE)) is UNAVAILABLE


@pytest.mark.parametrize("left", [0, PAUSE[0] / 2])
def test_there_is_no_retry_without_time_for_it(
    retry: Retry, pauses: list[float], left: float
) -> None:
    with within(left):
        assert retry.call(in_turn(UNAVAILABLE)) is UNAVAILABLE
    assert pauses == []


@pytest.mark.parametrize("refusal", [UpstreamRateLimited(), UpstreamResting(), UpstreamBusy()])
def test_the_first_result_counts_if_the_second_call_is_refused(
    retry: Retry, refusal: UpstreamError
) -> None:
    assert retry.call(in_turn(UNAVAILABLE, refusal)) is UNAVAILABLE


def test_there_is_neither_a_pause_nor_a_retry_if_no_call_is_allowed(
    retry: Retry, pauses: list[float]
) -> None:
    assert retry.call(in_turn(UNAVAILABLE), lambda: False) is UNAVAILABLE
    assert pauses == []


def test_the_failure_of_the_second_call_is_raised(retry: Retry) -> None:
    with pytest.raises(UpstreamTimeout):
        retry.call(in_turn(UNAVAILABLE, UpstreamTimeout()))


def test_a_503_followed_by_a_200_gives_the_answer() -> None:
    events: list[Event] = []
    policy = UpstreamPolicy(on_event=events.append)
    answers = saying(answer(status="503 Service Unavailable"), answer(b"there"))
    with serving(answers) as server, fetching(policy=policy) as fetcher:
        assert fetcher.fetch(request_to(server.origin)).body == b"there"
    assert server.connections == 1
    assert events == ["retried"]


def test_a_refused_connection_is_retried_once() -> None:
    events: list[Event] = []
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{unused.getsockname()[1]}/"
        with (
            fetching(policy=UpstreamPolicy(on_event=events.append)) as fetcher,
            pytest.raises(UpstreamUnreachable),
        ):
            fetcher.fetch(request_to(url))
    assert events == ["retried"]


def test_retry_does_not_pass_an_open_breaker() -> None:
    events: list[Event] = []
    policy = UpstreamPolicy(failures=1, on_event=events.append)
    with (
        serving(saying(answer(status="502 Bad Gateway"))) as server,
        fetching(policy=policy) as fetcher,
    ):
        assert fetcher.fetch(request_to(server.origin)).status == 502
    assert len(server.requests) == 1
    assert events == ["opened"]


def test_a_redirect_and_its_target_share_one_retry() -> None:
    asked: list[str] = []

    def handler(connection: ClientConnection) -> None:
        while request := connection.request():
            target = request.split(b" ")[1].decode()
            asked.append(target)
            known = {"/from": redirect("/to"), "/to": answer(status="504 Gateway Timeout")}
            first = asked.count(target) == 1
            connection.send(answer(status="502 Bad Gateway") if first else known[target])

    with serving(handler) as server, fetching() as fetcher:
        assert fetcher.fetch(request_to(f"{server.origin}/from")).status == 502
    assert asked == ["/from", "/from", "/to"]


def test_a_retry_of_a_redirect_s_target_does_not_repeat_the_redirect() -> None:
    routes = {"/from": redirect("/to"), "/to": answer(status="502 Bad Gateway")}
    with serving(routing(routes)) as server, fetching() as fetcher:
        fetcher.fetch(request_to(f"{server.origin}/from"))
    assert server.targets == ["/from", "/to", "/to"]
