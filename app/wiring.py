"""Make the parts of what the settings say: the HTTP client, the cards, the verifier."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from app.access import (
    Access,
    AccessModes,
    ColdFetchBudget,
    Providers,
    providers_of,
    why_nobody,
)
from app.cache import (
    REFRESH_THREADS,
    Cache,
    CacheBackend,
    CachePolicy,
    EntrySigner,
    MemoryBackend,
)
from app.connectors import (
    Connector,
    ConnectorRegistry,
    EditedRegistry,
    all_connectors,
    catalogue,
)
from app.errors import ConfigurationError, UpstreamFailed
from app.lookup.kept import KeptLists
from app.lookup.lookup import TYPEAHEAD_SECONDS, Lookup
from app.lookup.samples import SampleSearch
from app.lookup.search import Searches
from app.origins import host_of, origin_of
from app.settings import FETCH_PLACES, MEMORY, Settings
from app.telemetry.metrics import Metrics
from app.upstream import (
    AddressGuard,
    Bulkhead,
    ConcurrencyLimit,
    Event,
    Exchange,
    Fetcher,
    GuardedAdapter,
    Loopback,
    Recordings,
    SampleAdapter,
    StandIns,
    UpstreamPolicy,
    bundled_samples,
)
from app.upstream.credentials import (
    Credentials,
    CredentialsFile,
    HostCredential,
    header_pairs,
    read_credentials_file,
)
from app.upstream.messages import UpstreamRequest
from app.verification import (
    FixedKeys,
    KeySet,
    KeySource,
    TokenRules,
    Verifier,
    allowed_algorithms,
    public_key,
    shared_secret_keys,
)
from app.widgets import Widgets

if TYPE_CHECKING:
    # It needs the database.
    from app.access.wiring import PeopleParts


def build_fetcher(
    settings: Settings,
    on_exchange: Callable[[Exchange], None] | None = None,
    metrics: Metrics | None = None,
    loopback: Loopback | None = None,
    adapter: SampleAdapter | None = None,
    *,
    for_searches: bool = False,
) -> Fetcher:
    """Make the HTTP client; offline, samples and recordings stand in for the network.

    One that is `for_searches` has only the time that typeahead has.

    An `adapter` stands in for both. `loopback` answers what is asked of this service's own address.
    """
    stand_ins = [urlsplit(origin) for origin in settings.upstreams.values()]
    allowed = [*settings.allow_private_hosts, *map(_host_port, stand_ins)]
    guard = AddressGuard(allowed)
    limit = _concurrency_limit(settings)
    # A connection is kept for each call to a host that may be under way.
    network = GuardedAdapter(guard, settings.ca_bundle, pool_size=limit.per_origin)
    return Fetcher(
        deadline=TYPEAHEAD_SECONDS if for_searches else settings.fetch_deadline,
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


def build_widgets(
    settings: Settings,
    fetcher: Fetcher,
    metrics: Metrics,
    clock: Callable[[], float] = time.time,
    people: "PeopleParts | None" = None,
) -> Widgets:
    """Make the story, with its connectors and its cache; `clock` is in epoch seconds.

    Without `people`, nobody is known: a mode that wants a person's credential shows nothing.
    """
    backend = build_backend(settings, metrics, clock)
    return _story(settings, fetcher, metrics, backend, clock, people).widgets


def build_lookup(
    settings: Settings,
    fetcher: Fetcher,
    search_fetcher: Fetcher,
    metrics: Metrics,
    backend: CacheBackend,
    people: "PeopleParts | None" = None,
) -> tuple[Widgets, Lookup]:
    """Make the story, and what finds resources for it, over one cache.

    Searches have a client of their own: their failures and limits are not those of cards.
    """
    story = _story(settings, fetcher, metrics, backend, time.time, people)
    kept = KeptLists(backend)
    budget = ColdFetchBudget(settings.cold_fetches_per_minute)
    searches = Searches(story.registry, story.access, search_fetcher, budget, kept, metrics)
    deadline = settings.fetch_deadline
    samples = SampleSearch(story.widgets, bundled_samples()) if settings.offline else None
    lookup = Lookup(story.widgets, story.registry, searches, kept, metrics, deadline, samples)
    return story.widgets, lookup


@dataclass(frozen=True, slots=True)
class _Story:
    """The story, and the parts that it shares with lookup."""

    widgets: Widgets
    registry: ConnectorRegistry
    access: Access


def _story(
    settings: Settings,
    fetcher: Fetcher,
    metrics: Metrics,
    backend: CacheBackend,
    clock: Callable[[], float],
    people: "PeopleParts | None",
) -> _Story:
    known = all_connectors(settings)
    policy = CachePolicy(
        ttl=settings.cache_ttl,
        failure_ttl=settings.cache_failure_ttl,
        stale=settings.cache_stale,
        stale_if_error=settings.cache_stale_if_error,
        longest_ttl=max((connector.ttl or 0.0 for connector in known), default=0.0),
    )
    cache = Cache(
        backend,
        policy,
        patience=settings.fetch_deadline + 0.2,
        limit=_concurrency_limit(settings),
        on_refresh=lambda result: metrics.cache_refreshes.labels(result).inc(),
        clock=clock,
    )
    _tell_of_refreshes(cache, metrics)
    home = urlsplit(settings.public_url) if settings.library and settings.public_url else None
    if settings.local:
        # Who writes a definition sees each change at once.
        registry: ConnectorRegistry = EditedRegistry(settings, known, home)
    else:
        registry = ConnectorRegistry(known, home)
    access = _access(settings, known, people)
    budget = ColdFetchBudget(settings.cold_fetches_per_minute)
    widgets = Widgets(registry, fetcher, cache, access, budget, metrics)
    return _Story(widgets, registry, access)


def _access(settings: Settings, known: Sequence[Connector], people: "PeopleParts | None") -> Access:
    names = {connector.name for connector in (*known, *catalogue())}
    credentials = _credentials(settings, known, _credentials_file(settings).credentials)
    providers, kept = (people.providers, people.known) if people else (Providers(), None)
    return Access(AccessModes(settings, names), credentials, providers, kept)


def build_people(
    settings: Settings, fetcher: Fetcher, backend: CacheBackend
) -> "PeopleParts | None":
    """Make what is kept of people, where they can sign in."""
    if not settings.has_sign_in:
        return None
    # Only here: where nobody can sign in, and without the library, no database is loaded.
    from app.access import wiring  # noqa: PLC0415

    known = all_connectors(settings)
    providers = providers_of(settings, _credentials_file(settings).clients, known)
    on_removed = KeptLists(backend).forget_account
    return wiring.build_people(settings, providers, fetcher, on_removed)


def unreachable_systems(settings: Settings, people: "PeopleParts") -> dict[str, str]:
    """Tell where the access mode wants people's own accounts and nobody can sign in, and why."""
    known = all_connectors(settings)
    modes = AccessModes(settings, {connector.name for connector in (*known, *catalogue())})
    wanting = [connector for connector in known if modes.of(connector.name) != "shared"]
    reached = {each.label for each in wanting if people.providers.reach(each)}
    return {each.label: why_nobody(each) for each in wanting if each.label not in reached}


def shares_credentials(settings: Settings) -> bool:
    """Tell whether some credential shows what it may see to everybody."""
    known = all_connectors(settings)
    given = _credentials(settings, known, _credentials_file(settings).credentials)
    return not given.are_empty


def _credentials_file(settings: Settings) -> CredentialsFile:
    file = settings.credentials_file
    return read_credentials_file(Path(file)) if file else CredentialsFile()


def _tell_of_refreshes(cache: Cache, metrics: Metrics) -> None:
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


def _concurrency_limit(settings: Settings) -> ConcurrencyLimit:
    """Bound the calls, and the threads that make or wait for cache entries, each by itself."""
    return ConcurrencyLimit(settings.fetch_places or FETCH_PLACES, settings.fetch_total)


def build_backend(
    settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.time
) -> CacheBackend:
    """Make what keeps the entries of the cache: this process's memory, or Redis."""
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


def _credentials(
    settings: Settings, known: Sequence[Connector], given: Sequence[HostCredential]
) -> Credentials:
    """List the file's credentials, then each connector's own.

    What the file gives to no connector by name is for those that are trusted with it.
    """
    trusted = [connector for connector in known if connector.is_trusted]
    names = frozenset(connector.name for connector in trusted)
    named = {name for credential in given for name in credential.connectors or ()}
    if strangers := sorted(named - {connector.name for connector in known}):
        raise ConfigurationError(f"PLACARD_CREDENTIALS_FILE: no connector is named {strangers[0]}")
    own = (
        replace(credential, connectors=frozenset({connector.name}))
        for connector in trusted
        for credential in connector.credentials
    )
    return Credentials(
        [
            *(replace(known, connectors=known.connectors or names) for known in given),
            *own,
            *_local_credentials(settings),
        ]
    )


def _local_credentials(settings: Settings) -> Iterator[HostCredential]:
    """Let the local mode show what is saved in its own library, by the token that it printed."""
    if settings.local and settings.local_token:
        token = settings.local_token
        headers = {"Authorization": f"Bearer {token}", "DD-APPLICATION-KEY": token}
        for host in settings.public_hosts:
            yield header_pairs(host, "PLACARD_LOCAL_TOKEN", headers)


def build_verifier(settings: Settings, sources: tuple[KeySource, ...]) -> Verifier:
    """Make what verifies a request, by the kinds of proof that the settings allow."""
    public_host = urlsplit(settings.public_url or "").hostname or ""
    others = {
        "PLACARD_JWT_SECRETS": settings.jwt_secrets,
        "PLACARD_TOKEN_SECRETS": settings.token_secrets,
    }
    if not settings.takes_tokens:
        return Verifier(settings.verify, None, settings.signature_secrets, public_host, others)
    rules = TokenRules(
        sources=sources,
        algorithms=allowed_algorithms(sources, settings.jwt_algorithms),
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        max_lifetime=settings.jwt_max_lifetime,
        require_qsh=settings.jwt_require_qsh,
    )
    return Verifier(settings.verify, rules, settings.signature_secrets, other_secrets=others)


def build_key_sources(settings: Settings, fetcher: Fetcher) -> tuple[KeySource, ...]:
    """List the sources of keys, where tokens are taken at all."""
    if not settings.takes_tokens:
        return ()
    fixed = shared_secret_keys(settings.jwt_secrets)
    if settings.jwt_public_key:
        fixed.append(public_key(settings.jwt_public_key))
    sources: list[KeySource] = [FixedKeys(fixed)] if fixed else []
    if settings.jwt_jwks_url:
        sources.append(
            KeySet(
                partial(_key_set, fetcher, settings.jwt_jwks_url),
                patience=settings.fetch_deadline,
                most_waiting=settings.fetch_places or FETCH_PLACES,
            )
        )
    return tuple(sources)


def _key_set(fetcher: Fetcher, url: str) -> bytes:
    answer = fetcher.fetch(UpstreamRequest(url, hosts=frozenset({host_of(urlsplit(url))})))
    if answer.status != 200:
        raise UpstreamFailed(f"the key set's address answered {answer.status}")
    return answer.body


def _host_port(origin: SplitResult) -> str:
    """Name exactly the port of a stand-in, so that the guard lets no more than it through."""
    return urlsplit(origin_of(origin)).netloc
