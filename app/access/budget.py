"""What one person may have fetched or found in a minute: nobody walks through a repository."""

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from app.verification import Viewer

PERIOD: Final = 60.0
HOLDERS_KEPT: Final = 65_536

_Key = tuple[bytes, str | None]


class ColdFetchBudget:
    """Counts what is fetched, or searched for, by each holder of a proof in each proven workspace.

    A minute begins with the first fetch. Each process counts for itself. `clock` is monotonic, in
    seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._spent: TTLCache[_Key, list[int]] = TTLCache(HOLDERS_KEPT, PERIOD, clock)

    def take(self, viewer: Viewer) -> bool:
        """Take one, and tell whether there was one left."""
        with self._lock:
            spent = self._of(viewer)
            if spent[0] >= self._per_minute:
                return False
            spent[0] += 1
            return True

    def charge(self, viewer: Viewer) -> None:
        """Count one more."""
        with self._lock:
            self._of(viewer)[0] += 1

    def one_for_all(self, viewer: Viewer) -> Callable[[], bool]:
        """Return what takes one when it is first called, and tells at each call whether it did.

        Many threads may call it.
        """
        lock = threading.Lock()
        taken: list[bool] = []

        def take() -> bool:
            with lock:
                if not taken:
                    taken.append(self.take(viewer))
                return taken[0]

        return take

    def _of(self, viewer: Viewer) -> list[int]:
        """Return the count of a minute, which is changed in place: to set it would prolong it."""
        # A token that names nobody is not kept.
        key = (hashlib.sha256(viewer.holder.encode()).digest(), viewer.workspace)
        found = self._spent.get(key)
        if found is None:
            found = self._spent[key] = [0]
        return found
