"""One handler for all errors: it writes the host's envelope, and the fields of the log."""

import json
from typing import Any, Final

import structlog
from flask import Flask, Response, got_request_exception
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from app.errors import InternalError, MalformedRequest, NotAuthenticated, NotFound, PlacardError
from app.settings import Settings
from app.telemetry.logs import add_log_fields, exception_fields
from app.web import CACHE_STATUS, Service, service
from app.web.pages import not_found_page, wants_page
from templates_schemas import envelope

MEDIA_TYPE: Final = "application/json"
_BY_STATUS: dict[int | None, PlacardError] = {400: MalformedRequest(), 404: NotFound()}


class Application(Flask):
    """Flask, except for the log line of an exception that no handler expects."""

    def log_exception(self, exc_info: Any) -> None:
        """Log a structured line, without the exception's text."""
        structlog.get_logger("placard").error("exception", **exception_fields(exc_info[1]))


def init_errors(app: Flask) -> None:
    """Answer every error of the application with the envelope."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """Return the answer for any exception; log and count its reason."""
    match error:
        case InternalServerError(original_exception=BaseException() as cause):
            return _answered(cause)
        case HTTPException():
            return _http(error)
    return _answered(error)


def answer_to(error: BaseException, parts: Service) -> tuple[PlacardError, int, str]:
    """Return what an error is to the host, its status and its body; log and count its reason."""
    if not isinstance(error, PlacardError):
        add_log_fields(**exception_fields(error))
        got_request_exception.send(parts, exception=error)
        error = InternalError()
    log_error(error, parts)
    return error, _status_of(error, parts.settings), _body(error.sentence, parts.settings)


def log_error(error: PlacardError, parts: Service) -> None:
    """Add an error's reason to the request's log line, and count a refused proof."""
    add_log_fields(outcome=error.code)
    if error.detail:
        add_log_fields(detail=error.detail)
    if isinstance(error, NotAuthenticated):
        parts.metrics.refusals.labels(error.code).inc()
        add_log_fields(reason=error.code)
        if error.would_match:
            add_log_fields(would_match=error.would_match)


def _answered(error: BaseException) -> Response:
    known, status, body = answer_to(error, service())
    answered = Response(body, status=status, mimetype=MEDIA_TYPE)
    if known.cache_status:
        answered.headers[CACHE_STATUS] = known.cache_status
    return answered


def _status_of(error: PlacardError, settings: Settings) -> int:
    """Return the error's own status, or of a proof that does not hold what the setting says."""
    if isinstance(error, NotAuthenticated):
        return int(settings.false_proof_status)
    return error.status


def _http(error: HTTPException) -> Response:
    """Answer what the framework refuses: an unknown path, a wrong method, a broken request."""
    kind = _BY_STATUS.get(error.code)
    if kind is not None:
        answered = _answered(kind)
        return not_found_page() if error.code == 404 and wants_page() else answered
    add_log_fields(outcome=error.name.lower().replace(" ", "_"))
    body = _body(f"{error.name}.", service().settings)
    answered = Response(body, status=error.code or 500, mimetype=MEDIA_TYPE)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answered.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answered


def _body(sentence: str, settings: Settings) -> str:
    return json.dumps(envelope(sentence, settings.error_envelope), sort_keys=True)
