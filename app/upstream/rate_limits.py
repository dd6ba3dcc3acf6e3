"""Which upstreams asked us to wait, and until when."""

import threading
import time
from collections.abc import Callable
from typing import Final

from cachetools import TLRUCache

from app.errors import UpstreamRateLimited
from app.upstream.messages import UpstreamResponse

RATE_LIMITS_KEPT: Final = 4096

Hold = tuple[str, str]


class RateLimits:
    """The holds of origins that asked us to wait, each for the identity of one credential.

    `clock` is monotonic, in seconds. Where the table is full, the hold that was looked at least
    recently goes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: TLRUCache[Hold, float] = TLRUCache(RATE_LIMITS_KEPT, ttu=_end, timer=clock)

    def check(self, origin: str, identity: str) -> None:
        """Raise UpstreamRateLimited while a hold lasts."""
        with self._lock:
            end = self._ends.get((origin, identity))
        if end is not None:
            left = max(end - self._clock(), 0)
            raise UpstreamRateLimited(f"{origin} asked us to wait, {left:.0f} s more")

    def observe(self, origin: str, identity: str, response: UpstreamResponse) -> float:
        """Keep the hold that an answer asks for; return its seconds, or 0 where it asks for none.

        Of two holds, the one that ends later stays.
        """
        wait = response.verdict.wait
        if wait > 0:
            with self._lock:
                end = self._clock() + wait
                self._ends[origin, identity] = max(end, self._ends.get((origin, identity), end))
        return wait


def _end(_: Hold, end: float, __: float) -> float:
    return end
