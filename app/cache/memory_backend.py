"""The cache backend inside this process: bounded by bytes, shared with no other process."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from cachetools import TLRUCache

from app.cache.entry import Entry

# In bytes: the objects around an entry, and around what its address means to the resolver. Of the
# first 930 were measured, of the second 400; the rest is for the tables' growth.
OVERHEAD: Final = 1600
# In bytes: an entry of a card with hardly any text.
SMALLEST_CARD: Final = OVERHEAD + 400


class MemoryBackend:
    """Stores entries in this process; past `max_bytes` it evicts the least recently used.

    `clock` is in seconds.
    """

    in_process: ClassVar[bool] = True

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._items: TLRUCache[str, _StoredEntry] = TLRUCache(
            max_bytes, ttu=_expiry, timer=clock, getsizeof=_size
        )

    def fault(self) -> None:
        """Report nothing: memory does not fail."""

    def get(self, key: str) -> Entry | None:
        """Return the entry, or None if it is unknown, expired or evicted."""
        # Not by the table's own `get`, which looks twice, and at the clock each time.
        try:
            with self._lock:
                return self._items[key].entry
        except KeyError:
            return None

    # Nothing here takes I/O.
    at_hand = get

    def put(self, key: str, entry: Entry, seconds: float) -> None:
        """Store an entry for at most `seconds`, unless it is larger than the backend."""
        item = _StoredEntry(entry, seconds, len(key.encode()) + entry.size + OVERHEAD)
        with self._lock:
            if item.size > self._max_bytes:
                # The entry that it would replace is out of date, and goes too.
                self._items.pop(key, None)
            else:
                self._items[key] = item

    def delete(self, key: str) -> None:
        with self._lock:
            self._items.pop(key, None)

    def drop_memory(self) -> None:
        with self._lock:
            self._items.clear()

    def acquire(self, key: str, seconds: float) -> str | None:  # noqa: ARG002 - a CacheBackend's signature
        """Give everybody the empty lease: nobody else shares this backend."""
        return ""

    def renew(self, key: str, lease: str, seconds: float) -> None:
        """Do nothing: the empty lease needs no renewal."""

    def release(self, key: str, lease: str) -> None:
        """Do nothing: the empty lease needs no release."""

    @property
    def bytes_kept(self) -> int:
        """How many bytes all entries take, as the backend counts them."""
        with self._lock:
            return int(self._items.currsize)


@dataclass(frozen=True, slots=True)
class _StoredEntry:
    entry: Entry
    seconds: float
    size: int


def _expiry(_: str, item: _StoredEntry, now: float) -> float:
    return now + item.seconds


def _size(item: _StoredEntry) -> int:
    return item.size
