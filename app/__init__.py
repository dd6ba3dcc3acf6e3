"""Placard: the app server behind a host platform's widgets. The factory wires the parts."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog
from flask import Flask

from app.cache import Cache, Keeper, Lives, MemoryKeeper, Places, RedisKeeper, redis_client
from app.config import FETCH_PLACES, Settings, settings_from_environment, unknown_settings
from app.connectors import Connector, all_connectors, coded_connectors, options
from app.credentials import (
    Credentials,
    HostCredential,
    header_pairs,
    read_credentials_file,
)
from app.errors import ConfigurationError, UpstreamFailed
from app.fetch import (
    AddressGuard,
    Bulkhead,
    Event,
    Exchange,
    Fetcher,
    GuardedAdapter,
    Manners,
    Own,
    SampleAdapter,
    bundled_samples,
)
from app.library.custom_widgets import CustomWidgets
from app.library.dashboard_widgets import DashboardWidgets
from app.library.dashboards import Dashboards
from app.library.saved_widgets import SavedWidgets
from app.library.store import Store
from app.library.tokens import Tokens
from app.logs import configure_logs
from app.metrics import Metrics
from app.setting_kinds import MEMORY
from app.upstream import UpstreamRequest, UpstreamResponse, host_of, origin_of
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
from app.web import EXTENSION, Library, Service, docs, health, preview, widget
from app.web.cors import Origins, init_cors
from app.web.description import describe
from app.web.errors import Application, init_errors
from app.web.library import azure, datadog_api, spaceone_api
from app.web.library.admission import init_admission
from app.web.library.limits import Limiter
from app.web.own import answering_itself
from app.web.plain import init_plain
from app.web.requests_log import init_requests_log
from app.widgets import Widgets

__all__ = ["DIALECTS", "build_fetcher", "build_widgets", "create_app"]

DIALECTS: Final = (datadog_api.DIALECT, spaceone_api.DIALECT, azure.DIALECT)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application, with the settings of the environment unless some are given.

    Raises ConfigurationError, naming the setting, rather than start in an unsafe state.
    """
    settings = settings or settings_from_environment(options())
    if faults := settings.faults_of_verification():
        raise ConfigurationError("\n".join(faults))
    configure_logs(local=settings.local)
    app = Application(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    parts = app.extensions[EXTENSION] = _service(
        settings, answering_itself(app, urlsplit(settings.public_url or "").path)
    )
    origins = Origins(settings.allowed_origins)
    init_requests_log(app)
    init_cors(app, origins)
    init_errors(app)
    app.register_blueprint(widget.blueprint)
    app.register_blueprint(health.blueprint)
    if parts.library is not None:
        init_admission(app, parts.library)
        for dialect in parts.library.dialects:
            app.register_blueprint(dialect.blueprint)
    if parts.description:
        app.register_blueprint(docs.blueprint)
    if settings.local:
        preview.init_preview(app, settings)
    init_plain(app, origins)
    _warn(settings)
    return app


def build_fetcher(
    settings: Settings,
    on_exchange: Callable[[Exchange], None] | None = None,
    metrics: Metrics | None = None,
    own: Own | None = None,
) -> Fetcher:
    """Make the HTTP client; offline, the bundled samples stand in for the network.

    `own` answers what is asked of this service's own address.
    """
    stand_ins = [urlsplit(origin) for origin in settings.upstreams.values()]
    allowed = [*settings.allow_private_hosts, *map(_host_port, stand_ins)]
    guard = AddressGuard(allowed)
    bulkhead = Bulkhead(settings.fetch_places or FETCH_PLACES, total=settings.fetch_total)
    # A connection is kept for each call to a host that may be under way.
    network = GuardedAdapter(guard, settings.ca_bundle, pool_size=bulkhead.places)
    return Fetcher(
        deadline=settings.fetch_deadline,
        guard=guard,
        manners=_manners(settings, bulkhead, metrics or Metrics()),
        upstreams=settings.upstreams,
        adapter=SampleAdapter(bundled_samples()) if settings.offline else network,
        on_exchange=on_exchange,
        own=own,
    )


def _manners(settings: Settings, bulkhead: Bulkhead, metrics: Metrics) -> Manners:
    def count(event: Event) -> None:
        metrics.upstream_events.labels(event).inc()

    return Manners(
        bulkhead=bulkhead,
        failures=settings.breaker_failures,
        rest=settings.breaker_rest,
        on_event=count,
    )


def build_widgets(
    settings: Settings,
    fetcher: Fetcher,
    metrics: Metrics,
    clock: Callable[[], float] = time.time,
) -> Widgets:
    """Make the story, with its connectors and its cache; `clock` is in epoch seconds."""
    lives = Lives(
        ttl=settings.cache_ttl,
        failure_ttl=settings.cache_failure_ttl,
        stale=settings.cache_stale,
        stale_if_error=settings.cache_stale_if_error,
    )
    cache = Cache(
        _keeper(settings, metrics, clock),
        lives,
        patience=settings.fetch_deadline + 0.2,
        places=Places(settings.fetch_places or FETCH_PLACES, settings.fetch_total),
        on_refresh=lambda result: metrics.cache_refreshes.labels(result).inc(),
        clock=clock,
    )
    known = all_connectors(settings)
    home = urlsplit(settings.public_url) if settings.library and settings.public_url else None
    return Widgets(known, fetcher, cache, _credentials(settings, known), metrics, home)


def _keeper(settings: Settings, metrics: Metrics, clock: Callable[[], float]) -> Keeper:
    if settings.cache_url == MEMORY:
        return MemoryKeeper(settings.cache_bytes, clock)
    return RedisKeeper(
        redis_client(settings.cache_url, settings.ca_bundle),
        on_failure=lambda kind: metrics.cache_failures.labels(kind).inc(),
    )


def _credentials(settings: Settings, known: Sequence[Connector]) -> Credentials:
    """List the file's credentials, then each connector's own; a definition has only the file's.

    What the file gives to no connector by name is for those that are code.
    """
    coded = coded_connectors(settings)
    names = frozenset(connector.name for connector in coded)
    file = settings.credentials_file
    given = read_credentials_file(Path(file)) if file else ()
    named = {name for credential in given for name in credential.connectors or ()}
    if strangers := sorted(named - {connector.name for connector in known}):
        raise ConfigurationError(f"PLACARD_CREDENTIALS_FILE: no connector is named {strangers[0]}")
    own = (
        replace(credential, connectors=frozenset({connector.name}))
        for connector in coded
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
        for host in settings.own_hosts:
            yield header_pairs(host, "PLACARD_LOCAL_TOKEN", headers)


def _service(settings: Settings, itself: Callable[[UpstreamRequest], UpstreamResponse]) -> Service:
    metrics = Metrics(shared=settings.metrics_folder is not None)
    own = next((Own(host, itself) for host in settings.own_hosts), None)
    fetcher = build_fetcher(settings, metrics=metrics, own=own)
    sources = _key_sources(settings, fetcher)
    library = _library(settings) if settings.library else None
    dialects = library.dialects if library else ()
    return Service(
        settings=settings,
        verifier=_verifier(settings, sources),
        key_sources=sources,
        widgets=build_widgets(settings, fetcher, metrics),
        metrics=metrics,
        library=library,
        description=describe(settings, dialects) if library or settings.local else {},
    )


def _library(settings: Settings) -> Library:
    store = Store(settings.database_url)
    store.prepare()
    return Library(
        store=store,
        tokens=Tokens(store, settings.signing_secrets),
        limiter=Limiter(
            settings.library_requests_per_minute, settings.cache_url, settings.ca_bundle
        ),
        dialects=DIALECTS,
        saved_widgets=SavedWidgets(store),
        custom_widgets=CustomWidgets(store),
        dashboards=Dashboards(store),
        dashboard_widgets=DashboardWidgets(store),
    )


def _verifier(settings: Settings, sources: tuple[KeySource, ...]) -> Verifier:
    if not settings.takes_tokens:
        return Verifier(settings.verify, secrets=settings.signature_secrets)
    rules = TokenRules(
        sources=sources,
        algorithms=allowed_algorithms(sources, settings.jwt_algorithms),
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        max_lifetime=settings.jwt_max_lifetime,
        require_qsh=settings.jwt_require_qsh,
    )
    return Verifier(settings.verify, rules, settings.signature_secrets)


def _key_sources(settings: Settings, fetcher: Fetcher) -> tuple[KeySource, ...]:
    """List the sources of keys, where tokens are taken at all."""
    if not settings.takes_tokens:
        return ()
    fixed = shared_secret_keys(settings.jwt_secrets)
    if settings.jwt_public_key:
        fixed.append(public_key(settings.jwt_public_key))
    sources: list[KeySource] = [FixedKeys(fixed)] if fixed else []
    if settings.jwt_jwks_url:
        sources.append(KeySet(partial(_key_set, fetcher, settings.jwt_jwks_url)))
    return tuple(sources)


def _key_set(fetcher: Fetcher, url: str) -> bytes:
    answer = fetcher.fetch(UpstreamRequest(url, hosts=frozenset({host_of(urlsplit(url))})))
    if answer.status != 200:
        raise UpstreamFailed(f"the key set's address answered {answer.status}")
    return answer.body


def _host_port(origin: SplitResult) -> str:
    """Name exactly the port of a stand-in, so that the guard lets no more than it through."""
    return urlsplit(origin_of(origin)).netloc


def _warn(settings: Settings) -> None:
    log = structlog.get_logger("placard")
    for name, meant in unknown_settings(settings).items():
        log.warning("unknown_setting", name=name, meant=meant)
    if settings.verify == "off":
        log.warning(
            "VERIFICATION IS OFF: anyone who reaches this service is answered",
            setting="PLACARD_VERIFY",
        )
