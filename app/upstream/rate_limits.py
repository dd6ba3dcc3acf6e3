"""Who asked us to wait, and until when: `Retry-After`, and rate limits that are used up.

Implements RFC 9110, section 10.2.3, and what the systems that are asked say of their rate limits.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from cachetools import TLRUCache

from app.errors import UpstreamRateLimited
from app.upstream.messages import LONGEST_WAIT, UpstreamResponse, retry_after, seconds_until

RATE_LIMITS_KEPT: Final = 4096
# Azure DevOps says with a 200 that the next call shall wait, GitHub's secondary limit with a 403.
_WAITING: Final = frozenset({200, 403, 429, 503})
_FAMILIES: Final = ("x-ratelimit", "ratelimit", "x-sentry-rate-limit")
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
# A reset below it counts seconds from now (IETF, Datadog), others are times (GitHub, GitLab).
_FIRST_TIME: Final = 1_000_000_000

Hold = tuple[str, str]


class RateLimits:
    """Keeps who is not to be asked: an origin, with the identity of one credential.

    `clock` is monotonic, `wall` the time of day; both are in seconds. Where the table is full, the
    hold that was looked at least recently goes.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
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
        wait = wait_asked(response, self._wall())
        if wait > 0:
            with self._lock:
                end = self._clock() + wait
                self._ends[origin, identity] = max(end, self._ends.get((origin, identity), end))
        return wait


def wait_asked(response: UpstreamResponse, now: float) -> float:
    """Return the seconds that an answer asks us to wait, 0 to `LONGEST_WAIT`.

    `now` is the time of day. What cannot be read asks for nothing.
    """
    headers = response.headers
    waits = [0.0]
    if response.status in _WAITING and "retry-after" in headers:
        waits.append(retry_after(headers["retry-after"], now) or 0.0)
    if is_used_up(headers) or (response.status == 429 and "retry-after" not in headers):
        waits.extend(reset(headers.get(f"{family}-reset", ""), now) for family in _FAMILIES)
    return min(max(waits), LONGEST_WAIT)


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Tell whether a rate limit has no call left."""
    return any(headers.get(f"{family}-remaining", "").strip() == "0" for family in _FAMILIES)


def reset(value: str, now: float) -> float:
    """Read when a limit is new again: seconds from now, a time in seconds, or ISO 8601 (Jira)."""
    text = value.strip()
    if _DIGITS.fullmatch(text):
        seconds = float(text)
        return seconds if seconds < _FIRST_TIME else max(seconds - now, 0.0)
    try:
        return seconds_until(datetime.fromisoformat(text), now)
    except (ValueError, OverflowError):
        return 0.0


def _end(_: Hold, end: float, __: float) -> float:
    return end
