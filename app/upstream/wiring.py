"""Makes the HTTP client, from the settings."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from app.origins import origin_of
from app.settings import FETCH_PLACES, Settings
from app.telemetry.metrics import Metrics
from app.upstream.address_guard import AddressGuard
from app.upstream.bulkhead import Bulkhead
from app.upstream.client import Exchange, Fetcher, Loopback
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.policy import Event, UpstreamPolicy
from app.upstream.samples import Recordings, SampleAdapter, bundled_samples
from app.upstream.stand_ins import StandIns
from app.upstream.transport import GuardedAdapter


def build_fetcher(
    settings: Settings,
    on_exchange: Callable[[Exchange], None] | None = None,
    metrics: Metrics | None = None,
    loopback: Loopback | None = None,
    adapter: SampleAdapter | None = None,
    *,
    deadline: float | None = None,
) -> Fetcher:
    """Make the HTTP client; offline, samples and recordings stand in for the network.

    An `adapter` stands in for both. `loopback` answers what is asked of this service's own address.
    `deadline` is in seconds, where it is not that of the settings.
    """
    stand_ins = [urlsplit(origin) for origin in settings.upstreams.values()]
    allowed = [*settings.allow_private_hosts, *map(_host_port, stand_ins)]
    guard = AddressGuard(allowed)
    limit = concurrency_limit(settings)
    # A connection is kept for each call to a host that may be under way.
    network = GuardedAdapter(guard, settings.ca_bundle, pool_size=limit.per_origin)
    return Fetcher(
        deadline=deadline or settings.fetch_deadline,
        guard=guard,
        policy=_policy(settings, limit, metrics or Metrics()),
        stand_ins=StandIns(settings.upstreams, settings.cleartext_hosts),
        adapter=adapter or (_samples(settings) if settings.offline else network),
        on_exchange=on_exchange,
        loopback=loopback,
    )


def _samples(settings: Settings) -> SampleAdapter:
    folder = settings.recordings
    return SampleAdapter(bundled_samples(), Recordings(Path(folder)) if folder else None)


def _policy(settings: Settings, limit: ConcurrencyLimit, metrics: Metrics) -> UpstreamPolicy:
    def count(event: Event) -> None:
        metrics.upstream_events.labels(event).inc()

    bulkhead = Bulkhead(limit)
    policy = UpstreamPolicy(
        bulkhead=bulkhead,
        failures=settings.breaker_failures,
        rest=settings.breaker_rest,
        on_event=count,
    )
    calls, meaning = "placard_upstream_calls", "Outgoing calls: `running`, or `waiting` for a slot."
    metrics.gauge(calls, meaning, lambda: bulkhead.running, state="running")
    metrics.gauge(calls, meaning, lambda: bulkhead.waiting, state="waiting")
    if limit.total is not None:
        most = float(limit.total)
        metrics.gauge("placard_upstream_calls_limit", "How many may run or wait.", lambda: most)
    metrics.gauge(
        "placard_upstream_breakers_open",
        "Origins, and origins with a credential, that keep failing and are left alone.",
        lambda: policy.breakers_open,
    )
    return policy


def concurrency_limit(settings: Settings) -> ConcurrencyLimit:
    """Bound the calls, and the threads that make or wait for cache entries, each by itself."""
    return ConcurrencyLimit(settings.fetch_places or FETCH_PLACES, settings.fetch_total)


def _host_port(origin: SplitResult) -> str:
    """Name exactly the port of a stand-in, so that the guard lets no more than it through."""
    return urlsplit(origin_of(origin)).netloc
