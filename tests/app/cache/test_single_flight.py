"""Single flight: who waits for a slow one, and how many."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.cache.single_flight import YOUNG, Places, SingleFlight, TooManyWaiters
from tests.app.cache.parts import Clock

PLACES = 3


@pytest.fixture
def single_flight(clock: Clock) -> SingleFlight[str]:
    return SingleFlight(10, Places(PLACES), clock)


@contextmanager
def flying(
    single_flight: SingleFlight[str], key: str, group: str = "host"
) -> Iterator[Future[str]]:
    """Have one lead a flight until the block ends."""
    under_way, land = threading.Event(), threading.Event()

    def work(_: bool) -> str:
        under_way.set()
        assert land.wait(10)
        return key

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(lambda: single_flight.fly(key, group, work)[0])
        assert under_way.wait(10)
        try:
            yield leader
        finally:
            land.set()


def has_slot(single_flight: SingleFlight[str]) -> int:
    with single_flight._lock:
        return sum(single_flight._seated.values())


def board(pool: ThreadPoolExecutor, single_flight: SingleFlight[str], key: str) -> Future[str]:
    """Wait for a flight, in a thread of its own."""
    before = has_slot(single_flight)
    waiting = pool.submit(lambda: single_flight.fly(key, "host", lambda _: "made anew")[0])
    for _ in range(1000):
        if has_slot(single_flight) > before:
            return waiting
        threading.Event().wait(0.01)
    return pytest.fail("nobody boarded")


def test_of_all_who_want_one_slow_thing_only_so_many_wait_for_it(
    single_flight: SingleFlight[str], clock: Clock
) -> None:
    with ThreadPoolExecutor(PLACES) as pool:
        with flying(single_flight, "key"):
            waiting = [board(pool, single_flight, "key") for _ in range(PLACES - 1)]
            clock.now += YOUNG
            for _ in range(5):
                with pytest.raises(TooManyWaiters):
                    single_flight.fly("key", "host", lambda _: "made anew")
            assert not any(answer.done() for answer in waiting)
        assert [answer.result(10) for answer in waiting] == ["key"] * (PLACES - 1)
    assert has_slot(single_flight) == 0


def test_those_who_wait_for_one_host_are_counted_together(
    single_flight: SingleFlight[str], clock: Clock
) -> None:
    with flying(single_flight, "a"), flying(single_flight, "b"), flying(single_flight, "c"):
        clock.now += YOUNG
        with pytest.raises(TooManyWaiters):
            single_flight.fly("a", "host", lambda _: "made anew")
        assert single_flight.fly("d", "host", str) == ("False", True)
        assert single_flight.fly("e", "other", str) == ("True", True)
    assert has_slot(single_flight) == 0


def test_those_who_wait_for_any_host_are_counted_together_too(clock: Clock) -> None:
    single_flight: SingleFlight[str] = SingleFlight(10, Places(PLACES, PLACES + 1), clock)
    with ThreadPoolExecutor(1) as pool:
        with (
            flying(single_flight, "a", "one"),
            flying(single_flight, "b", "two"),
            flying(single_flight, "c"),
        ):
            waiting = board(pool, single_flight, "c")
            clock.now += YOUNG
            for key in "abc":
                with pytest.raises(TooManyWaiters):
                    single_flight.fly(key, "host", lambda _: "made anew")
            assert single_flight.fly("d", "another", str) == ("False", True)
        assert waiting.result(10) == "c"
    assert single_flight.fly("d", "another", str) == ("True", True)
    assert has_slot(single_flight) == 0


def test_a_young_flight_is_waited_for_by_any_number(single_flight: SingleFlight[str]) -> None:
    with ThreadPoolExecutor(20) as pool:
        with flying(single_flight, "key"):
            waiting = [
                pool.submit(lambda: single_flight.fly("key", "host", lambda _: "made anew")[0])
                for _ in range(20)
            ]
            for _ in range(1000):
                if has_slot(single_flight) == PLACES:
                    break
                threading.Event().wait(0.01)
        found = [answer.result(10) for answer in waiting]
    assert found.count("key") >= PLACES - 1
    assert set(found) <= {"key", "made anew"}


def test_what_a_leader_raises_is_no_matter_of_places(single_flight: SingleFlight[str]) -> None:
    def fail(_: bool) -> str:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own") as raised:
        single_flight.fly("key", "host", fail)
    assert not isinstance(raised.value, TooManyWaiters)
    assert has_slot(single_flight) == 0
