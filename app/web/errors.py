"""One handler for all errors: it writes the host's envelope, and the fields of the log."""

from typing import Any

import structlog
from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from app.errors import InternalError, MalformedRequest, NotAuthenticated, NotFound, PlacardError
from app.telemetry.logs import add_log_fields, exception_fields
from app.web import CACHE_STATUS, service
from app.web.pages import not_found_page, wants_page
from templates_schemas import envelope

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
        case PlacardError():
            return _placard(error)
        case InternalServerError(original_exception=BaseException() as cause):
            return _unforeseen(cause)
        case HTTPException():
            return _http(error)
    return _unforeseen(error)


def _unforeseen(error: BaseException) -> Response:
    add_log_fields(**exception_fields(error))
    return _placard(InternalError())


def log_error(error: PlacardError) -> None:
    """Add an error's reason to the request's log line, and count a refused proof."""
    add_log_fields(outcome=error.code)
    if error.detail:
        add_log_fields(detail=error.detail)
    if isinstance(error, NotAuthenticated):
        service().metrics.refusals.labels(error.code).inc()
        add_log_fields(reason=error.code)
        if error.would_match:
            add_log_fields(would_match=error.would_match)


def _placard(error: PlacardError) -> Response:
    log_error(error)
    answered = _enveloped(error.sentence, _status_of(error))
    if error.cache_status:
        answered.headers[CACHE_STATUS] = error.cache_status
    return answered


def _status_of(error: PlacardError) -> int:
    """Return the error's own status, or of a proof that does not hold what the setting says."""
    if isinstance(error, NotAuthenticated):
        return int(service().settings.false_proof_status)
    return error.status


def _http(error: HTTPException) -> Response:
    """Answer what the framework refuses: an unknown path, a wrong method, a broken request."""
    kind = _BY_STATUS.get(error.code)
    if kind is not None:
        answered = _placard(kind)
        return not_found_page() if error.code == 404 and wants_page() else answered
    add_log_fields(outcome=error.name.lower().replace(" ", "_"))
    answered = _enveloped(f"{error.name}.", error.code or 500)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answered.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answered


def _enveloped(sentence: str, status: int) -> Response:
    body = json.dumps(envelope(sentence, service().settings.error_envelope))
    return Response(body, status=status, mimetype="application/json")
