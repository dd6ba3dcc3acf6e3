"""The fast path: a plain request that ends in a card is answered before Flask's dispatch.

That dispatch takes longer than all else that a warm answer needs, and a fifth of what a cold one
does. A request is resolved once: what this path does not answer (an error, a 304, a hard reload)
goes on to Flask with what came of it.
"""

from collections.abc import Iterable
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from flask import Flask
from werkzeug.wsgi import ClosingIterator

from app.telemetry import trace
from app.web import EXTENSION, Service
from app.web.access_log import begin, end
from app.web.cors import VARY, CorsPolicy
from app.web.widget import (
    CONTENT_TYPE,
    PATH,
    RESOLVED,
    blueprint,
    resolve,
    signed_request,
    widget_headers,
)
from app.widgets import Widget

_FACTS: Final = {"method": "GET", "path": PATH, "status": 200}


class FastPath:
    """A WSGI application before another one: begins the access record, and answers what it can."""

    def __init__(self, app: Flask, origins: CorsPolicy) -> None:
        self._inner: WSGIApplication = app.wsgi_app
        self._extensions = app.extensions
        self._origins = origins

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or pass it on to Flask."""
        parts: Service = self._extensions[EXTENSION]
        in_flight = parts.metrics.in_flight
        in_flight.enter()
        try:
            body = self._answer(parts, environ, start_response)
        except BaseException:
            in_flight.leave()
            raise
        if isinstance(body, list):
            in_flight.leave()
            return body
        # A body that is made while it is sent keeps its thread until it is closed.
        return ClosingIterator(body, in_flight.leave)

    def _answer(
        self, parts: Service, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        visit = begin(environ, parts.settings.trusted_proxies)
        widget = _card(parts, environ) if _is_plain(environ) else None
        if widget is None:
            return self._inner(environ, start_response)
        headers = [
            ("Content-Type", CONTENT_TYPE),
            ("Content-Length", str(len(widget.body))),
            *widget_headers(widget),
            *visit.headers,
            ("Vary", VARY),
            *self._origins.headers_for(environ.get("HTTP_ORIGIN")),
        ]
        end(visit, parts.metrics, blueprint.name, _FACTS)
        start_response("200 OK", headers)
        return [widget.body]


def _card(parts: Service, environ: dict[str, Any]) -> Widget | None:
    """Return the requested card, or None and leave the error for the view."""
    try:
        found = environ[RESOLVED] = resolve(signed_request(environ), parts)
        resolved, viewer = found
        return parts.widgets.fresh(resolved) or parts.widgets.answer(resolved, viewer)
    except Exception as error:  # noqa: BLE001 - the view raises it where handlers are
        environ[RESOLVED] = error
        return None


def init_fast_path(app: Flask, origins: CorsPolicy) -> None:
    """Wrap an application, as Flask's documentation describes it."""
    app.wsgi_app = FastPath(app, origins)  # type: ignore[method-assign]


def _is_plain(environ: dict[str, Any]) -> bool:
    """Tell whether the fast path may answer; a request that records a trace takes every step."""
    return (
        environ.get("PATH_INFO") == PATH
        and environ["REQUEST_METHOD"] == "GET"
        # These ask for more than the card as it is kept: a 304, or a fresh one in the local mode.
        and "HTTP_IF_NONE_MATCH" not in environ
        and "HTTP_CACHE_CONTROL" not in environ
        and not trace.wants_all()
    )
