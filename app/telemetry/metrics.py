"""The metrics of the service, for Prometheus."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    start_http_server,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

# In seconds, between two readings of what other processes are to tell of this one.
READ_EVERY: Final = 1.0
# In seconds: a kept card takes less than a millisecond, an upstream at most its deadline.
REQUEST_SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
STALE_SECONDS: Final = (60, 120, 300, 600, 1800, 3600, 7200, 14400)
# How the values of several processes are combined: their sum, the largest, or each by its `pid`.
Over = Literal["livesum", "livemax", "liveall"]


class InFlight:
    """Counts the work in progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0

    def enter(self) -> None:
        """Count one more."""
        with self._lock:
            self.now += 1

    def leave(self) -> None:
        """Count one less."""
        with self._lock:
            self.now -= 1


@dataclass(frozen=True, slots=True)
class _Reading:
    """A gauge, and the functions whose values it combines."""

    gauge: Gauge
    over: Over
    reads: list[Callable[[], float]] = field(default_factory=list)

    def take(self) -> None:
        together = max if self.over == "livemax" else sum
        self.gauge.set(together([read() for read in self.reads]))


class Metrics:
    """The metrics of one application.

    `shared` says that there are several worker processes: each writes its numbers into the folder
    that `PROMETHEUS_MULTIPROC_DIR` names, and any of them can read them all. A gauge is read for
    each exposition and, for the other processes, once a second.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        self._readings: dict[tuple[str, ...], _Reading] = {}
        self._of_requests: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._of_lookups: dict[str, Counter] = {}
        self.in_flight = InFlight()
        counter = partial(Counter, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        # One row for a metric: its name, its meaning, and its labels.
        # fmt: off
        self.requests = counter("placard_requests",
            "Requests answered, by route and by outcome: `ok`, or the code of the error.",
            ["route", "outcome"])
        self.request_seconds = histogram("placard_request_seconds",
            "Time from a request's arrival to its answer, by route and by outcome.",
            ["route", "outcome"], buckets=REQUEST_SECONDS)
        self.refusals = counter("placard_refusals",
            "Requests whose proof failed, by reason.", ["reason"])
        self._lookups = counter("placard_cache",
            "Look-ups in the cache, by result: hit, stale, miss, renewed or shared.", ["result"])
        self.stale_seconds = histogram("placard_cache_stale_seconds",
            "Age of the cards that were answered though they were no longer fresh.",
            buckets=STALE_SECONDS)
        self.cache_refreshes = counter("placard_cache_refreshes",
            "Refreshes behind a stale answer, by what became of them.", ["result"])
        self.cache_failures = counter("placard_cache_failures",
            "Failures of the shared cache, by kind; each was a miss.", ["kind"])
        self.upstream_seconds = histogram("placard_upstream_seconds",
            "Time that one outgoing call took, redirects included, by connector.", ["connector"])
        self.searches = counter("placard_searches",
            "Searches for typeahead, by connector and by outcome: `ok`, or the code of the error.",
            ["connector", "outcome"])
        self.upstream_events = counter("placard_upstream_events",
            "What happened to calls: a `hold` that an upstream asked for, a breaker that `opened`, "
            "a call that was `retried`; calls not made: `held`, `resting`, `busy`.", ["event"])
        # fmt: on
        self.gauge(
            "placard_requests_in_flight", "Requests being answered.", lambda: self.in_flight.now
        )

    def note_request(self, route: str, outcome: str, seconds: float) -> None:
        """Count a request that has been answered, and how long it took."""
        # A cache hit takes this way: the labels are looked up once.
        cached = self._of_requests.get((route, outcome))
        if cached is None:
            cached = self._of_requests[route, outcome] = (
                self.requests.labels(route, outcome),
                self.request_seconds.labels(route, outcome),
            )
        counter, histogram = cached
        counter.inc()
        histogram.observe(seconds)

    def note_lookup(self, result: str) -> None:
        """Count a look-up in the cache."""
        cached = self._of_lookups.get(result)
        if cached is None:
            cached = self._of_lookups[result] = self._lookups.labels(result)
        cached.inc()

    def gauge(
        self,
        name: str,
        meaning: str,
        read: Callable[[], float],
        over: Over = "livesum",
        **labels: str,
    ) -> None:
        """Publish what `read` returns; `over` says how the values of processes are combined.

        The values of several parts of one process are combined in the same way.
        """
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(
                name, meaning, list(labels), registry=self._registry, multiprocess_mode=over
            )
        child = gauge.labels(**labels) if labels else gauge
        reading = self._readings.setdefault((name, *labels.values()), _Reading(child, over))
        reading.reads.append(read)

    def threads(self, pool: str, busy: Callable[[], float], limit: float) -> None:
        """Publish how many threads of a pool are busy, and how many there may be."""
        self.gauge("placard_threads_busy", "Threads at work, by pool.", busy, pool=pool)
        meaning = "Threads that there may be, by pool."
        self.gauge("placard_threads_limit", meaning, lambda: limit, pool=pool)

    def read_gauges(self) -> None:
        """Set the gauges to their current values."""
        for reading in list(self._readings.values()):
            reading.take()

    def keep_reading(self) -> None:
        """Set the gauges once a second in a thread, where other processes publish them."""

        def keep_on() -> None:
            while True:
                self.read_gauges()
                time.sleep(READ_EVERY)

        if self._shared:
            threading.Thread(target=keep_on, name="placard-gauges", daemon=True).start()

    def exposition(self) -> bytes:
        """Return the metrics of all workers in Prometheus' text format."""
        self.read_gauges()
        registry = self._registry
        if self._shared:
            registry = CollectorRegistry()
            _WorkersCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


class _WorkersCollector(MultiProcessCollector):
    """Reads what the workers have written, but for files that one has only just created.

    The client creates a file empty and then makes it larger. It cannot read an empty one, so that
    nobody's metrics could be read while a worker starts.
    """

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in Path(self._path).glob("*.db") if _has_begun(file)]
        merged: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return merged


def _has_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # of a worker that has ended
        return False


def count_with_others() -> None:
    """Count together with other processes, if the environment has come to say so.

    The client looks there when it is imported, which the first process does before it knows.
    """
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def serve_metrics(folder: str, host: str, port: int) -> None:
    """Answer on a separate port, from a thread, with the counters that workers write to a folder.

    Raises OSError where the port cannot be had.
    """
    registry = CollectorRegistry()
    _WorkersCollector(registry, folder)  # type: ignore[no-untyped-call]
    start_http_server(port, host, registry)
