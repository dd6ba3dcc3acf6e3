"""An origin that keeps failing is not called for a while, and then probed by exactly one call."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import (
    AddressRefused,
    PlacardError,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
    UpstreamUnreadable,
)
from app.upstream.circuit_breaker import MAX_ORIGINS, Breaker
from app.upstream.messages import UpstreamResponse
from tests.clock import Clock

HOST = "https://api.example:443"
OTHER = "https://other.example:443"
Send = Callable[[], UpstreamResponse]


def answering(status: int) -> Send:
    return lambda: UpstreamResponse(status, {}, b"")


def failing(error: BaseException) -> Send:
    def send() -> UpstreamResponse:
        raise error

    return send


FAILURES: dict[str, Send] = {
    "timeout": failing(UpstreamTimeout()),
    "unreachable": failing(UpstreamUnreachable()),
    "500": answering(500),
    "503": answering(503),
    "599": answering(599),
}
ANSWERS: dict[str, Send] = {
    **{str(status): answering(status) for status in (200, 304, 400, 401, 403, 404, 429)},
    "too large": failing(UpstreamTooLarge()),
    "unreadable": failing(UpstreamUnreadable()),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def breaker(clock: Clock, opened: list[str]) -> Breaker:
    return Breaker(3, 10, opened.append, clock)


def outcome(breaker: Breaker, send: Send, host: str = HOST) -> type[PlacardError] | int:
    try:
        return breaker.call(host, send).status
    except PlacardError as error:
        return type(error)


def open_it(breaker: Breaker) -> None:
    for _ in range(3):
        outcome(breaker, answering(500))


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_an_origin_that_fails_so_many_times_in_a_row_is_not_called(
    breaker: Breaker, failure: Send, opened: list[str]
) -> None:
    for _ in range(3):
        assert outcome(breaker, failure) is not UpstreamResting
    assert outcome(breaker, answering(200)) is UpstreamResting
    with pytest.raises(UpstreamResting, match="failed 3 times"):
        breaker.check(HOST)
    assert outcome(breaker, answering(200), OTHER) == 200
    assert opened == [HOST]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_between_failures_resets_the_count(breaker: Breaker, answer: Send) -> None:
    for send in [answering(500), answering(500), answer] * 3:
        assert outcome(breaker, send) is not UpstreamResting
    assert outcome(breaker, answering(200)) == 200


def test_a_probe_that_is_answered_ends_the_rest(
    breaker: Breaker, clock: Clock, opened: list[str]
) -> None:
    open_it(breaker)
    clock.now += 9.9
    assert outcome(breaker, answering(200)) is UpstreamResting
    clock.now += 0.1
    assert outcome(breaker, answering(404)) == 404
    # The count starts again at 0.
    assert [outcome(breaker, answering(500)) for _ in range(2)] == [500, 500]
    assert outcome(breaker, answering(200)) == 200
    assert opened == [HOST]


def test_a_probe_that_fails_starts_the_rest_again(
    breaker: Breaker, clock: Clock, opened: list[str]
) -> None:
    open_it(breaker)
    clock.now += 10
    assert outcome(breaker, failing(UpstreamTimeout())) is UpstreamTimeout
    clock.now += 9.9
    assert outcome(breaker, answering(200)) is UpstreamResting
    clock.now += 0.1
    assert outcome(breaker, answering(200)) == 200
    assert opened == [HOST, HOST]


@pytest.mark.parametrize("error", [AddressRefused(), KeyboardInterrupt()], ids=repr)
def test_a_probe_without_a_result_leaves_the_probe_to_the_next_call(
    breaker: Breaker, clock: Clock, error: BaseException
) -> None:
    open_it(breaker)
    clock.now += 10
    with pytest.raises(type(error)):
        breaker.call(HOST, failing(error))
    assert outcome(breaker, answering(200)) == 200


def test_exactly_one_of_many_callers_after_the_rest_is_the_probe(
    breaker: Breaker, clock: Clock
) -> None:
    open_it(breaker)
    clock.now += 10
    callers = 16
    together = threading.Barrier(callers)
    answered = threading.Event()
    sent: list[int] = []

    def probe() -> UpstreamResponse:
        sent.append(1)
        # It is not answered before all others have been refused.
        assert answered.wait(10)
        return UpstreamResponse(200, {}, b"")

    refused = threading.Semaphore(0)

    def call() -> type[PlacardError] | int:
        together.wait(10)
        got = outcome(breaker, probe)
        refused.release()
        return got

    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(call) for _ in range(callers)]
        for _ in range(callers - 1):
            assert refused.acquire(timeout=10)
        with pytest.raises(UpstreamResting, match="until a probe is answered"):
            breaker.check(HOST)
        answered.set()
        outcomes = [got.result(10) for got in calls]
    assert len(sent) == 1
    assert sorted(map(str, outcomes)) == sorted(map(str, [200, *[UpstreamResting] * (callers - 1)]))


@pytest.mark.parametrize("late", [answering(200), answering(500)], ids=["answered", "failed"])
def test_a_call_that_began_before_the_rest_changes_nothing(
    breaker: Breaker, clock: Clock, opened: list[str], late: Send
) -> None:
    def in_the_meantime() -> UpstreamResponse:
        open_it(breaker)
        clock.now += 5
        return late()

    outcome(breaker, in_the_meantime)
    assert outcome(breaker, answering(200)) is UpstreamResting
    clock.now += 5
    assert outcome(breaker, answering(200)) == 200
    assert opened == [HOST]


def test_the_table_of_failing_origins_is_bounded(breaker: Breaker) -> None:
    for number in range(MAX_ORIGINS + 10):
        outcome(breaker, answering(500), f"https://{number}.example:443")
    assert len(breaker._failing) == MAX_ORIGINS


def test_an_origin_that_answers_is_not_in_the_table(breaker: Breaker) -> None:
    for send in (answering(500), answering(200)):
        outcome(breaker, send)
    assert len(breaker._failing) == 0
