"""Leases: one process makes an entry, and the others can tell whether it is still at work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.cache.backend import CacheBackend, limit_waiting


class Leases:
    """The leases that this process holds; a thread renews them while their work goes on.

    A lease lasts only `seconds`, so that others soon notice that a process has died. The thread
    runs only while there is a lease to renew.
    """

    def __init__(self, backend: CacheBackend, seconds: float) -> None:
        self._backend = backend
        self._seconds = seconds
        self._lock = threading.Lock()
        self._held: set[tuple[str, str]] = set()
        self._is_renewing = False

    def acquire(self, key: str) -> str | None:
        """Acquire the lease on a key; None while another holds it."""
        return self._backend.acquire(key, self._seconds)

    @contextmanager
    def held(self, key: str, lease: str) -> Iterator[None]:
        """Renew a lease until the block ends, then release it. An empty one needs neither."""
        if not lease:
            yield
            return
        with self._lock:
            self._held.add((key, lease))
            starting, self._is_renewing = not self._is_renewing, True
        if starting:
            threading.Thread(target=self._renew, name="placard-leases", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._held.discard((key, lease))
            self._backend.release(key, lease)

    def _renew(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self._seconds / 3)
            with self._lock:
                held = tuple(self._held)
                self._is_renewing = bool(held)
            if not held:
                return
            for key, lease in held:
                with limit_waiting():
                    self._backend.renew(key, lease, self._seconds)
