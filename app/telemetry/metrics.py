"""The metrics of the service, for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector


class Metrics:
    """The metrics of one application.

    `shared` says that there are several worker processes: each writes its numbers into the folder
    that `PROMETHEUS_MULTIPROC_DIR` names, and any of them can read them all.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "placard_requests",
            "Requests answered, by route and by outcome: `ok`, or the code of the error.",
            ["route", "outcome"],
            registry=self._registry,
        )
        self.refusals = Counter(
            "placard_refusals",
            "Requests whose proof failed, by reason.",
            ["reason"],
            registry=self._registry,
        )
        self.cache = Counter(
            "placard_cache",
            "Look-ups in the cache, by result: hit, stale, miss, renewed or shared.",
            ["result"],
            registry=self._registry,
        )
        self.cache_refreshes = Counter(
            "placard_cache_refreshes",
            "Refreshes behind a stale answer, by what became of them.",
            ["result"],
            registry=self._registry,
        )
        self.cache_failures = Counter(
            "placard_cache_failures",
            "Failures of the shared cache, by kind; each was a miss.",
            ["kind"],
            registry=self._registry,
        )
        self.upstream_seconds = Histogram(
            "placard_upstream_seconds",
            "Time that one outgoing call took, redirects included, by connector.",
            ["connector"],
            registry=self._registry,
        )
        self.searches = Counter(
            "placard_searches",
            "Searches for typeahead, by connector and by outcome: `ok`, or the code of the error.",
            ["connector", "outcome"],
            registry=self._registry,
        )
        self.upstream_events = Counter(
            "placard_upstream_events",
            "What happened to calls: a `hold` that an upstream asked for, a breaker that `opened`, "
            "a call that was `retried`; calls not made: `held`, `resting`, `busy`.",
            ["event"],
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Return the metrics of all workers in Prometheus' text format."""
        registry = self._registry
        if self._shared:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def serve_metrics(folder: str, host: str, port: int) -> None:
    """Answer on a port of its own, from a thread, with the counters that workers write to a folder.

    Raises OSError where the port cannot be had.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    start_http_server(port, host, registry)
