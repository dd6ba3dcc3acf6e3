"""The bulkhead: bounds the calls in progress, so that hosts that hang leave threads for others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import UpstreamBusy
from app.upstream.concurrency import ConcurrencyLimit, Slots
from app.upstream.transport import remaining

MAX_WAIT: Final = 0.25  # seconds


class Bulkhead:
    """Runs at most as many calls at a time as the limit has slots.

    Half as many calls again may queue for an origin's slots, for at most `max_wait` seconds. A call
    in the queue takes a thread too, so it counts towards the limit's total. A call that finds the
    total reached or the queue full is refused at once.
    """

    def __init__(self, limit: ConcurrencyLimit | None = None, max_wait: float = MAX_WAIT) -> None:
        self._limit = limit or ConcurrencyLimit()
        self._max_wait = max_wait
        running = self._limit.per_origin
        self._running = Slots(ConcurrencyLimit(running))
        self._admitted = Slots(ConcurrencyLimit(running + max(1, running // 2), self._limit.total))
        self._released = threading.Condition()

    @property
    def running(self) -> int:
        """How many calls are under way."""
        return self._running.taken.total()

    @property
    def waiting(self) -> int:
        """How many calls are in the queue."""
        return max(0, self._admitted.taken.total() - self.running)

    @contextmanager
    def slot(self, origin: str) -> Iterator[None]:
        """Hold a slot for the length of a block; raises UpstreamBusy where none is free in time."""
        with self._released:
            self._admit(origin)
            self._running.take(origin)
        try:
            yield
        finally:
            with self._released:
                self._running.release(origin)
                self._admitted.release(origin)
                self._released.notify_all()

    def _admit(self, origin: str) -> None:
        """Count a call in, and wait in the queue until it may run; raises UpstreamBusy."""
        if self._admitted.are_all_taken():
            raise UpstreamBusy(f"{self._limit.total} calls are under way already")
        if not self._admitted.has_slot(origin):
            raise self._busy(origin)
        self._admitted.take(origin)
        has_slot = False
        try:
            has_slot = self._released.wait_for(
                lambda: self._running.has_slot(origin), self._longest_wait()
            )
        finally:
            if not has_slot:
                self._admitted.release(origin)
        if not has_slot:
            raise self._busy(origin)

    def _busy(self, origin: str) -> UpstreamBusy:
        return UpstreamBusy(f"{self._limit.per_origin} calls to {origin} are under way already")

    def _longest_wait(self) -> float:
        """Return how long a call may wait: no longer than its deadline allows."""
        try:
            left = remaining()
        except TimeoutError:
            return 0.0
        return self._max_wait if left is None else min(self._max_wait, left)
