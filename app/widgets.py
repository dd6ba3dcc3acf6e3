"""From an address to a widget: match → fetch → map → check → answer.

`resolver.py` does the first of these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from app import errors
from app.access import ColdFetchBudget
from app.cache.cache import Cache
from app.cache.conditional import conditional, validator_of
from app.cache.entry import CARD, Entry, FetchResult
from app.cache.lookup import CacheLookup
from app.cache.single_flight import TooManyWaiters
from app.cards import card_of, checked
from app.connectors import Connector
from app.errors import PlacardError
from app.failures import document_of, failure_of, with_sentence
from app.resolver import ResolvedRequest, Resolver
from app.telemetry import trace
from app.telemetry.logs import add_log_fields
from app.telemetry.metrics import Metrics
from app.upstream.client import Fetcher
from app.upstream.lookups import UrlLookups
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from app.upstream.transport import within
from app.verification import NOBODY, Viewer

TOO_MANY: Final = "Access forbidden. Too many new pages in a minute; try again in a moment."
# A request that waits for another's fetch looks up again where that other's budget was spent: so
# often at most.
MOST_TRIES: Final = 8
# Whoever guesses addresses learns from these which pages exist: each counts as two cold fetches.
PROBING_OUTCOMES: Final = frozenset(
    {
        errors.ResourceMissing.code,
        errors.UpstreamRefused.code,
        errors.UpstreamSignedOut.code,
        errors.ConnectionNeeded.code,
    }
)


@dataclass(frozen=True, slots=True)
class Widget:
    """An answer for the host: the bytes of a checked card, their ETag, and the cache's part."""

    body: bytes
    etag: str
    cache_status: str


class Widgets:
    """Makes widgets of addresses, through the cache."""

    def __init__(
        self,
        resolver: Resolver,
        fetcher: Fetcher,
        cache: Cache,
        budget: ColdFetchBudget,
        metrics: Metrics,
    ) -> None:
        self.resolver = resolver
        self._fetcher = fetcher
        self._cache = cache
        self._access = resolver.access
        self._budget = budget
        self._metrics = metrics
        self._url_lookups = UrlLookups(partial(document_of, fetcher))

    @property
    def deadline(self) -> float:
        """How long a card may take, in seconds."""
        return self._fetcher.deadline

    def cache_fault(self) -> str | None:
        """Return why the cache does not work; None where it does."""
        return self._cache.fault()

    def widget_for(self, address: str, viewer: Viewer = NOBODY, *, refresh: bool = False) -> Widget:
        """Answer for one address; raises as `Resolver.resolve` and `answer` do."""
        return self.answer(self.resolver.resolve(address, viewer), viewer, refresh=refresh)

    def fresh(self, address: str, viewer: Viewer = NOBODY) -> Widget | None:
        """Answer as `widget_for` would, without I/O: with a fresh card that this process keeps.

        None where there is none, or where it depends on who asks.
        """
        with trace.step("match") as facts:
            known = self.resolver.known(address, viewer)
            if known and trace.is_recording():
                facts["connector"] = known.connector
        lookup = self._cache.fresh(known.key) if known else None
        if known is None or lookup is None or not lookup.entry.is_card:
            return None
        add_log_fields(connector=known.connector, credential=known.identity)
        return self._widget_of(lookup)

    def answer(
        self, resolved: ResolvedRequest, viewer: Viewer = NOBODY, *, refresh: bool = False
    ) -> Widget:
        """Answer a resolved request; with `refresh` the upstream is called even if a card is fresh.

        Raises a PlacardError, of this request or a kept one.
        """
        with trace.step("cache") as facts:
            lookup = self._look_up_within_budget(resolved, viewer, refresh=refresh)
            if trace.is_recording():
                facts.update(_facts(lookup))
        return self._widget_of(lookup)

    def _look_up_within_budget(
        self, resolved: ResolvedRequest, viewer: Viewer, *, refresh: bool
    ) -> CacheLookup:
        """Look up; raises BudgetSpent where nothing is kept and the viewer has no fetch left."""
        # Without a proof it is the operator who asks.
        if viewer is NOBODY:
            return self._look_up(resolved, refresh=refresh)
        spent = errors.BudgetSpent(sentence=TOO_MANY)

        def admit() -> None:
            if not self._budget.take(viewer):
                raise spent

        lookup = self._look_up_admitted(resolved, admit, spent, refresh=refresh)
        if lookup.result == "miss" and lookup.entry.outcome in PROBING_OUTCOMES:
            self._budget.charge(viewer)
        return lookup

    def _look_up_admitted(
        self,
        resolved: ResolvedRequest,
        admit: Callable[[], None],
        spent: errors.BudgetSpent,
        *,
        refresh: bool,
    ) -> CacheLookup:
        """Look up; again where another viewer was to fetch, and that viewer's budget was spent."""
        for _ in range(MOST_TRIES):
            try:
                return self._look_up(resolved, admit, refresh=refresh)
            except errors.BudgetSpent as error:
                if error is spent:  # ours, not that of the request we waited for
                    break
        raise spent

    def _widget_of(self, lookup: CacheLookup) -> Widget:
        add_log_fields(cache=lookup.result)
        self._metrics.note_lookup(lookup.result)
        if lookup.result == "stale":
            self._metrics.stale_seconds.observe(lookup.now - lookup.entry.times.made_at)
        entry, status = lookup.entry, lookup.cache_status()
        if not entry.is_card:
            error = errors.error_of(entry.outcome, entry.body.decode(), entry.detail)
            error.cache_status = status
            raise error
        return Widget(entry.body, entry.etag, status)

    def _look_up(
        self,
        resolved: ResolvedRequest,
        admit: Callable[[], None] = lambda: None,
        *,
        refresh: bool,
    ) -> CacheLookup:
        try:
            # One deadline for both: the wait for another process's call, and a call of one's own.
            with within(self._fetcher.deadline):
                return self._cache.look_up(
                    resolved.key,
                    lambda previous: self._fetch_result(resolved, previous),
                    origin=resolved.request.address.origin,
                    refresh=refresh,
                    admit=admit,
                )
        except TooManyWaiters:
            busy = errors.UpstreamBusy("as many requests as may wait for another's call")
            raise with_sentence(busy, resolved.connector) from None
        except TimeoutError:
            late = errors.UpstreamTimeout("another request's call took too long")
            raise with_sentence(late, resolved.connector) from None

    def _fetch_result(self, resolved: ResolvedRequest, previous: Entry | None) -> FetchResult:
        is_loopback = self._fetcher.is_loopback_request(resolved.request)
        return replace(self._card_or_failure(resolved, previous), is_loopback=is_loopback)

    def _card_or_failure(self, resolved: ResolvedRequest, previous: Entry | None) -> FetchResult:
        """Fetch: return a card, a kept one that was confirmed, or the failure."""
        connector = resolved.connector
        verdict = None
        try:
            request, response = self._fetch_as_viewer(resolved, previous)
            verdict = response.verdict
            # After a redirect or a fallback it would confirm the card of another address.
            if previous and verdict.outcome == "not_modified" and response.url == request.url:
                return _renewed(connector, previous, request, response)
            card = card_of(connector, resolved.match, response)
            body = checked(card, connector, resolved.match)
        except PlacardError as error:
            return failure_of(connector, error, verdict)
        changes = tuple(f"{change.path}: {change.what}" for change in card.changes)
        validator = validator_of(request, response)
        return FetchResult(CARD, body, changes=changes, validator=validator, ttl=connector.ttl)

    def _fetch_as_viewer(
        self, resolved: ResolvedRequest, previous: Entry | None
    ) -> tuple[UpstreamRequest, UpstreamResponse]:
        """Fetch with the service's credential, none, or a person's access token."""

        def ask(request: UpstreamRequest) -> tuple[UpstreamRequest, UpstreamResponse]:
            with self._metrics.upstream_seconds.labels(resolved.connector.name).time():
                return self._fetch_or_fall_back(request, previous)

        connection, provider, request = resolved.connection, resolved.provider, resolved.request
        if connection is None or provider is None:
            return ask(request)
        return self._access.ask_as(connection, provider, request, ask)

    def _fetch_or_fall_back(
        self, request: UpstreamRequest, previous: Entry | None
    ) -> tuple[UpstreamRequest, UpstreamResponse]:
        """Fetch the resource or, where there is none, the request's fallback."""
        request = self._url_lookups.resolve(request)
        response = self._fetcher.fetch(conditional(request, previous))
        if request.fallback is None or response.verdict.outcome != "missing":
            return request, response
        fallback = replace(request.fallback, credential=request.credential, rules=request.rules)
        return self._fetch_or_fall_back(fallback, previous)


def _renewed(
    connector: Connector, previous: Entry, request: UpstreamRequest, response: UpstreamResponse
) -> FetchResult:
    return FetchResult(
        CARD,
        previous.body,
        changes=previous.changes,
        validator=validator_of(request, response) or previous.validator,
        ttl=connector.ttl,
        renewed=True,
    )


def _facts(lookup: CacheLookup) -> dict[str, Any]:
    as_of = datetime.fromtimestamp(lookup.entry.times.made_at, UTC)
    return {
        "result": lookup.result,
        "why": lookup.forwarded or ("trouble" if lookup.entry.times.trouble else ""),
        "as_of": as_of.isoformat(timespec="milliseconds"),
        "ttl": lookup.ttl,
        "changes": list(lookup.entry.changes),
    }
