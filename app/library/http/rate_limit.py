"""Limits the requests of each token in a minute."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from app.library.http.shared_storage import SharedStorage
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
    """Counts the requests of each token, where as many processes count together as can.

    `cache_url` is `memory://` or `redis://…`, for all machines; `folder` is one that the workers of
    this machine share, if there are several. Where Redis does not answer at once they count there,
    and without the folder each for itself: the limit is then looser, but the library answers.
    """

    def __init__(
        self,
        per_minute: int,
        cache_url: str,
        folder: str | None = None,
        ca_bundle: str | None = None,
        sentinel_password: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._item: RateLimitItem = RateLimitItemPerMinute(per_minute, namespace="placard-library")
        shared = _shared(cache_url, folder, ca_bundle, sentinel_password)
        self._shared = [FixedWindowRateLimiter(each) for each in shared]
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._clock = clock

    def take(self, jti: str) -> RateLimitStatus:
        """Count one request of a token, and tell whether it is granted."""
        for strategy in self._shared:
            with suppress(StorageError):
                return self._take(strategy, jti)
        return self._take(self._local, jti)

    def _take(self, strategy: FixedWindowRateLimiter, jti: str) -> RateLimitStatus:
        granted = strategy.hit(self._item, jti)
        reset, remaining = strategy.get_window_stats(self._item, jti)
        seconds = min(PERIOD, max(1, ceil(reset - self._clock())))
        return RateLimitStatus(granted, self._item.amount, remaining, seconds)


def _shared(
    cache_url: str, folder: str | None, ca_bundle: str | None, sentinel_password: str | None
) -> Iterator[Storage]:
    """Yield the counters that processes share, the widest first."""
    if cache_url != MEMORY:
        # Only here: without a shared cache, Redis's client is not loaded.
        from app.cache.redis_servers import redis_client  # noqa: PLC0415

        counters = RedisStorage("redis://", wrap_exceptions=True)
        # The cache's client: a cluster's too, with its timeouts and its trusted authorities.
        counters.storage = redis_client(cache_url, ca_bundle, sentinel_password)
        counters.initialize_storage(cache_url)
        yield counters
    if folder is not None:
        yield SharedStorage(folder)
