"""The backend in this process: bounded by bytes, nothing shared."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from cachetools import TLRUCache

from app.cache.entry import Entry

# What the objects around an entry take in bytes: 930 measured, and room for the tables' growth.
OVERHEAD: Final = 1200


class MemoryBackend:
    """Keeps entries in this process, the least recently used going first past `max_bytes`.

    `clock` is in seconds.
    """

    instant: ClassVar[bool] = True

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

    def put(self, key: str, entry: Entry, life: float) -> None:
        """Keep an entry for at most `life` seconds; unless it would fill the backend alone."""
        kept = _Kept(entry, life, len(key.encode()) + entry.size + OVERHEAD)
        with self._lock:
            if kept.size > self._max_bytes:
                # Nor is what it replaces, which is no longer true.
                self._kept.pop(key, None)
            else:
                self._kept[key] = kept

    def claim(self, key: str, life: float) -> str | None:  # noqa: ARG002 - a CacheBackend's signature
        """Let everybody claim: nobody else shares this backend."""
        return ""

    def hold(self, key: str, claim: str, life: float) -> None:
        """Do nothing: nothing is claimed."""

    def release(self, key: str, claim: str) -> None:
        """Do nothing: nothing is claimed."""

    @property
    def bytes_kept(self) -> int:
        """How many bytes all entries take, by the backend's own account."""
        with self._lock:
            return int(self._kept.currsize)


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: Entry
    life: float
    size: int


def _expiry(_: str, kept: _Kept, now: float) -> float:
    return now + kept.life


def _size(kept: _Kept) -> int:
    return kept.size
