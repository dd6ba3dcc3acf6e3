"""What was answered, kept for a while: one contract for its keepers, and single flight.

A keeper holds entries by key until they expire or room is short, and may lose any of them at any
time. A key names the connector, the outgoing request and the identity of the credential, so that
nothing fetched with one credential is answered for another.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from cachetools import TLRUCache

CARD: Final = "card"
# What the objects around an entry take in bytes: 480 measured, and room for the tables' growth.
OVERHEAD: Final = 700

Result = Literal["hit", "miss", "shared"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept: the checked bytes of a card, or the code and public sentence of an error.

    `detail` is for the log, and never sent.
    """

    outcome: str
    body: bytes
    detail: str = ""

    @property
    def is_card(self) -> bool:
        """Whether this is a card, and not an error."""
        return self.outcome == CARD

    @property
    def size(self) -> int:
        """How many bytes its contents take."""
        return len(self.body) + len(self.detail.encode())


class Keeper(Protocol):
    """Where entries are kept. Neither method raises: a keeper in trouble misses and forgets."""

    def get(self, key: str) -> Entry | None:
        """Return the entry, unless it is unknown, expired or lost."""

    def put(self, key: str, entry: Entry, ttl: float) -> None:
        """Keep an entry for at most `ttl` seconds."""


class MemoryKeeper:
    """Keeps entries in this process, the least recently used going first past `max_bytes`.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._kept: TLRUCache[str, _Kept] = TLRUCache(
            max_bytes, ttu=_expiry, timer=clock, getsizeof=_size
        )

    def get(self, key: str) -> Entry | None:
        """Return the entry, unless it is unknown, expired or lost."""
        with self._lock:
            kept = self._kept.get(key)
        return None if kept is None else kept.entry

    def put(self, key: str, entry: Entry, ttl: float) -> None:
        """Keep an entry for at most `ttl` seconds; one that would fill the keeper alone is not."""
        kept = _Kept(entry, ttl, len(key.encode()) + entry.size + OVERHEAD)
        if kept.size > self._max_bytes:
            return
        with self._lock:
            self._kept[key] = kept

    @property
    def bytes_kept(self) -> int:
        """How many bytes all entries take, by the keeper's own account."""
        with self._lock:
            return int(self._kept.currsize)


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: Entry
    ttl: float
    size: int


def _expiry(_: str, kept: _Kept, now: float) -> float:
    return now + kept.ttl


def _size(kept: _Kept) -> int:
    return kept.size


class Cache:
    """Answers from a keeper, and lets any number of concurrent misses make one entry.

    `ttl` and `failure_ttl` are in seconds; `patience` is how long a waiter waits for the one that
    makes the entry, before TimeoutError.
    """

    def __init__(self, keeper: Keeper, *, ttl: float, failure_ttl: float, patience: float) -> None:
        self._keeper = keeper
        self._ttl = ttl
        self._failure_ttl = failure_ttl
        self._patience = patience
        self._lock = threading.Lock()
        self._flights: dict[str, Future[Entry]] = {}

    def kept(self, key: str) -> Entry | None:
        """Return the entry if it is kept and fresh; no I/O, and nobody is waited for."""
        return self._keeper.get(key)

    def get_or_make(self, key: str, make: Callable[[], Entry]) -> tuple[Entry, Result]:
        """Return the entry, and whether it was kept, made here, or made by another thread.

        What `make` raises, it raises here and for all who wait.
        """
        kept = self._keeper.get(key)
        if kept is not None:
            return kept, "hit"
        flight, leading = self._board(key)
        if not leading:
            return flight.result(timeout=self._patience), "shared"
        return self._lead(key, flight, make)

    def _board(self, key: str) -> tuple[Future[Entry], bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            self._flights[key] = flight = Future()
            return flight, True

    def _lead(
        self, key: str, flight: Future[Entry], make: Callable[[], Entry]
    ) -> tuple[Entry, Result]:
        try:
            # Another leader may have landed between our look-up and our boarding.
            entry = self._keeper.get(key)
            result: Result = "hit" if entry is not None else "miss"
            if entry is None:
                entry = make()
                self._keeper.put(key, entry, self._ttl if entry.is_card else self._failure_ttl)
        except BaseException as error:
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key)
        flight.set_result(entry)
        return entry, result

    def _land(self, key: str) -> None:
        with self._lock:
            del self._flights[key]
