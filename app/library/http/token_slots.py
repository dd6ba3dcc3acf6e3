"""Slots for work that only a few requests may do at a time; the others wait with their threads."""

import threading
from collections.abc import Callable
from typing import Final

from app.errors import TooManyRequests
from app.upstream.concurrency import ConcurrencyLimit, Slots

# In seconds: how long a request waits for a slot, and after how long a client may ask again.
PATIENCE: Final = 1.0
RETRY_AFTER: Final = 1


class TokenSlots:
    """Slots within a limit: so many for one token, and so many for all tokens together."""

    def __init__(self, limit: ConcurrencyLimit, patience: float = PATIENCE) -> None:
        self._slots = Slots(limit)
        self._patience = patience
        self._released = threading.Condition()

    def take(self, jti: str) -> Callable[[], None]:
        """Take a slot for a token; returns what gives it back, once, however often it is called.

        Raises TooManyRequests where none is free in time.
        """
        with self._released:
            if not self._released.wait_for(lambda: self._slots.has_slot(jti), self._patience):
                raise TooManyRequests(RETRY_AFTER)
            self._slots.take(jti)
        held = [jti]

        def release() -> None:
            with self._released:
                while held:
                    self._slots.release(held.pop())
                    self._released.notify_all()

        return release
