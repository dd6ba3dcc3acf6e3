"""What a refusal of a person's access token means: that the account has ended, or only of a page.

Some systems refuse a token that is good for pages of their other customers (another tenant of Azure
DevOps, another site of Jira). Such a link is no reason to end the connection of all who look at it,
nor to refresh their tokens again and again. All of it is known to this process only.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from app.upstream.verdict import Outcome

KEPT: Final = 65_536
# In seconds: how long it counts that an account was taken, and that a refresh has not helped.
TAKEN: Final = 86_400.0
LASTING: Final = 300.0
# What a system says only to whom it knows.
ANSWERS: Final[tuple[Outcome, ...]] = ("ok", "not_modified", "missing", "forbidden")


class Refusals:
    """Knows of connections, by identity, how their tokens were met. `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._taken: TTLCache[str, bool] = TTLCache(KEPT, TAKEN, clock)
        self._lasting: TTLCache[str, bool] = TTLCache(KEPT, LASTING, clock)

    def note_answer(self, identity: str, outcome: Outcome) -> None:
        """Note how a token was met that was not refused."""
        if outcome in ANSWERS:
            with self._lock:
                self._taken[identity] = True

    def note_lasting(self, identity: str) -> None:
        """Note that a refresh did not help."""
        with self._lock:
            self._lasting[identity] = True

    def is_taken(self, identity: str) -> bool:
        """Tell whether the system has lately taken the account's token for another page."""
        with self._lock:
            return identity in self._taken

    def is_lasting(self, identity: str) -> bool:
        """Tell whether a refresh has not helped lately."""
        with self._lock:
            return identity in self._lasting
