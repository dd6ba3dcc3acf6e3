"""Placard: the app server behind a host platform's widgets. The factory wires the parts."""

from collections.abc import Callable
from functools import lru_cache, partial
from urllib.parse import urlsplit

import structlog
from flask import Flask

from app.connectors import connector_settings
from app.devtools import preview
from app.library.http.admission import init_admission
from app.library.http.context import EXTENSION as LIBRARY
from app.library.wiring import build_library
from app.settings import Settings, check_settings, settings_from_environment
from app.settings.report import unknown_settings
from app.telemetry.logs import configure_logs
from app.telemetry.metrics import Metrics
from app.upstream import Loopback
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from app.web import EXTENSION, Service, docs, health, widget
from app.web.access_log import init_access_log
from app.web.cors import Origins, init_cors
from app.web.errors import Application, init_errors
from app.web.fast_path import init_fast_path
from app.web.loopback import answering_itself
from app.web.openapi import describe
from app.wiring import build_fetcher, build_key_sources, build_verifier, build_widgets

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application, with the settings of the environment unless some are given.

    Raises ConfigurationError, naming the setting, rather than start in an unsafe state.
    """
    settings = settings or settings_from_environment(connector_settings())
    check_settings(settings, serving=True)
    configure_logs(local=settings.local)
    app = Application(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    parts = app.extensions[EXTENSION] = _service(
        settings, answering_itself(app, urlsplit(settings.public_url or "").path)
    )
    origins = Origins(settings.allowed_origins)
    init_access_log(app)
    init_cors(app, origins)
    init_errors(app)
    app.register_blueprint(widget.blueprint)
    app.register_blueprint(health.blueprint)
    if parts.library is not None:
        app.extensions[LIBRARY] = parts.library
        init_admission(app, parts.library)
        for dialect in parts.library.dialects:
            app.register_blueprint(dialect.blueprint)
    if parts.description is not None:
        app.register_blueprint(docs.blueprint)
    if settings.local:
        preview.init_preview(app, settings)
    init_fast_path(app, origins)
    _warn(settings)
    return app


def _service(settings: Settings, itself: Callable[[UpstreamRequest], UpstreamResponse]) -> Service:
    metrics = Metrics(shared=settings.metrics_folder is not None)
    own = next((Loopback(host, itself) for host in settings.public_hosts), None)
    fetcher = build_fetcher(settings, metrics=metrics, own=own)
    sources = build_key_sources(settings, fetcher)
    library = build_library(settings) if settings.library else None
    dialects = library.dialects if library else ()
    described = library is not None or settings.local
    return Service(
        settings=settings,
        verifier=build_verifier(settings, sources),
        key_sources=sources,
        widgets=build_widgets(settings, fetcher, metrics),
        metrics=metrics,
        library=library,
        # Made when it is first asked for: no start waits for it.
        description=lru_cache(1)(partial(describe, settings, dialects)) if described else None,
    )


def _warn(settings: Settings) -> None:
    log = structlog.get_logger("placard")
    for name, meant in unknown_settings(settings).items():
        log.warning("unknown_setting", name=name, meant=meant)
    if settings.verify == "off":
        log.warning(
            "VERIFICATION IS OFF: anyone who reaches this service is answered",
            setting="PLACARD_VERIFY",
        )
