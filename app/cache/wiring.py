"""Makes the cache, from the settings."""

import time
from collections.abc import Callable

from app.cache.backend import CacheBackend
from app.cache.cache import REFRESH_THREADS, Cache
from app.cache.freshness import CachePolicy
from app.cache.memory_backend import MemoryBackend
from app.cache.signing import EntrySigner
from app.settings import MEMORY, Settings
from app.telemetry.metrics import Metrics
from app.upstream.wiring import concurrency_limit


def build_backend(
    settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.time
) -> CacheBackend:
    """Make the backend: in this process, or in Redis."""
    if settings.cache_url == MEMORY:
        return MemoryBackend(settings.cache_bytes, clock)
    # Only here: without a shared cache, Redis's client is not loaded.
    from app.cache.redis_backend import RedisBackend  # noqa: PLC0415
    from app.cache.redis_servers import redis_client  # noqa: PLC0415

    return RedisBackend(
        redis_client(settings.cache_url, settings.ca_bundle, settings.sentinel_password),
        EntrySigner(settings.cache_signing_secrets),
        on_failure=lambda kind: metrics.cache_failures.labels(kind).inc(),
    )


def build_cache(
    settings: Settings,
    backend: CacheBackend,
    metrics: Metrics,
    clock: Callable[[], float],
    longest_ttl: float,
) -> Cache:
    """Make the cache; `longest_ttl`, in seconds, is the longest that a connector asks for."""
    policy = CachePolicy(
        ttl=settings.cache_ttl,
        failure_ttl=settings.cache_failure_ttl,
        stale=settings.cache_stale,
        stale_if_error=settings.cache_stale_if_error,
        longest_ttl=longest_ttl,
    )
    cache = Cache(
        backend,
        policy,
        patience=settings.fetch_deadline + 0.2,
        limit=concurrency_limit(settings),
        on_refresh=lambda result: metrics.cache_refreshes.labels(result).inc(),
        clock=clock,
    )
    _publish_refreshes(cache, metrics)
    return cache


def _publish_refreshes(cache: Cache, metrics: Metrics) -> None:
    metrics.gauge(
        "placard_cache_refreshes_in_flight",
        "Refreshes behind stale answers that are queued or running.",
        lambda: cache.refreshes,
    )
    metrics.gauge(
        "placard_cache_oldest_refresh_seconds",
        "For how long the oldest of them has been asked for.",
        lambda: cache.oldest_refresh,
        "livemax",
    )
    metrics.threads("refreshes", lambda: cache.busy_threads, REFRESH_THREADS)
