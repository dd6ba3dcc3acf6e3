"""The factory: it makes the application of its parts."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask

from app.cache.wiring import build_backend
from app.connectors import service_settings
from app.errors import ConfigurationError
from app.library.surface import LibrarySurface
from app.lookup.lookup import TYPEAHEAD_SECONDS
from app.openapi.description import describe
from app.settings import MEMORY, Settings, check_settings
from app.settings.report import unknown_settings, unused_secrets
from app.telemetry.logs import configure_logs
from app.telemetry.metrics import Metrics
from app.telemetry.processes import tell_of_this_process
from app.upstream.client import Loopback
from app.upstream.wiring import build_fetcher
from app.verification import KeySet, KeySource
from app.verification.wiring import build_key_sources, build_verifier
from app.web import EXTENSION, Health, Service, attach, docs, health, typeahead, widget
from app.web.access_log import init_access_log
from app.web.cors import CorsPolicy, init_cors
from app.web.errors import Application, init_errors
from app.web.fast_path import init_fast_path
from app.web.host_operations import health_section, host_section
from app.web.paths import init_paths
from app.wiring import build_lookup, build_people, build_widgets, unreachable_systems

if TYPE_CHECKING:
    # It needs the database.
    from app.access.wiring import PeopleParts

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application, with the settings of the environment unless some are given.

    Raises ConfigurationError, naming the setting, rather than start in an unsafe state.
    """
    settings = settings or service_settings()
    check_settings(settings, serving=True)
    configure_logs(local=settings.local, level=settings.log_level)
    metrics = Metrics(shared=settings.metrics_folder is not None)
    make_application = partial(_application, metrics)
    app = make_application(__package__)
    library = _library(app, settings, make_application)
    settings, loopback = _local_people(app, settings, library.loopback)
    parts = app.extensions[EXTENSION] = _service(settings, metrics, library, loopback)
    origins = CorsPolicy(settings.allowed_origins)
    init_cors(app, origins)
    init_errors(app)
    init_paths(app)
    _init_pages(app, settings, parts)
    init_fast_path(app, origins)
    _init_traces(app, settings)
    _warn(settings, parts)
    return app


def _init_pages(app: Flask, settings: Settings, parts: Service) -> None:
    for module in (widget, attach, typeahead, health):
        app.register_blueprint(module.blueprint)
    if parts.description is not None:
        app.register_blueprint(docs.blueprint)
    if settings.local:
        # Only here: no service in production loads it.
        from app.devtools import preview  # noqa: PLC0415

        preview.init_preview(app, settings)
    if parts.people is not None:
        from app.web import sign_in  # noqa: PLC0415 - only where the database is loaded anyway

        app.register_blueprint(sign_in.blueprint)
    if parts.people is not None and settings.local:
        from app.devtools.local_sign_in import connect_first_person  # noqa: PLC0415 - as above

        connect_first_person(app, parts.people)


def _application(metrics: Metrics, name: str) -> Flask:
    app = Application(name, static_folder=None, template_folder="web/templates")
    app.url_map.merge_slashes = False
    init_access_log(app, metrics)
    return app


def _library(
    app: Flask, settings: Settings, make_application: Callable[[str], Flask]
) -> LibrarySurface:
    if not settings.library:
        return LibrarySurface()
    # Only here: without the library, neither SQLAlchemy nor Alembic is loaded.
    from app.library.wiring import mount_library  # noqa: PLC0415

    return mount_library(app, settings, make_application)


def _local_people(
    app: Flask, settings: Settings, loopback: Loopback | None
) -> tuple[Settings, Loopback | None]:
    if not (settings.local and settings.has_sign_in):
        return settings, loopback
    # Only here: no service in production loads it.
    from app.devtools.local_sign_in import init_local_provider  # noqa: PLC0415

    return init_local_provider(app, settings, loopback)


def _service(
    settings: Settings, metrics: Metrics, library: LibrarySurface, loopback: Loopback | None
) -> Service:
    fetcher = build_fetcher(settings, metrics=metrics, loopback=loopback)
    searching = build_fetcher(
        settings, metrics=metrics, loopback=loopback, deadline=TYPEAHEAD_SECONDS
    )
    backend = build_backend(settings, metrics)
    people = build_people(settings, fetcher, backend)
    widgets = build_widgets(settings, fetcher, metrics, people=people, backend=backend)
    sources = build_key_sources(settings, fetcher)
    verifier = build_verifier(settings, sources)
    if people is not None:
        verified = [verifier.tokens.verified.forget] if verifier.tokens else []
        people.forget_with_others(backend.drop_memory, widgets.resolver.forget, *verified)
    _init_gauges(metrics, settings, library, sources)
    return Service(
        settings=settings,
        verifier=verifier,
        widgets=widgets,
        lookup=build_lookup(settings, widgets, searching, metrics, backend),
        metrics=metrics,
        health=Health(
            keys=tuple(source.fault for source in sources),
            cache=widgets.cache_fault,
            library=health.BoundedCheck(library.fault) if settings.library else None,
            sign_in=health.BoundedCheck(people.store.fault) if people else None,
        ),
        description=_description(settings, library),
        people=people,
    )


def _description(
    settings: Settings, library: LibrarySurface
) -> Callable[[], Mapping[str, Any]] | None:
    if not (settings.docs or settings.local):
        return None
    sections = (host_section(settings), *library.sections, health_section(settings))
    # Made when it is first asked for: no start waits for it.
    return lru_cache(1)(partial(describe, sections, settings.public_url or "/"))


def _init_gauges(
    metrics: Metrics, settings: Settings, library: LibrarySurface, sources: tuple[KeySource, ...]
) -> None:
    """Publish the gauges of the process, its threads, its key sets and its database."""
    tell_of_this_process(metrics)
    if settings.threads:
        metrics.threads("requests", lambda: metrics.in_flight.now, settings.threads)
    if any(isinstance(source, KeySet) for source in sources):
        meaning = "How long ago the key set was fetched; +Inf: never."
        metrics.gauge(
            "placard_key_set_age_seconds",
            meaning,
            lambda: max(source.age for source in sources if isinstance(source, KeySet)),
            "livemax",
        )
    if library.connections is not None:
        used, most = "Connections to the library's database in use.", library.most_connections
        metrics.gauge("placard_database_connections", used, library.connections)
        limit = "How many connections to the library's database there may be."
        metrics.gauge("placard_database_connections_limit", limit, lambda: most)


def _init_traces(app: Flask, settings: Settings) -> None:
    """Make spans of requests, where a setting asks for that."""
    if not settings.traces:
        return
    try:
        from app.telemetry import spans  # noqa: PLC0415 - what it stands on is an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"PLACARD_TRACES: {error.name} is not installed: run `pip install '.[otel]'` in a "
            "checkout of Placard"
        ) from None
    app.wsgi_app = spans.Spans(app.wsgi_app, spans.make_provider())  # type: ignore[method-assign]


def _warn(settings: Settings, parts: Service) -> None:
    log = structlog.get_logger("placard")
    for name, meant in unknown_settings(settings).items():
        log.warning("unknown_setting", name=name, meant=meant)
    if settings.verify == "off":
        log.warning(
            "VERIFICATION IS OFF: anyone who reaches this service is answered",
            setting="PLACARD_VERIFY",
        )
    if not settings.local:
        for name, why in unused_secrets(settings).items():
            log.warning("unused_setting", name=name, why=why)
    if not (settings.local or settings.access or settings.allowed_workspaces):
        _warn_of_sharing(parts)
    if parts.people is not None and not settings.local:
        _warn_of_strangers(settings, parts.people)
    if (settings.database_url or "").startswith("postgresql") and settings.cache_url == MEMORY:
        log.info(
            "The limits of tokens are counted on this machine: where several share the database, "
            "Redis counts for all of them",
            setting="PLACARD_CACHE_URL",
        )


def _warn_of_strangers(settings: Settings, people: "PeopleParts") -> None:
    if found := unreachable_systems(settings, people):
        structlog.get_logger("placard").warning(
            "Nobody can sign in to some systems whose access mode wants people's own accounts: "
            "their pages are shown as anybody may see them",
            systems=found,
            setting="PLACARD_ACCESS",
        )


def _warn_of_sharing(parts: Service) -> None:
    if parts.widgets.resolver.access.shares_credentials:
        structlog.get_logger("placard").warning(
            "Everybody who can put a link on a task, in any workspace, sees what this service's "
            "credentials may see; PLACARD_ACCESS=shared says that this is meant",
            setting="PLACARD_ACCESS",
        )
