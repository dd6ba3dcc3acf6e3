"""Single flight: of all threads that want one key, one works and the others wait for it.

Who waits takes a thread too. Of each group (all that ask one host) only so many may do so for long,
and of all groups together.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# In seconds: a flight that is younger may be waited for by any number.
YOUNG: Final = 1.0


class TooManyWaiters(TimeoutError):
    """What is waited for is slow, and as many wait for it as may."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many may lead a flight or wait for one for long: in `each` group, and in all of them."""

    each: int
    total: int | None = None

    def has_one(self, taken: Counter[str], group: str) -> bool:
        """Tell whether there is another place in a group, with so many taken by group."""
        free = self.total is None or taken.total() < self.total
        return free and taken[group] < self.each


@dataclass(frozen=True, slots=True)
class _Flight(Generic[T]):
    began: float
    landed: Future[T] = field(default_factory=Future)


class SingleFlight(Generic[T]):
    """Lets any number of concurrent calls for a key be one.

    Those who have one of the `places` wait for `patience` s; anybody else waits only until the
    flight is `YOUNG` s old. `clock` is monotonic, in seconds.
    """

    def __init__(
        self, patience: float, places: Places, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._places = places
        self._clock = clock
        self._lock = threading.Lock()
        self._single_flight: dict[str, _Flight[T]] = {}
        self._seated: Counter[str] = Counter()

    def fly(self, key: str, group: str, work: Callable[[bool], T]) -> tuple[T, bool]:
        """Return what came of `work`, and whether it was done here; it is told if it has a place.

        What it raises is raised here and for all who wait; who waits too long gets TimeoutError,
        and who has no place to wait, TooManyWaiters.
        """
        flight, leading, has_slot = self._join(key, group)
        try:
            if leading:
                return self._lead(key, flight, lambda: work(has_slot)), True
            return self._wait(flight, has_slot=has_slot), False
        finally:
            if leading or has_slot:
                self._leave(group)

    def _join(self, key: str, group: str) -> tuple[_Flight[T], bool, bool]:
        with self._lock:
            flight = self._single_flight.get(key)
            leading, has_slot = flight is None, self._places.has_one(self._seated, group)
            if flight is None:
                self._single_flight[key] = flight = _Flight(self._clock())
            if leading or has_slot:
                self._seated[group] += 1
            return flight, leading, has_slot

    def _lead(self, key: str, flight: _Flight[T], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as error:
            self._finish(key)
            flight.landed.set_exception(error)
            raise
        self._finish(key)
        flight.landed.set_result(result)
        return result

    def _wait(self, flight: _Flight[T], *, has_slot: bool) -> T:
        left = self._patience if has_slot else max(0.0, flight.began + YOUNG - self._clock())
        try:
            return flight.landed.result(timeout=left)
        except TimeoutError as error:
            # The leader's own failure is no matter of places.
            if has_slot or (flight.landed.done() and flight.landed.exception() is error):
                raise
            raise TooManyWaiters from None

    def _finish(self, key: str) -> None:
        with self._lock:
            del self._single_flight[key]

    def _leave(self, group: str) -> None:
        with self._lock:
            self._seated[group] -= 1
            if not self._seated[group]:
                del self._seated[group]
