"""Bounds on the calls under way, to one host and to all: those that hang leave threads free."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import UpstreamBusy
from app.settings import FETCH_PLACES
from app.upstream.transport import remaining

PATIENCE: Final = 0.25  # seconds


class Bulkhead:
    """Lets at most `places` calls to one host go on at a time, and `total` to all hosts.

    Half as many more may wait for a place, `patience` seconds at most. Waiting takes threads too:
    `total` counts those that wait, and who comes after that is refused at once. None is no bound.
    """

    def __init__(
        self,
        places: int = FETCH_PLACES,
        patience: float = PATIENCE,
        *,
        total: int | None = None,
    ) -> None:
        self.places = places
        self._total = total
        self._seats = max(1, places // 2)
        self._patience = patience
        self._left = threading.Condition()
        self._aboard: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def place(self, host: str) -> Iterator[None]:
        """Hold a place for the length of a block; raises UpstreamBusy where none is free."""
        with self._left:
            if self._is_full():
                raise UpstreamBusy(f"{self._total} calls are under way already")
            if not self._is_free(host) and not self._wait(host):
                raise UpstreamBusy(f"{self.places} calls to {host} are under way already")
            self._aboard[host] += 1
        try:
            yield
        finally:
            with self._left:
                _take_one(self._aboard, host)
                self._left.notify_all()

    def _is_full(self) -> bool:
        taken = self._aboard.total() + self._waiting.total()
        return self._total is not None and taken >= self._total

    def _is_free(self, host: str) -> bool:
        return self._aboard[host] < self.places

    def _wait(self, host: str) -> bool:
        if self._waiting[host] >= self._seats:
            return False
        self._waiting[host] += 1
        try:
            return self._left.wait_for(lambda: self._is_free(host), self._time_to_wait())
        finally:
            _take_one(self._waiting, host)

    def _time_to_wait(self) -> float:
        try:
            left = remaining()
        except TimeoutError:
            return 0.0
        return self._patience if left is None else min(self._patience, left)


def _take_one(counts: Counter[str], host: str) -> None:
    """Count one less, and forget a host of which there is none."""
    counts[host] -= 1
    if not counts[host]:
        del counts[host]
