"""Leases: among processes, one makes an entry, and the others can tell whether it still does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.cache.backend import CacheBackend, limit_waiting


class Leases:
    """The claims of this process, each held for as long as its work goes on.

    A claim lives `life` seconds, so that others soon know of a process that has died. Those of work
    that takes longer are renewed by a thread, which is there while there is anything to renew.
    """

    def __init__(self, backend: CacheBackend, life: float) -> None:
        self._backend = backend
        self._life = life
        self._lock = threading.Lock()
        self._held: set[tuple[str, str]] = set()
        self._renewing = False

    def claim(self, key: str) -> str | None:
        """Claim the making of an entry; None while another holds it."""
        return self._backend.claim(key, self._life)

    @contextmanager
    def held(self, key: str, claim: str) -> Iterator[None]:
        """Hold what was claimed until the block ends, then give it back."""
        if not claim:
            # A backend that nobody shares, or one in trouble: there is nothing to hold.
            yield
            return
        with self._lock:
            self._held.add((key, claim))
            starting, self._renewing = not self._renewing, True
        if starting:
            threading.Thread(target=self._renew, name="placard-claims", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._held.discard((key, claim))
            self._backend.release(key, claim)

    def _renew(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self._life / 3)
            with self._lock:
                held = tuple(self._held)
                self._renewing = bool(held)
            if not held:
                return
            for key, claim in held:
                with limit_waiting():
                    self._backend.hold(key, claim, self._life)
