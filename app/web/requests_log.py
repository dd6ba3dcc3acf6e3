"""Each request has an id, is counted by its outcome, and leaves one structured log line."""

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from app.web import service

REQUEST_ID = "X-Request-Id"
_FIT_FOR_AN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_log = structlog.get_logger("placard")


def init_requests_log(app: Flask) -> None:
    """Log and count all requests of the application."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if _FIT_FOR_AN_ID.fullmatch(given) else uuid.uuid4().hex
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    response.headers.setdefault("Cache-Control", "private, no-cache")
    outcome = get_contextvars().get("outcome", "ok" if response.status_code < 400 else "error")
    service().metrics.requests.labels(request.blueprint or "none", outcome).inc()
    # Never the query or a header: they hold the proof.
    facts = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "outcome": outcome,
        "milliseconds": round((time.perf_counter() - g.began) * 1000, 2),
    }
    _log.log(_level(response.status_code), "request", **facts)
    return response


def _level(status: int) -> int:
    return 40 if status >= 500 else 20
