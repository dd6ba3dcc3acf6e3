"""Places for what only a few may do at a time, whoever else has a thread and waits."""

import threading
from collections.abc import Callable
from typing import Final

from app.errors import TooManyRequests
from app.upstream.concurrency import ConcurrencyLimit, Slots

# In seconds: how long a place is waited for, and when it is worth while to ask again.
PATIENCE: Final = 1.0
RETRY_AFTER: Final = 1


class Places:
    """At most so many places for one token, and for all tokens together."""

    def __init__(self, limit: ConcurrencyLimit, patience: float = PATIENCE) -> None:
        self._slots = Slots(limit)
        self._patience = patience
        self._released = threading.Condition()

    def take(self, jti: str) -> Callable[[], None]:
        """Take a place for a token, and return what gives it back, once, however often called.

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
