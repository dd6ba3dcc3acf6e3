"""Single flight: one thread does the work for a key, and the others wait for its result.

A thread that waits is a thread that serves nobody. So only a limited number may lead or wait for
long: for each origin, and for all origins together.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from app.upstream.concurrency import ConcurrencyLimit, Slots
from app.upstream.transport import time_left

T = TypeVar("T")

# In seconds: any number of threads may wait for a call that is younger than this.
GRACE: Final = 1.0
# In seconds: a call that ends at its deadline is worth waiting for a little longer.
MARGIN: Final = 0.2


class TooManyWaiters(TimeoutError):
    """The call is slow, and as many threads wait for it as the limit allows."""


@dataclass(frozen=True, slots=True)
class _Flight(Generic[T]):
    began: float
    result: Future[T] = field(default_factory=Future)


class SingleFlight(Generic[T]):
    """Deduplicates concurrent calls for the same key (single flight).

    A caller with one of the slots of `limit` waits for at most `patience` seconds. A caller without
    one waits only until the call is `GRACE` seconds old. `clock` is monotonic, in seconds.
    """

    def __init__(
        self, patience: float, limit: ConcurrencyLimit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, _Flight[T]] = {}
        self._slots = Slots(limit)

    def run(self, key: str, origin: str, work: Callable[[bool], T]) -> tuple[T, bool]:
        """Return the result of `work`, and whether this thread did the work.

        `work` is passed whether it runs in a slot. An error that it raises is raised here and in
        all threads that wait. Raises TimeoutError after `patience` seconds, and TooManyWaiters
        where the caller has no slot and the call is older than `GRACE`.
        """
        call, is_leader, has_slot = self._join(key, origin)
        try:
            if is_leader:
                return self._run_leader(key, call, lambda: work(has_slot)), True
            return self._wait(call, has_slot=has_slot), False
        finally:
            if is_leader or has_slot:
                with self._lock:
                    self._slots.release(origin)

    def _join(self, key: str, origin: str) -> tuple[_Flight[T], bool, bool]:
        """Return the call for a key, whether this thread leads it, and whether it has a slot."""
        with self._lock:
            call, has_slot = self._calls.get(key), self._slots.has_slot(origin)
            is_leader = call is None
            if call is None:
                self._calls[key] = call = _Flight(self._clock())
            if is_leader or has_slot:
                self._slots.take(origin)
            return call, is_leader, has_slot

    def _run_leader(self, key: str, call: _Flight[T], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as error:
            self._finish(key)
            call.result.set_exception(error)
            raise
        self._finish(key)
        call.result.set_result(result)
        return result

    def _wait(self, call: _Flight[T], *, has_slot: bool) -> T:
        left = self._patience if has_slot else max(0.0, call.began + GRACE - self._clock())
        # Who has less time than a call may take does not wait for all of it.
        left = min(left, time_left(MARGIN, otherwise=left))
        try:
            return call.result.result(timeout=left)
        except TimeoutError as error:
            # The leader's own TimeoutError does not mean that too many wait.
            if has_slot or (call.result.done() and call.result.exception() is error):
                raise
            raise TooManyWaiters from None

    def _finish(self, key: str) -> None:
        with self._lock:
            del self._calls[key]
