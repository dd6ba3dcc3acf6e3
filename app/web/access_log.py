"""Each request has an id, is counted by its outcome, and leaves one structured log line."""

import logging
import os
import re
import time
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from flask import Flask, Response, request

from app.settings import TrustedProxies
from app.telemetry.logs import add_log_fields, bind_request, log_fields
from app.telemetry.metrics import Metrics
from app.telemetry.trace import TRACE_ID

REQUEST_ID: Final = "X-Request-Id"
# Where the visit is in the request's environment.
VISIT: Final = "placard.visit"
# The blueprint that machines ask every few seconds: nobody reads lines of that.
PROBES: Final = "health"
_OF_ALL: Final = (("Cache-Control", "private, no-cache"), ("X-Content-Type-Options", "nosniff"))
_FIT_FOR_AN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_log = structlog.get_logger("placard")


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One request, from its arrival on; `began` is of the performance counter, in seconds."""

    request_id: str
    began: float

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that its answer has, unless a view knows better."""
        return ((REQUEST_ID, self.request_id), *_OF_ALL)


def begin(environ: dict[str, Any], proxies: TrustedProxies | None = None) -> AccessRecord:
    """Begin a visit, and the facts that its log lines will tell.

    The client's address is among them only where a setting names the proxies before the service.
    """
    given = environ.get("HTTP_X_REQUEST_ID")
    request_id = given if given and _FIT_FOR_AN_ID.fullmatch(given) else os.urandom(16).hex()
    visit = environ[VISIT] = AccessRecord(request_id, time.perf_counter())
    bind_request(request_id=request_id)
    if TRACE_ID in environ:
        add_log_fields(trace_id=environ[TRACE_ID])
    if proxies is not None:
        peer = environ.get("REMOTE_ADDR", "")
        add_log_fields(client=proxies.client(peer, environ.get("HTTP_X_FORWARDED_FOR", "")))
    return visit


def end(visit: AccessRecord, metrics: Metrics, route: str, facts: dict[str, Any]) -> None:
    """Count a visit and log it; `facts` are its method, path and status.

    Never the query or a header: they hold the proof.
    """
    status = facts["status"]
    outcome = log_fields().get("outcome", "ok" if status < 400 else "error")
    seconds = time.perf_counter() - visit.began
    metrics.note_request(route, outcome, seconds)
    milliseconds = round(seconds * 1000, 2)
    add_log_fields(outcome=outcome)
    _log.log(_level(route, status), "request", **facts, milliseconds=milliseconds)


def init_access_log(app: Flask, metrics: Metrics) -> None:
    """Log and count all requests that the application answers itself."""

    def end_request(response: Response) -> Response:
        visit = cast(AccessRecord, request.environ[VISIT])
        for name, value in visit.headers:
            response.headers.setdefault(name, value)
        facts = {"method": request.method, "path": request.path, "status": response.status_code}
        end(visit, metrics, request.blueprint or "none", facts)
        return response

    app.after_request(end_request)


def _level(route: str, status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if route == PROBES else logging.INFO
