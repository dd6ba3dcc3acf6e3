"""Who keeps failing is not called for a while, and then probed by exactly one call."""

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
from app.upstream.circuit_breaker import MAX_KEYS, Breaker, Judge, is_server_error, is_unreachable
from app.upstream.messages import UpstreamResponse
from tests.clock import Clock
from tests.waiting import PATIENCE

HOST = "https://api.example:443"
OTHER = "https://other.example:443"
Send = Callable[[], UpstreamResponse]


def answering(status: int) -> Send:
    return lambda: UpstreamResponse(status, {}, b"")


def failing(error: BaseException) -> Send:
    def send() -> UpstreamResponse:
        raise error

    return send


STATUSES = (200, 304, 400, 401, 403, 404, 429)
UNREADABLE: dict[str, Send] = {
    "too large": failing(UpstreamTooLarge()),
    "unreadable": failing(UpstreamUnreadable()),
}
NO_ANSWER: dict[str, Send] = {
    "timeout": failing(UpstreamTimeout()),
    "unreachable": failing(UpstreamUnreachable()),
}
SERVER_ERRORS: dict[str, Send] = {str(status): answering(status) for status in (500, 503, 599)}
ANSWERS = {str(status): answering(status) for status in STATUSES} | UNREADABLE
FAILURES = [(is_unreachable, send) for send in NO_ANSWER.values()] + [
    (is_server_error, send) for send in SERVER_ERRORS.values()
]
SUCCESSES = [(is_unreachable, send) for send in (ANSWERS | SERVER_ERRORS).values()] + [
    (is_server_error, send) for send in ANSWERS.values()
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def breaker(clock: Clock, opened: list[str]) -> Breaker[str]:
    return Breaker(3, 10, is_server_error, opened.append, clock)


def outcome(breaker: Breaker[str], send: Send, host: str = HOST) -> type[PlacardError] | int:
    try:
        return breaker.call(host, send).status
    except PlacardError as error:
        return type(error)


def open_it(breaker: Breaker[str]) -> None:
    for _ in range(3):
        outcome(breaker, answering(500))


@pytest.mark.parametrize(("judge", "failure"), FAILURES)
def test_who_fails_so_many_times_in_a_row_is_not_called(
    judge: Judge, failure: Send, opened: list[str], clock: Clock
) -> None:
    breaker = Breaker(3, 10, judge, opened.append, clock)
    for _ in range(3):
        assert outcome(breaker, failure) is not UpstreamResting
    assert outcome(breaker, answering(200)) is UpstreamResting
    with pytest.raises(UpstreamResting, match="failed 3 times"):
        breaker.check(HOST)
    assert outcome(breaker, answering(200), OTHER) == 200
    assert opened == [HOST]


@pytest.mark.parametrize(("judge", "answer"), SUCCESSES)
def test_an_answer_between_failures_resets_the_count(judge: Judge, answer: Send) -> None:
    breaker = Breaker[str](3, 10, judge, pytest.fail)
    failure = NO_ANSWER["timeout"] if judge is is_unreachable else answering(500)
    for send in [failure, failure, answer] * 3:
        assert outcome(breaker, send) is not UpstreamResting
    assert outcome(breaker, answering(200)) == 200


@pytest.mark.parametrize("silence", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer_says_nothing_about_a_credential(breaker: Breaker[str], silence: Send) -> None:
    for send in [answering(500), silence, silence, answering(500), silence]:
        assert outcome(breaker, send) is not UpstreamResting
    assert outcome(breaker, answering(500)) == 500
    assert outcome(breaker, answering(500)) is UpstreamResting


def test_a_probe_that_is_answered_ends_the_rest(
    breaker: Breaker[str], clock: Clock, opened: list[str]
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
    breaker: Breaker[str], clock: Clock, opened: list[str]
) -> None:
    open_it(breaker)
    clock.now += 10
    assert outcome(breaker, answering(500)) == 500
    clock.now += 9.9
    assert outcome(breaker, answering(200)) is UpstreamResting
    clock.now += 0.1
    assert outcome(breaker, answering(200)) == 200
    assert opened == [HOST, HOST]


@pytest.mark.parametrize(
    "error", [AddressRefused(), UpstreamTimeout(), KeyboardInterrupt()], ids=repr
)
def test_a_probe_without_a_result_leaves_the_probe_to_the_next_call(
    breaker: Breaker[str], clock: Clock, error: BaseException
) -> None:
    open_it(breaker)
    clock.now += 10
    with pytest.raises(type(error)):
        breaker.call(HOST, failing(error))
    assert outcome(breaker, answering(200)) == 200


def test_exactly_one_of_many_callers_after_the_rest_is_the_probe(
    breaker: Breaker[str], clock: Clock
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
        assert answered.wait(PATIENCE)
        return UpstreamResponse(200, {}, b"")

    refused = threading.Semaphore(0)

    def call() -> type[PlacardError] | int:
        together.wait(PATIENCE)
        got = outcome(breaker, probe)
        refused.release()
        return got

    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(call) for _ in range(callers)]
        for _ in range(callers - 1):
            assert refused.acquire(timeout=PATIENCE)
        with pytest.raises(UpstreamResting, match="until a probe is answered"):
            breaker.check(HOST)
        answered.set()
        outcomes = [got.result(PATIENCE) for got in calls]
    assert len(sent) == 1
    assert sorted(map(str, outcomes)) == sorted(map(str, [200, *[UpstreamResting] * (callers - 1)]))


@pytest.mark.parametrize("late", [answering(200), answering(500)], ids=["answered", "failed"])
def test_a_call_that_began_before_the_rest_changes_nothing(
    breaker: Breaker[str], clock: Clock, opened: list[str], late: Send
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


def test_the_table_of_failing_origins_is_bounded(breaker: Breaker[str]) -> None:
    for number in range(MAX_KEYS + 10):
        outcome(breaker, answering(500), f"https://{number}.example:443")
    assert len(breaker._failing) == MAX_KEYS


def test_an_origin_that_answers_is_not_in_the_table(breaker: Breaker[str]) -> None:
    for send in (answering(500), answering(200)):
        outcome(breaker, send)
    assert len(breaker._failing) == 0
