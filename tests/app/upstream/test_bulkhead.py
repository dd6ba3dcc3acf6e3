"""The bulkhead: a bounded number of calls runs, some more wait briefly, and the rest is refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from app.errors import UpstreamBusy
from app.upstream.bulkhead import Bulkhead
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.transport import within
from tests.waiting import PATIENCE, wait_until

ORIGIN = "https://api.example:443"
OTHER = "https://other.example:443"


def bulkhead_of(slots: int, total: int | None = None, *, max_wait: float = 0) -> Bulkhead:
    return Bulkhead(ConcurrencyLimit(slots, total), max_wait)


@contextmanager
def taken(bulkhead: Bulkhead, slots: int) -> Iterator[ExitStack]:
    """Take slots of the origin for the length of a block."""
    with ExitStack() as held:
        for _ in range(slots):
            held.enter_context(bulkhead.slot(ORIGIN))
        yield held


def call(bulkhead: Bulkhead, origin: str = ORIGIN) -> str:
    try:
        with bulkhead.slot(origin):
            return "called"
    except UpstreamBusy:
        return "busy"


def test_a_call_is_refused_when_all_slots_are_taken() -> None:
    bulkhead = bulkhead_of(3)
    with taken(bulkhead, 3), pytest.raises(UpstreamBusy, match=f"3 calls to {ORIGIN}"):
        bulkhead.slot(ORIGIN).__enter__()


def test_another_origin_has_slots_of_its_own() -> None:
    bulkhead = bulkhead_of(3)
    with taken(bulkhead, 3), bulkhead.slot(OTHER):
        pass


def test_a_slot_is_free_again_after_a_call_that_failed() -> None:
    bulkhead = bulkhead_of(1)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), bulkhead.slot(ORIGIN):
            raise error
    assert call(bulkhead) == "called"
    assert_empty(bulkhead)


def test_a_waiting_call_gets_the_slot_that_becomes_free() -> None:
    bulkhead = bulkhead_of(2, max_wait=10)
    with ThreadPoolExecutor(1) as pool, taken(bulkhead, 2) as held:
        waiting = pool.submit(call, bulkhead)
        wait_for_queue(bulkhead, 1)
        held.close()
        assert waiting.result(PATIENCE) == "called"


def test_half_as_many_calls_as_there_are_slots_may_wait() -> None:
    bulkhead = bulkhead_of(4, max_wait=10)
    with ThreadPoolExecutor(2) as pool, taken(bulkhead, 4) as held:
        waiting: list[Future[str]] = [pool.submit(call, bulkhead) for _ in range(2)]
        wait_for_queue(bulkhead, 2)
        assert call(bulkhead) == "busy"
        held.close()
        assert [one.result(PATIENCE) for one in waiting] == ["called"] * 2
    assert_empty(bulkhead)


def test_all_origins_together_take_no_more_than_the_total() -> None:
    bulkhead = bulkhead_of(3, 4, max_wait=3600)
    with taken(bulkhead, 3), bulkhead.slot(OTHER):
        for origin in (ORIGIN, OTHER, "https://third.example:443"):
            assert call(bulkhead, origin) == "busy"
    assert call(bulkhead, OTHER) == "called"


def test_a_waiting_call_counts_towards_the_total() -> None:
    bulkhead = bulkhead_of(2, 3, max_wait=10)
    with ThreadPoolExecutor(1) as pool, taken(bulkhead, 2) as held:
        waiting = pool.submit(call, bulkhead)
        wait_for_queue(bulkhead, 1)
        with pytest.raises(UpstreamBusy, match=r"^3 calls are under way already$"):
            bulkhead.slot(OTHER).__enter__()
        held.close()
        assert waiting.result(PATIENCE) == "called"
    assert call(bulkhead, OTHER) == "called"


def test_no_call_waits_longer_than_its_deadline() -> None:
    bulkhead = bulkhead_of(1, max_wait=3600)
    with taken(bulkhead, 1):
        for seconds in (0.01, 0):
            with within(seconds):
                assert call(bulkhead) == "busy"
    assert_empty(bulkhead)


def test_concurrent_calls_never_exceed_the_slots() -> None:
    bulkhead = bulkhead_of(3, max_wait=10)
    running = threading.Semaphore(3)
    exceeded: list[int] = []

    def call_often() -> None:
        for _ in range(200):
            try:
                with bulkhead.slot(ORIGIN):
                    if not running.acquire(blocking=False):
                        exceeded.append(1)
                    else:
                        running.release()
            except UpstreamBusy:
                pass

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(call_often) for _ in range(8)]:
            done.result(PATIENCE)
    assert exceeded == []
    assert_empty(bulkhead)


def assert_empty(bulkhead: Bulkhead) -> None:
    assert not bulkhead._running.taken
    assert not bulkhead._admitted.taken


def wait_for_queue(bulkhead: Bulkhead, calls: int) -> None:
    """Return as soon as so many calls wait for a slot of the origin."""

    def waiting() -> int:
        with bulkhead._released:
            return bulkhead._admitted.taken[ORIGIN] - bulkhead._running.taken[ORIGIN]

    wait_until(lambda: waiting() == calls)
