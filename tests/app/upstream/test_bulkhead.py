"""Only so many calls to one host are under way; others wait a moment, or hear that it is busy."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from app.errors import UpstreamBusy
from app.upstream.bulkhead import Bulkhead
from app.upstream.transport import within

HOST = "https://api.example:443"
OTHER = "https://other.example:443"


@contextmanager
def taken(bulkhead: Bulkhead, places: int) -> Iterator[ExitStack]:
    """Take places at the host, for the length of a block."""
    with ExitStack() as held:
        for _ in range(places):
            held.enter_context(bulkhead.place(HOST))
        yield held


def board(bulkhead: Bulkhead, host: str = HOST) -> str:
    try:
        with bulkhead.place(host):
            return "aboard"
    except UpstreamBusy:
        return "busy"


def test_one_more_than_there_are_places_is_refused() -> None:
    bulkhead = Bulkhead(3, patience=0)
    with taken(bulkhead, 3), pytest.raises(UpstreamBusy, match=f"3 calls to {HOST}"):
        bulkhead.place(HOST).__enter__()


def test_another_host_has_its_own_places() -> None:
    bulkhead = Bulkhead(3, patience=0)
    with taken(bulkhead, 3), bulkhead.place(OTHER):
        pass


def test_place_is_free_again_after_a_call_however_it_ends() -> None:
    bulkhead = Bulkhead(1, patience=0)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), bulkhead.place(HOST):
            raise error
    assert board(bulkhead) == "aboard"
    assert not bulkhead._aboard
    assert not bulkhead._waiting


def test_who_waits_gets_the_place_that_becomes_free() -> None:
    bulkhead = Bulkhead(2, patience=10)
    with ThreadPoolExecutor(1) as pool, taken(bulkhead, 2) as held:
        waiting = pool.submit(board, bulkhead)
        until_there_wait(bulkhead, 1)
        held.close()
        assert waiting.result(10) == "aboard"


def test_half_as_many_as_there_are_places_may_wait() -> None:
    bulkhead = Bulkhead(4, patience=10)
    with ThreadPoolExecutor(2) as pool, taken(bulkhead, 4) as held:
        waiting: list[Future[str]] = [pool.submit(board, bulkhead) for _ in range(2)]
        until_there_wait(bulkhead, 2)
        assert board(bulkhead) == "busy"
        held.close()
        assert [one.result(10) for one in waiting] == ["aboard"] * 2
    assert not bulkhead._waiting


def test_all_hosts_together_take_no_more_than_the_total() -> None:
    bulkhead = Bulkhead(3, patience=3600, total=4)
    with taken(bulkhead, 3), bulkhead.place(OTHER):
        for host in (HOST, OTHER, "https://third.example:443"):
            assert board(bulkhead, host) == "busy"
    assert board(bulkhead, OTHER) == "aboard"


def test_who_waits_counts_to_the_total() -> None:
    bulkhead = Bulkhead(2, patience=10, total=3)
    with ThreadPoolExecutor(1) as pool, taken(bulkhead, 2) as held:
        waiting = pool.submit(board, bulkhead)
        until_there_wait(bulkhead, 1)
        with pytest.raises(UpstreamBusy, match=r"^3 calls are under way already$"):
            bulkhead.place(OTHER).__enter__()
        held.close()
        assert waiting.result(10) == "aboard"
    assert board(bulkhead, OTHER) == "aboard"


def test_nobody_waits_longer_than_the_deadline() -> None:
    bulkhead = Bulkhead(1, patience=3600)
    with taken(bulkhead, 1):
        for seconds in (0.01, 0):
            with within(seconds):
                assert board(bulkhead) == "busy"


def test_never_more_are_aboard_than_there_are_places() -> None:
    bulkhead = Bulkhead(3, patience=10)
    aboard = threading.Semaphore(3)
    crowded: list[int] = []

    def call() -> None:
        for _ in range(200):
            try:
                with bulkhead.place(HOST):
                    if not aboard.acquire(blocking=False):
                        crowded.append(1)
                    else:
                        aboard.release()
            except UpstreamBusy:
                pass

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(call) for _ in range(8)]:
            done.result(30)
    assert crowded == []
    assert not bulkhead._aboard


def until_there_wait(bulkhead: Bulkhead, callers: int) -> None:
    """Return as soon as so many wait for a place."""
    for _ in range(10_000):
        with bulkhead._left:
            if bulkhead._waiting[HOST] == callers:
                return
        threading.Event().wait(0.001)
    pytest.fail(f"{callers} callers do not wait")
