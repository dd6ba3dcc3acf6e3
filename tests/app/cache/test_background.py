"""Background work: threads are shared fairly, and some cannot be started."""

import threading
from collections.abc import Iterator

import pytest

from app.cache.background import BackgroundPool
from tests.waiting import PATIENCE


class Work:
    """A task that runs until `go_on` is set."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.done = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.begun.release()
        assert self.go_on.wait(PATIENCE)
        self.done.release()

    def has_begun(self, times: int = 1) -> bool:
        return all(self.begun.acquire(timeout=PATIENCE) for _ in range(times))

    def is_done(self, times: int = 1) -> bool:
        return all(self.done.acquire(timeout=PATIENCE) for _ in range(times))


@pytest.fixture
def hung() -> Iterator[Work]:
    work = Work()
    yield work
    work.go_on.set()


def test_one_group_uses_no_more_than_its_share_and_all_its_tasks_run(hung: Work) -> None:
    pool, others = BackgroundPool("pool", threads=4, waiting=10, each=2), Work()
    assert all(pool.offer(hung, "a") for _ in range(6))
    assert hung.has_begun(2)
    assert pool.offer(others, "b")
    assert others.has_begun()
    assert not hung.begun.acquire(blocking=False)
    others.go_on.set()
    hung.go_on.set()
    assert hung.is_done(6)


def test_without_a_share_one_group_may_use_all_threads(hung: Work) -> None:
    pool = BackgroundPool("pool", threads=4, waiting=10)
    assert all(pool.offer(hung) for _ in range(4))
    assert hung.has_begun(4)


def test_the_queue_is_bounded(hung: Work) -> None:
    pool = BackgroundPool("pool", threads=1, waiting=2)
    assert pool.offer(hung)
    assert hung.has_begun()
    assert [pool.offer(hung) for _ in range(3)] == [True, True, False]


def test_tasks_are_refused_while_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch, hung: Work
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool = BackgroundPool("pool", threads=1, waiting=1)
    with monkeypatch.context() as during:
        during.setattr(threading.Thread, "start", fail)
        assert [pool.offer(hung) for _ in range(3)] == [False] * 3
    assert pool.offer(hung)
    assert hung.has_begun()


def test_running_threads_do_the_work_when_no_more_can_be_started(
    monkeypatch: pytest.MonkeyPatch, hung: Work
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool = BackgroundPool("pool", threads=4, waiting=4)
    assert pool.offer(hung)
    assert hung.has_begun()
    monkeypatch.setattr(threading.Thread, "start", fail)
    assert pool.offer(hung)
    hung.go_on.set()
    assert hung.is_done(2)
