"""The cache: answers fresh entries, stale ones while they are refreshed, and makes each once."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from app.cache.backend import CacheBackend, limit_waiting, wait_budget
from app.cache.background import BackgroundPool
from app.cache.entry import Entry, FetchResult
from app.cache.freshness import CachePolicy, is_renewable, may_stand_in, phase_of
from app.cache.leases import Leases
from app.cache.lookup import CacheLookup, Forwarded
from app.cache.single_flight import MARGIN, SingleFlight
from app.errors import InternalError
from app.telemetry.logs import exception_fields
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.transport import time_left

Make = Callable[[Entry | None], FetchResult]

REFRESH_THREADS: Final = 4
REFRESHES_WAITING: Final = 64
# In seconds: the pause between two looks at what another process makes, first and last; and how
# long a lease lasts that its process does not renew.
POLL_INTERVAL: Final = 0.025
MAX_POLL_INTERVAL: Final = 0.1
LEASE_SECONDS: Final = 1.0
_REFRESHED: Final = {"renewed": "renewed", "miss": "replaced", "stale": "failed"}


@dataclass(frozen=True, slots=True)
class _EntryRequest:
    """A request for a fresh entry, made at `requested_at` for the reason `forwarded`."""

    key: str
    origin: str
    make: Make
    requested_at: float
    forwarded: Forwarded
    admit: Callable[[], None] = lambda: None


class Cache:
    """Answers from a backend; concurrent misses of one key make one entry.

    `patience` is how long, in seconds, a request waits for another that makes its entry, before
    TimeoutError; and how long a background refresh may queue. `limit` bounds how many requests may
    make entries of one origin and of all, or wait for them that long; the others soon get
    TooManyWaiters. `on_refresh` is called with the result of each background refresh. `clock` is
    in epoch seconds, `pause` sleeps.
    """

    def __init__(
        self,
        backend: CacheBackend,
        policy: CachePolicy,
        *,
        patience: float,
        limit: ConcurrencyLimit,
        on_refresh: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._backend = backend
        self._leases = Leases(backend, LEASE_SECONDS)
        self._policy = policy
        self._patience = patience
        self._on_refresh = on_refresh
        self._clock = clock
        self._pause = pause
        self._single_flight: SingleFlight[CacheLookup] = SingleFlight(patience, limit)
        self._background = BackgroundPool(
            "placard-refresh",
            threads=REFRESH_THREADS,
            waiting=REFRESHES_WAITING,
            # An origin that is slow leaves half of the threads to the others.
            each=REFRESH_THREADS // 2,
        )
        self._lock = threading.Lock()
        self._refreshing: dict[str, float] = {}

    def fault(self) -> str | None:
        """Name what keeps the backend from working; None where nothing does."""
        with limit_waiting():
            return self._backend.fault()

    @property
    def busy_threads(self) -> int:
        """How many threads refresh entries in the background, of `REFRESH_THREADS`."""
        return self._background.busy

    @property
    def refreshes(self) -> int:
        """How many refreshes are queued or running in the background."""
        return len(self._refreshing)

    @property
    def oldest_refresh(self) -> float:
        """For how many seconds the oldest of them has been asked for; 0 where there is none."""
        with self._lock:
            since = min(self._refreshing.values(), default=None)
        return 0.0 if since is None else max(0.0, self._clock() - since)

    def _stored(self, key: str) -> Entry | None:
        """Return what is stored, for no longer than our own settings say: others may write too."""
        kept = self._backend.get(key)
        return kept if kept is None or self._backend.in_process else self._policy.shortened(kept)

    def fresh(self, key: str) -> CacheLookup | None:
        """Return a fresh entry that needs no I/O, or None."""
        kept, now = self._backend.at_hand(key), self._clock()
        if kept and not self._backend.in_process:
            kept = self._policy.shortened(kept)
        return CacheLookup(kept, "hit", now) if kept and phase_of(kept, now) == "fresh" else None

    def look_up(
        self,
        key: str,
        make: Make,
        *,
        origin: str = "",
        refresh: bool = False,
        admit: Callable[[], None] = lambda: None,
    ) -> CacheLookup:
        """Return an entry: fresh, stale, or what `make` returns.

        `make` calls `origin`; it is passed the card that a 304 would renew, if there is one.
        `refresh` makes the entry anew in any case. Where somebody waits for the entry, `admit` is
        called before it is made. An error that one of them raises is raised for all who wait.
        """
        with limit_waiting():
            kept, now = self._stored(key), self._clock()
            phase = phase_of(kept, now) if kept else "gone"
            if kept and not refresh and phase in ("fresh", "backing_off", "stale"):
                if phase == "stale":
                    self._refresh_in_background(_EntryRequest(key, origin, make, now, "stale"))
                return CacheLookup(kept, "hit" if phase == "fresh" else "stale", now)
            why: Forwarded = "request" if refresh else "miss" if phase == "gone" else "stale"
            return self._make_or_wait(_EntryRequest(key, origin, make, now, why, admit), kept)

    def _make_or_wait(self, request: _EntryRequest, kept: Entry | None) -> CacheLookup:
        """Make the entry or wait for who makes it; past `patience`, fall back to a kept card."""
        try:
            lookup, made_here = self._run(request)
        except TimeoutError:
            now = self._clock()
            if kept and kept.is_card and now < kept.times.error_until:
                return CacheLookup(kept, "stale", now, request.forwarded)
            raise
        made = lookup.result in ("miss", "renewed")
        return replace(lookup, result="shared") if made and not made_here else lookup

    def _run(self, request: _EntryRequest) -> tuple[CacheLookup, bool]:
        return self._single_flight.run(
            request.key, request.origin, lambda has_slot: self._lead(request, may_wait=has_slot)
        )

    def _lead(self, request: _EntryRequest, *, may_wait: bool) -> CacheLookup:
        """Make the entry, unless another thread or process has just made it."""
        patience = min(self._patience, time_left(MARGIN, otherwise=self._patience))
        lease = self._acquire_lease(request, patience if may_wait else 0.0)
        if isinstance(lease, CacheLookup):
            return lease
        with self._leases.held(request.key, lease):
            kept = self._stored(request.key)
            return self._made_meanwhile(request, kept) or self._make(request, kept)

    def _acquire_lease(self, request: _EntryRequest, patience: float) -> str | CacheLookup:
        """Acquire the lease on the key, or wait for the process that holds it.

        Returns the entry that the other process made meanwhile, or a lease: an empty one if
        `patience` is 0. Raises TimeoutError after `patience` seconds.
        """
        lease, until = self._leases.acquire(request.key), self._clock() + patience
        waited, pause = 0.0, POLL_INTERVAL
        while lease is None and patience:
            if waited >= patience or self._clock() > until:
                raise TimeoutError
            self._pause(pause)
            waited, pause = waited + pause, min(pause * 1.1, MAX_POLL_INTERVAL)
            budget = wait_budget()
            # Waiting for another process is not waiting for the backend, unless the backend fails.
            with limit_waiting(budget.seconds) as look:
                if made := self._made_meanwhile(request, self._stored(request.key)):
                    return replace(made, result="shared", forwarded=request.forwarded)
                lease = self._leases.acquire(request.key)
            if lease == "":
                budget.seconds = look.seconds
        return lease or ""

    def _made_meanwhile(self, request: _EntryRequest, kept: Entry | None) -> CacheLookup | None:
        now = self._clock()
        phase = phase_of(kept, now) if kept else "gone"
        is_new = request.forwarded != "request" or (
            kept and kept.times.made_at > request.requested_at
        )
        if kept and is_new and phase in ("fresh", "backing_off"):
            return CacheLookup(kept, "hit" if phase == "fresh" else "stale", now)
        return None

    def _make(self, request: _EntryRequest, kept: Entry | None) -> CacheLookup:
        request.admit()
        previous = kept if kept and kept.is_card else None
        now = self._clock()
        fetched = request.make(previous if previous and is_renewable(previous, now) else None)
        now = self._clock()
        if previous and may_stand_in(previous, fetched, now):
            return self._keep_after_failure(request, previous, fetched)
        entry = self._policy.entry(fetched, now, previous)
        self._backend.put(request.key, entry, entry.times.keep_until - now)
        return CacheLookup(entry, "renewed" if fetched.renewed else "miss", now, request.forwarded)

    def _keep_after_failure(
        self, request: _EntryRequest, previous: Entry, fetched: FetchResult
    ) -> CacheLookup:
        """Keep a card though its refresh failed, and answer with it while that is allowed."""
        now = self._clock()
        noted = self._policy.note_failure(previous, fetched, now)
        latest = self._stored(request.key)
        # A process that lost its lease must not restore what another process has replaced.
        if latest is None or latest.times.made_at <= previous.times.made_at:
            self._backend.put(request.key, noted, noted.times.keep_until - now)
        if now < (noted.times.error_until if fetched.transient else noted.times.stale_until):
            return CacheLookup(noted, "stale", now, request.forwarded)
        return CacheLookup(self._policy.entry(fetched, now, None), "miss", now, request.forwarded)

    def _refresh_in_background(self, request: _EntryRequest) -> None:
        """Queue the refresh of a stale entry, unless one of its key is queued or running."""
        with self._lock:
            if request.key in self._refreshing:
                return
            self._refreshing[request.key] = request.requested_at
        queued = False
        try:
            queued = self._background.offer(lambda: self._refresh(request), request.origin)
        finally:
            if not queued:
                self._finish_refresh(request, "dropped")

    def _refresh(self, request: _EntryRequest) -> None:
        if self._clock() > request.requested_at + self._patience:
            return self._finish_refresh(request, "dropped")
        result = "failed"
        try:
            with limit_waiting():
                lookup, made_here = self._run(request)
            result = _REFRESHED.get(lookup.result, "elsewhere") if made_here else "elsewhere"
        except TimeoutError:
            result = "elsewhere"
        except Exception as error:  # noqa: BLE001 - no caller waits who could handle it
            structlog.get_logger("placard").error("refresh_failed", **exception_fields(error))
            self._back_off(request)
        finally:
            self._finish_refresh(request, result)
        return None

    def _back_off(self, request: _EntryRequest) -> None:
        """Do not refresh an entry again at once: the same bug would raise at each request."""
        with limit_waiting():
            kept = self._stored(request.key)
            if kept and kept.is_card:
                self._keep_after_failure(request, kept, FetchResult(InternalError.code, b""))

    def _finish_refresh(self, request: _EntryRequest, result: str) -> None:
        with self._lock:
            self._refreshing.pop(request.key, None)
        self._on_refresh(result)
