"""Single flight: of all threads that want one key, one works and the others wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Lets any number of concurrent calls for a key be one; who waits does so for `patience` s."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._flights: dict[str, Future[T]] = {}

    def fly(self, key: str, work: Callable[[], T]) -> tuple[T, bool]:
        """Return what came of `work`, and whether it was done here.

        What it raises is raised here and for all who wait; who waits too long gets TimeoutError.
        """
        flight, leading = self._board(key)
        if not leading:
            return flight.result(timeout=self._patience), False
        try:
            result = work()
        except BaseException as error:
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key)
        flight.set_result(result)
        return result, True

    def _board(self, key: str) -> tuple[Future[T], bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            self._flights[key] = flight = Future()
            return flight, True

    def _land(self, key: str) -> None:
        with self._lock:
            del self._flights[key]
