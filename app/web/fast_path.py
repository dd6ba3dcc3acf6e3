"""The fast path: a plain request for a card is answered before Flask's dispatch.

That dispatch takes longer than all else that a warm answer needs, and a third of what it takes to
refuse a call to an upstream that hangs. What asks for more (a 304, a hard reload) goes on to Flask.
"""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from flask import Flask
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import ClosingIterator

from app.telemetry import trace
from app.web import CACHE_STATUS, EXTENSION, Service
from app.web.access_log import begin, end
from app.web.cors import VARY, CorsPolicy
from app.web.errors import answer_to
from app.web.widget import (
    BYPASSED,
    CONTENT_TYPE,
    PATH,
    admitted,
    blueprint,
    signed_request,
    widget_headers,
)

Headers = tuple[tuple[str, str], ...]


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
        if not _is_plain(environ):
            return self._inner(environ, start_response)
        status, body, own_headers = _card_or_error(parts, environ)
        headers = [
            ("Content-Type", CONTENT_TYPE),
            ("Content-Length", str(len(body))),
            *own_headers,
            *visit.headers,
            ("Vary", VARY),
            *self._origins.headers_for(environ.get("HTTP_ORIGIN")),
        ]
        end(visit, parts.metrics, blueprint.name, {"method": "GET", "path": PATH, "status": status})
        start_response(f"{status} {HTTP_STATUS_CODES[status].upper()}", headers)
        return [body]


def _card_or_error(parts: Service, environ: dict[str, Any]) -> tuple[int, bytes, Headers]:
    """Return the status, the body and the own headers of the card's answer, or of an error's."""
    try:
        address, viewer = admitted(signed_request(environ), parts)
        widget = parts.widgets.fresh(address, viewer) or parts.widgets.widget_for(address, viewer)
    except Exception as raised:  # noqa: BLE001 - as of Flask's handler, nothing is left over
        error, status, body = answer_to(raised, parts)
        return status, body.encode(), ((CACHE_STATUS, error.cache_status or BYPASSED),)
    return 200, widget.body, widget_headers(widget)


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
