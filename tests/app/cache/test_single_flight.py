"""Single flight: who waits for a slow one, and how many."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.cache.single_flight import YOUNG, Crowded, Flights, Places
from tests.app.cache.parts import Clock

PLACES = 3


@pytest.fixture
def flights(clock: Clock) -> Flights[str]:
    return Flights(10, Places(PLACES), clock)


@contextmanager
def flying(flights: Flights[str], key: str, group: str = "host") -> Iterator[Future[str]]:
    """Have one lead a flight until the block ends."""
    under_way, land = threading.Event(), threading.Event()

    def work(_: bool) -> str:
        under_way.set()
        assert land.wait(10)
        return key

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(lambda: flights.fly(key, group, work)[0])
        assert under_way.wait(10)
        try:
            yield leader
        finally:
            land.set()


def seated(flights: Flights[str]) -> int:
    with flights._lock:
        return sum(flights._seated.values())


def board(pool: ThreadPoolExecutor, flights: Flights[str], key: str) -> Future[str]:
    """Wait for a flight, in a thread of its own."""
    before = seated(flights)
    waiting = pool.submit(lambda: flights.fly(key, "host", lambda _: "made anew")[0])
    for _ in range(1000):
        if seated(flights) > before:
            return waiting
        threading.Event().wait(0.01)
    return pytest.fail("nobody boarded")


def test_of_all_who_want_one_slow_thing_only_so_many_wait_for_it(
    flights: Flights[str], clock: Clock
) -> None:
    with ThreadPoolExecutor(PLACES) as pool:
        with flying(flights, "key"):
            waiting = [board(pool, flights, "key") for _ in range(PLACES - 1)]
            clock.now += YOUNG
            for _ in range(5):
                with pytest.raises(Crowded):
                    flights.fly("key", "host", lambda _: "made anew")
            assert not any(answer.done() for answer in waiting)
        assert [answer.result(10) for answer in waiting] == ["key"] * (PLACES - 1)
    assert seated(flights) == 0


def test_those_who_wait_for_one_host_are_counted_together(
    flights: Flights[str], clock: Clock
) -> None:
    with flying(flights, "a"), flying(flights, "b"), flying(flights, "c"):
        clock.now += YOUNG
        with pytest.raises(Crowded):
            flights.fly("a", "host", lambda _: "made anew")
        assert flights.fly("d", "host", str) == ("False", True)
        assert flights.fly("e", "other", str) == ("True", True)
    assert seated(flights) == 0


def test_those_who_wait_for_any_host_are_counted_together_too(clock: Clock) -> None:
    flights: Flights[str] = Flights(10, Places(PLACES, PLACES + 1), clock)
    with ThreadPoolExecutor(1) as pool:
        with flying(flights, "a", "one"), flying(flights, "b", "two"), flying(flights, "c"):
            waiting = board(pool, flights, "c")
            clock.now += YOUNG
            for key in "abc":
                with pytest.raises(Crowded):
                    flights.fly(key, "host", lambda _: "made anew")
            assert flights.fly("d", "another", str) == ("False", True)
        assert waiting.result(10) == "c"
    assert flights.fly("d", "another", str) == ("True", True)
    assert seated(flights) == 0


def test_a_young_flight_is_waited_for_by_any_number(flights: Flights[str]) -> None:
    with ThreadPoolExecutor(20) as pool:
        with flying(flights, "key"):
            waiting = [
                pool.submit(lambda: flights.fly("key", "host", lambda _: "made anew")[0])
                for _ in range(20)
            ]
            for _ in range(1000):
                if seated(flights) == PLACES:
                    break
                threading.Event().wait(0.01)
        found = [answer.result(10) for answer in waiting]
    assert found.count("key") >= PLACES - 1
    assert set(found) <= {"key", "made anew"}


def test_what_a_leader_raises_is_no_matter_of_places(flights: Flights[str]) -> None:
    def fail(_: bool) -> str:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own") as raised:
        flights.fly("key", "host", fail)
    assert not isinstance(raised.value, Crowded)
    assert seated(flights) == 0
