"""Limits the requests of each token in a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from app.settings import MEMORY

PERIOD: Final = 60


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The requests that a token has left; `reset` is in seconds, until it has `limit` again."""

    granted: bool
    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers of an answer, as Datadog names them."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Period": str(PERIOD),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class Limiter:
    """Counts the requests of each token, in this process or where all processes count.

    `storage` is `memory://` or `redis://…`. Where that does not answer at once, each process counts
    for itself: the limit is then loose, but the library answers.
    """

    def __init__(
        self,
        per_minute: int,
        storage: str,
        ca_bundle: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._item: RateLimitItem = RateLimitItemPerMinute(per_minute, namespace="placard-library")
        self._shared = FixedWindowRateLimiter(_storage(storage, ca_bundle))
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._clock = clock

    def take(self, jti: str) -> RateLimitStatus:
        """Count one request of a token, and tell whether it is granted."""
        try:
            return self._take(self._shared, jti)
        except StorageError:
            return self._take(self._local, jti)

    def _take(self, strategy: FixedWindowRateLimiter, jti: str) -> RateLimitStatus:
        granted = strategy.hit(self._item, jti)
        reset, remaining = strategy.get_window_stats(self._item, jti)
        seconds = min(PERIOD, max(1, ceil(reset - self._clock())))
        return RateLimitStatus(granted, self._item.amount, remaining, seconds)


def _storage(url: str, ca_bundle: str | None) -> Storage:
    """Make the counter of the cache's client, with its timeouts and its trusted authorities."""
    if url == MEMORY:
        return MemoryStorage()
    # Only here: without a shared counter, Redis's client is not loaded.
    from app.cache.redis_backend import redis_client  # noqa: PLC0415

    pool = redis_client(url, ca_bundle).connection_pool
    return RedisStorage(url, connection_pool=pool, wrap_exceptions=True)
