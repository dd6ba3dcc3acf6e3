"""The cache: fresh from the backend, stale while it is refreshed, or made by one for all."""

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
from app.cache.lookup import Forwarded, Lookup
from app.cache.single_flight import SingleFlight
from app.errors import InternalError
from app.telemetry.logs import exception_fields
from app.upstream.concurrency import ConcurrencyLimit

Make = Callable[[Entry | None], FetchResult]

REFRESH_THREADS: Final = 4
REFRESHES_WAITING: Final = 64
# In seconds: how often one looks whether another process has made the entry, at first and after a
# while, and how long that process is taken to be alive if it does not say so again.
LOOK_AGAIN: Final = 0.025
LOOK_AGAIN_LATER: Final = 0.1
LEASE_SECONDS: Final = 1.0
_REFRESHED: Final = {"renewed": "renewed", "miss": "replaced", "stale": "failed"}


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is wanted: an entry that is fresh, or even newer than the request itself."""

    key: str
    origin: str
    make: Make
    since: float
    forwarded: Forwarded


class Cache:
    """Answers from a backend, and lets any number of concurrent misses make one entry.

    `patience` is how long, in seconds, one who waits waits for the one that makes the entry, before
    TimeoutError; and how long a refresh behind may queue. `limit` is how many may make entries of
    one origin and of all, or wait for them so long: others soon get TooManyWaiters.
    `on_refresh` is told what became of each refresh behind. `clock` is in epoch seconds, `pause`
    sleeps.
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
        self._single_flight: SingleFlight[Lookup] = SingleFlight(patience, limit)
        self._background = BackgroundPool(
            "placard-refresh",
            threads=REFRESH_THREADS,
            waiting=REFRESHES_WAITING,
            # One origin that is slow leaves half of them to the others.
            each=REFRESH_THREADS // 2,
        )
        self._lock = threading.Lock()
        self._behind: set[str] = set()

    def fresh(self, key: str) -> Lookup | None:
        """Return what is fresh and can be had without any I/O, or None."""
        kept = self._backend.get(key) if self._backend.instant else None
        now = self._clock()
        return Lookup(kept, "hit", now) if kept and phase_of(kept, now) == "fresh" else None

    def look_up(self, key: str, make: Make, *, origin: str = "", refresh: bool = False) -> Lookup:
        """Return an entry: fresh, stale, or what `make` finds.

        `make` is handed the card that a 304 would renew, if there is one; it asks `origin`.
        `refresh` has it made anew in any case. What `make` raises, this raises for all who wait.
        """
        with limit_waiting():
            kept, now = self._backend.get(key), self._clock()
            phase = phase_of(kept, now) if kept else "gone"
            if kept and not refresh and phase in ("fresh", "held", "stale"):
                if phase == "stale":
                    self._refresh_behind(_Errand(key, origin, make, now, "stale"))
                return Lookup(kept, "hit" if phase == "fresh" else "stale", now)
            why: Forwarded = "request" if refresh else "miss" if phase == "gone" else "stale"
            return self._fly(_Errand(key, origin, make, now, why), kept)

    def _fly(self, errand: _Errand, kept: Entry | None) -> Lookup:
        try:
            lookup, made_here = self._take_off(errand)
        except TimeoutError:
            now = self._clock()
            if kept and kept.is_card and now < kept.times.error_until:
                return Lookup(kept, "stale", now, errand.forwarded)
            raise
        made = lookup.result in ("miss", "renewed")
        return replace(lookup, result="shared") if made and not made_here else lookup

    def _take_off(self, errand: _Errand) -> tuple[Lookup, bool]:
        return self._single_flight.run(
            errand.key, errand.origin, lambda has_slot: self._lead(errand, may_wait=has_slot)
        )

    def _lead(self, errand: _Errand, *, may_wait: bool) -> Lookup:
        """Make the entry, unless another thread or process has just done so."""
        claim = self._claim(errand, self._patience if may_wait else 0.0)
        if isinstance(claim, Lookup):
            return claim
        with self._leases.held(errand.key, claim):
            kept = self._backend.get(errand.key)
            return self._made_meanwhile(errand, kept) or self._make(errand, kept)

    def _claim(self, errand: _Errand, patience: float) -> str | Lookup:
        """Claim the making, or wait for who has claimed it while that works on.

        Returns what it made meanwhile, or a claim: an empty one where there is no time to wait.
        Raises TimeoutError where there was, and it is over.
        """
        claim, until = self._leases.claim(errand.key), self._clock() + patience
        waited, pause = 0.0, LOOK_AGAIN
        while claim is None and patience:
            if waited >= patience or self._clock() > until:
                raise TimeoutError
            self._pause(pause)
            waited, pause = waited + pause, min(pause * 1.1, LOOK_AGAIN_LATER)
            left = wait_budget()
            # Waiting for another process is not waiting for the backend, unless that fails.
            with limit_waiting(left.seconds) as look:
                if made := self._made_meanwhile(errand, self._backend.get(errand.key)):
                    return replace(made, result="shared", forwarded=errand.forwarded)
                claim = self._leases.claim(errand.key)
            if claim == "":
                left.seconds = look.seconds
        return claim or ""

    def _made_meanwhile(self, errand: _Errand, kept: Entry | None) -> Lookup | None:
        now = self._clock()
        phase = phase_of(kept, now) if kept else "gone"
        new = errand.forwarded != "request" or (kept and kept.times.made_at > errand.since)
        if kept and new and phase in ("fresh", "held"):
            return Lookup(kept, "hit" if phase == "fresh" else "stale", now)
        return None

    def _make(self, errand: _Errand, kept: Entry | None) -> Lookup:
        previous = kept if kept and kept.is_card else None
        now = self._clock()
        fetched = errand.make(previous if previous and is_renewable(previous, now) else None)
        now = self._clock()
        if previous and may_stand_in(previous, fetched, now):
            return self._keep_in_trouble(errand, previous, fetched)
        entry = self._policy.entry(fetched, now, previous)
        self._backend.put(errand.key, entry, entry.times.keep_until - now)
        return Lookup(entry, "renewed" if fetched.renewed else "miss", now, errand.forwarded)

    def _keep_in_trouble(self, errand: _Errand, previous: Entry, fetched: FetchResult) -> Lookup:
        """Keep a good entry over a failure, and answer with it while that is allowed."""
        now = self._clock()
        noted = self._policy.troubled(previous, fetched, now)
        latest = self._backend.get(errand.key)
        # Who lost the claim must not bring back what another has replaced.
        if latest is None or latest.times.made_at <= previous.times.made_at:
            self._backend.put(errand.key, noted, noted.times.keep_until - now)
        if now < (noted.times.error_until if fetched.transient else noted.times.stale_until):
            return Lookup(noted, "stale", now, errand.forwarded)
        return Lookup(self._policy.entry(fetched, now, None), "miss", now, errand.forwarded)

    def _refresh_behind(self, errand: _Errand) -> None:
        """Refresh an entry while its stale one is answered: once at a time, and not at any cost."""
        with self._lock:
            if errand.key in self._behind:
                return
            self._behind.add(errand.key)
        taken = False
        try:
            taken = self._background.offer(lambda: self._refresh(errand), errand.origin)
        finally:
            if not taken:
                self._refreshed(errand, "dropped")

    def _refresh(self, errand: _Errand) -> None:
        if self._clock() > errand.since + self._patience:
            return self._refreshed(errand, "dropped")
        result = "failed"
        try:
            with limit_waiting():
                lookup, made_here = self._take_off(errand)
            result = _REFRESHED.get(lookup.result, "elsewhere") if made_here else "elsewhere"
        except TimeoutError:
            result = "elsewhere"
        except Exception as error:  # noqa: BLE001 - nobody waits for it who could be told
            structlog.get_logger("placard").error("refresh_failed", **exception_fields(error))
            self._note_trouble(errand)
        finally:
            self._refreshed(errand, result)
        return None

    def _note_trouble(self, errand: _Errand) -> None:
        """Leave the upstream alone for a while: what broke would break at the next look too."""
        with limit_waiting():
            kept = self._backend.get(errand.key)
            if kept and kept.is_card:
                self._keep_in_trouble(errand, kept, FetchResult(InternalError.code, b""))

    def _refreshed(self, errand: _Errand, result: str) -> None:
        with self._lock:
            self._behind.discard(errand.key)
        self._on_refresh(result)
