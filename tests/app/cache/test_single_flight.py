"""Single flight: which callers wait for a slow call, and how many of them."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.cache.single_flight import GRACE, SingleFlight, TooManyWaiters
from app.upstream.concurrency import ConcurrencyLimit
from tests.clock import Clock
from tests.waiting import PATIENCE, wait_until

SLOTS = 3


@pytest.fixture
def single_flight(clock: Clock) -> SingleFlight[str]:
    return SingleFlight(10, ConcurrencyLimit(SLOTS), clock)


@contextmanager
def running(
    single_flight: SingleFlight[str], key: str, origin: str = "origin"
) -> Iterator[Future[str]]:
    """Let a leader work until the block ends."""
    started, finish = threading.Event(), threading.Event()

    def work(_: bool) -> str:
        started.set()
        assert finish.wait(PATIENCE)
        return key

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(lambda: single_flight.run(key, origin, work)[0])
        assert started.wait(PATIENCE)
        try:
            yield leader
        finally:
            finish.set()


def slots_taken(single_flight: SingleFlight[str]) -> int:
    with single_flight._lock:
        return single_flight._slots.taken.total()


def join(pool: ThreadPoolExecutor, single_flight: SingleFlight[str], key: str) -> Future[str]:
    """Wait for a running call in a thread of the pool, in a slot."""
    before = slots_taken(single_flight)
    waiting = pool.submit(lambda: single_flight.run(key, "origin", lambda _: "made anew")[0])
    wait_until(lambda: slots_taken(single_flight) > before)
    return waiting


def test_only_as_many_as_have_a_slot_wait_for_a_slow_call(
    single_flight: SingleFlight[str], clock: Clock
) -> None:
    with ThreadPoolExecutor(SLOTS) as pool:
        with running(single_flight, "key"):
            waiting = [join(pool, single_flight, "key") for _ in range(SLOTS - 1)]
            clock.now += GRACE
            for _ in range(5):
                with pytest.raises(TooManyWaiters):
                    single_flight.run("key", "origin", lambda _: "made anew")
            assert not any(answer.done() for answer in waiting)
        assert [answer.result(PATIENCE) for answer in waiting] == ["key"] * (SLOTS - 1)
    assert slots_taken(single_flight) == 0


def test_the_slots_of_one_origin_are_shared_by_its_keys(
    single_flight: SingleFlight[str], clock: Clock
) -> None:
    with running(single_flight, "a"), running(single_flight, "b"), running(single_flight, "c"):
        clock.now += GRACE
        with pytest.raises(TooManyWaiters):
            single_flight.run("a", "origin", lambda _: "made anew")
        assert single_flight.run("d", "origin", str) == ("False", True)
        assert single_flight.run("e", "other", str) == ("True", True)
    assert slots_taken(single_flight) == 0


def test_the_total_bounds_all_origins_together(clock: Clock) -> None:
    limit = ConcurrencyLimit(SLOTS, SLOTS + 1)
    single_flight: SingleFlight[str] = SingleFlight(10, limit, clock)
    with ThreadPoolExecutor(1) as pool:
        with (
            running(single_flight, "a", "one"),
            running(single_flight, "b", "two"),
            running(single_flight, "c"),
        ):
            waiting = join(pool, single_flight, "c")
            clock.now += GRACE
            for key in "abc":
                with pytest.raises(TooManyWaiters):
                    single_flight.run(key, "origin", lambda _: "made anew")
            assert single_flight.run("d", "another", str) == ("False", True)
        assert waiting.result(PATIENCE) == "c"
    assert single_flight.run("d", "another", str) == ("True", True)
    assert slots_taken(single_flight) == 0


def test_any_number_may_wait_for_a_young_call(
    single_flight: SingleFlight[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long it takes here until all of them wait.
    monkeypatch.setattr("app.cache.single_flight.GRACE", PATIENCE)
    with ThreadPoolExecutor(20) as pool:
        with running(single_flight, "key"):
            waiting = [
                pool.submit(lambda: single_flight.run("key", "origin", lambda _: "made anew")[0])
                for _ in range(20)
            ]
            wait_until(lambda: slots_taken(single_flight) == SLOTS)
        results = [answer.result(PATIENCE) for answer in waiting]
    assert results.count("key") >= SLOTS - 1
    assert set(results) <= {"key", "made anew"}


def test_a_timeout_that_the_leader_raises_does_not_mean_too_many_waiters(
    single_flight: SingleFlight[str],
) -> None:
    def fail(_: bool) -> str:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own") as raised:
        single_flight.run("key", "origin", fail)
    assert not isinstance(raised.value, TooManyWaiters)
    assert slots_taken(single_flight) == 0
