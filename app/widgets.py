"""From an address to a widget: match → fetch → map → check → answer."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from marshmallow import ValidationError

from app import errors
from app.cache import (
    CARD,
    Cache,
    CacheLookup,
    Entry,
    FetchResult,
    TooManyWaiters,
    conditional,
    validator_of,
)
from app.connectors import Connector, ConnectorRegistry, Match
from app.errors import PlacardError
from app.telemetry import trace
from app.telemetry.logs import add_log_fields
from app.telemetry.metrics import Metrics
from app.upstream import Fetcher, within
from app.upstream.credentials import Credentials
from app.upstream.lookups import Lookups
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from app.upstream.verdict import Outcome, Verdict
from templates_schemas import Fault, SummaryWithDetails, faults, payload
from templates_schemas.rules import faults_in

# What the host may say to its user, where the default sentence is not the most helpful one.
SENTENCES: Final[Mapping[type[PlacardError], str]] = {
    errors.ResourceMissing: "Not found. {label} has no such page, or does not show it to us.",
    errors.UpstreamRefused: "Access forbidden. {label} does not let us see this page.",
    errors.UpstreamSignedOut: "Access forbidden. {label} wants us to sign in: our credential "
    "for it is missing or has expired.",
    errors.UpstreamTimeout: "{label} did not answer in time.",
    errors.UpstreamUnreachable: "{label} could not be reached.",
    errors.UpstreamRateLimited: "{label} asks us to wait before we ask again.",
    errors.UpstreamResting: "{label} keeps failing. We leave it alone for a moment.",
    errors.UpstreamBusy: "Too many requests wait for {label}. Try again in a moment.",
    errors.UpstreamFailed: "{label} answered with an error.",
    errors.UpstreamUnreadable: "{label} gave an answer that we cannot read.",
    errors.AddressRefused: "{label} sent us to an address that we do not visit.",
    errors.UpstreamTooLarge: "{label} gave an answer that is too large.",
}
MOST_FAULTS: Final = 5
ERRORS: Final[Mapping[Outcome, type[PlacardError]]] = {
    "not_modified": errors.UpstreamFailed,  # of what was asked for without a condition
    "missing": errors.ResourceMissing,
    "forbidden": errors.UpstreamRefused,
    "signed_out": errors.UpstreamSignedOut,
    "limited": errors.UpstreamRateLimited,
    "failed": errors.UpstreamFailed,
}
# For these, and for a verdict that is transient, a stale card may stand in.
_TRANSIENT: Final = (
    errors.UpstreamTimeout,
    errors.UpstreamUnreachable,
    errors.UpstreamRateLimited,
    errors.UpstreamResting,
    errors.UpstreamBusy,
)
# What an address means is remembered for this many, unless an address is longer than most are.
RESOLVED_KEPT: Final = 1024
RESOLVED_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Widget:
    """An answer for the host: the bytes of a checked card, their ETag, and the cache's part."""

    body: bytes
    etag: str
    cache_status: str


@dataclass(frozen=True, slots=True)
class ResolvedRequest:
    """What an address means: who serves it, what to ask the upstream, and the cache's key."""

    connector: Connector
    match: Match
    request: UpstreamRequest
    key: str


class Widgets:
    """Makes widgets of addresses, through the cache."""

    def __init__(
        self,
        registry: ConnectorRegistry,
        fetcher: Fetcher,
        cache: Cache,
        credentials: Credentials,
        metrics: Metrics,
    ) -> None:
        self._registry = registry
        self._fetcher = fetcher
        self._cache = cache
        self._credentials = credentials
        self._metrics = metrics
        self._lookups = Lookups(self._document_of)
        self._resolve_kept = lru_cache(RESOLVED_KEPT)(self._resolve)

    def cache_fault(self) -> str | None:
        """Name what keeps the cache from working; None where nothing does."""
        return self._cache.fault()

    def widget_for(self, address: str, workspace: str | None = None) -> Widget:
        """Answer for one address; raises as `resolve` and `answer` do."""
        return self.answer(self.resolve(address, workspace))

    def resolve(self, address: str, workspace: str | None = None) -> ResolvedRequest:
        """Find who serves an address, and what to ask for with the workspace's credential.

        `workspace` is the one that was proven. Raises NoConnector or MalformedRequest.
        """
        with trace.step("match") as facts:
            length = len(address) + len(workspace or "")
            forgets = self._registry.may_change or length > RESOLVED_LONGEST
            resolve = self._resolve if forgets else self._resolve_kept
            resolved = resolve(address, workspace)
            facts.update(
                connector=resolved.connector.name,
                parts=dict(resolved.match.parameters),
                pattern=resolved.connector.path.pattern,
            )
        add_log_fields(
            connector=resolved.connector.name, credential=resolved.request.credential.identity
        )
        return resolved

    def fresh(self, resolved: ResolvedRequest) -> Widget | None:
        """Answer as `answer` would, if a fresh card is kept in this process: without I/O."""
        lookup = self._cache.fresh(resolved.key)
        return self._answer(lookup) if lookup and lookup.entry.is_card else None

    def answer(self, resolved: ResolvedRequest, *, refresh: bool = False) -> Widget:
        """Answer for what was resolved; `refresh` asks the upstream whatever is kept.

        Raises a PlacardError, of this request or a kept one.
        """
        with trace.step("cache") as facts:
            lookup = self._look_up(resolved, refresh=refresh)
            facts.update(_facts(lookup))
        return self._answer(lookup)

    def _resolve(self, address: str, workspace: str | None) -> ResolvedRequest:
        connector, match = self._registry.find(address)
        request = connector.request_for(match)
        credential = self._credentials.find(request.url, workspace, connector.name)
        request = replace(request, credential=credential, rules=connector.answer_rules)
        return ResolvedRequest(connector, match, request, key_of(connector, request))

    def _answer(self, lookup: CacheLookup) -> Widget:
        add_log_fields(cache=lookup.result)
        self._metrics.cache.labels(lookup.result).inc()
        entry, status = lookup.entry, lookup.cache_status()
        if not entry.is_card:
            error = errors.named(entry.outcome, entry.body.decode(), entry.detail)
            error.cache_status = status
            raise error
        return Widget(entry.body, entry.etag, status)

    def _look_up(self, resolved: ResolvedRequest, *, refresh: bool) -> CacheLookup:
        try:
            # Who waits for another process first has only the rest of the time for the upstream.
            with within(self._fetcher.deadline):
                return self._cache.look_up(
                    resolved.key,
                    lambda previous: self._make(resolved, previous),
                    origin=resolved.request.address.origin,
                    refresh=refresh,
                )
        except TooManyWaiters:
            busy = errors.UpstreamBusy("as many requests as may wait for another's call")
            raise _unkept(busy, resolved.connector) from None
        except TimeoutError:
            late = errors.UpstreamTimeout("another request's call took too long")
            raise _unkept(late, resolved.connector) from None

    def _make(self, resolved: ResolvedRequest, previous: Entry | None) -> FetchResult:
        is_own = self._fetcher.is_loopback_request(resolved.request)
        return replace(self._find(resolved, previous), is_own=is_own)

    def _find(self, resolved: ResolvedRequest, previous: Entry | None) -> FetchResult:
        """Find out what to answer: a card, a kept one confirmed, or what went wrong."""
        connector = resolved.connector
        verdict = None
        try:
            with self._metrics.upstream_seconds.labels(connector.name).time():
                request, response = self._fetch(resolved.request, previous)
            # Of another address it would confirm another card.
            verdict = response.verdict
            if previous and verdict.outcome == "not_modified" and response.url == request.url:
                return _renewed(connector, previous, request, response)
            card = self._map(connector, resolved.match, response)
            body = checked(card, connector, resolved.match)
        except PlacardError as error:
            return _failure(connector, error, verdict)
        changes = tuple(f"{change.path}: {change.what}" for change in card.changes)
        validator = validator_of(request, response)
        return FetchResult(CARD, body, changes=changes, validator=validator, ttl=connector.ttl)

    def _fetch(
        self, request: UpstreamRequest, previous: Entry | None
    ) -> tuple[UpstreamRequest, UpstreamResponse]:
        """Fetch what is asked for or, where there is no such resource, the request's fallback."""
        request = self._lookups.resolve(request)
        response = self._fetcher.fetch(conditional(request, previous))
        if request.fallback is None or response.verdict.outcome != "missing":
            return request, response
        fallback = replace(request.fallback, credential=request.credential, rules=request.rules)
        return self._fetch(fallback, previous)

    def _document_of(self, request: UpstreamRequest) -> Any:
        response = self._fetcher.fetch(request)
        raise_for_verdict(response.verdict)
        return response.document

    @staticmethod
    def _map(connector: Connector, match: Match, response: UpstreamResponse) -> SummaryWithDetails:
        with trace.step("map"):
            raise_for_verdict(response.verdict)
            resource = load_resource(connector, response)
            try:
                return connector.widget(resource, match)
            except ValueError as error:
                raise errors.BrokenCard(f"{connector.name}: $: {error}") from error


def key_of(connector: Connector, request: UpstreamRequest) -> str:
    """Name all that an answer depends on: who asks, what exactly, and as whom."""
    headers = sorted((name.lower(), value) for name, value in request.headers.items())
    body = "" if request.body is None else hashlib.sha256(request.body).hexdigest()
    looked_up = f"{request.lookup.url} " if request.lookup else ""
    url = f"{looked_up}{request.url}"
    parts = (connector.name, connector.revision, request.method, url, body, headers)
    return "\n".join([*map(str, parts), request.credential.identity])


def raise_for_verdict(verdict: Verdict) -> None:
    """Let a success through, and say what any other answer means for the host.

    Raises ResourceMissing, UpstreamRefused, UpstreamRateLimited or UpstreamFailed.
    """
    if verdict.outcome == "ok":
        return
    raise ERRORS[verdict.outcome](verdict.detail)


def load_resource(connector: Connector, response: UpstreamResponse) -> Any:
    """Load an upstream's answer with the connector's schema.

    Raises UpstreamUnreadable, with the JSON path of what is not as documented.
    """
    document = response.document
    try:
        return connector.load(document)
    except ValidationError as error:
        raise errors.UpstreamUnreadable(_first(faults_in(error))) from None


def checked(card: SummaryWithDetails, connector: Connector, match: Match) -> bytes:
    """Write a card as the bytes to send, after holding it to the host's contract.

    Raises BrokenCard, which names the connector, the JSON path and the rule.
    """
    with trace.step("check"):
        written = payload(card)
        _secure_icons(written["metadata"], connector, match)
        found = faults(written)
        if found:
            raise errors.BrokenCard(f"{connector.name}: {_first(found)}")
        return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()


def _secure_icons(card: dict[str, Any], connector: Connector, match: Match) -> None:
    """Give each icon an https address, or leave it out and tell the trace."""
    for part in (card, card["footer"], *card["fields"]):
        for key in part.keys() & {"subicon_url", "icon_url"}:
            secure = connector.secure_icon(part[key], match)
            if secure is not None:
                part[key] = secure
                continue
            del part[key]
            with trace.step("dropped", part=key, why="http, on a page of https"):
                pass


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


def _failure(connector: Connector, error: PlacardError, verdict: Verdict | None) -> FetchResult:
    """Tell what went wrong, and what it means for a card that is kept."""
    definitive = isinstance(error, errors.Forbidden | errors.NotFound)
    transient = isinstance(error, _TRANSIENT) or (verdict is not None and verdict.transient)
    return FetchResult(
        error.code,
        _sentence(connector, error).encode(),
        detail=error.detail,
        wait=verdict.wait if verdict else None,
        transient=transient and not definitive,
        definitive=definitive,
    )


def _facts(lookup: CacheLookup) -> dict[str, Any]:
    as_of = datetime.fromtimestamp(lookup.entry.times.made_at, UTC)
    return {
        "result": lookup.result,
        "as_of": as_of.isoformat(timespec="milliseconds"),
        "ttl": lookup.ttl,
        "changes": list(lookup.entry.changes),
    }


def _first(found: Sequence[Fault]) -> str:
    """Tell the first few faults, and how many more there are."""
    told = "; ".join(map(str, found[:MOST_FAULTS]))
    return told if len(found) <= MOST_FAULTS else f"{told}; and {len(found) - MOST_FAULTS} more"


def _unkept(error: PlacardError, connector: Connector) -> PlacardError:
    """Word an error that only this request has."""
    error.sentence = _sentence(connector, error)
    error.cache_status = f"Placard; fwd=miss; detail={error.code}"
    return error


def _sentence(connector: Connector, error: PlacardError) -> str:
    if "sentence" in vars(error):
        return error.sentence
    return SENTENCES.get(type(error), error.sentence).format(label=connector.label)
