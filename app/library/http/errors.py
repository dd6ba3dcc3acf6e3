"""Answers the errors of a dialect in its envelope, and logs them."""

from collections.abc import Callable, Mapping
from typing import Final

from flask import Flask, Response
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    MethodNotAllowed as UnknownMethod,
)

from app.errors import (
    BodyTimeout,
    InternalError,
    InvalidInput,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    PayloadTooLarge,
    PlacardError,
    StoreFull,
    StoreUnavailable,
    TooManyRequests,
)
from app.telemetry.logs import add_log_fields, exception_fields

UNFORESEEN: Final = "Internal error."
# The words that the log and the metrics have for what the library refuses.
OUTCOMES: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "unidentified",
    403: "not_allowed",
    404: "missing",
    405: "wrong_method",
    408: "body_timeout",
    409: "conflict",
    413: "too_large",
    429: "too_many_requests",
    500: "broken",
    503: StoreUnavailable.code,
    507: StoreFull.code,
}


def init_errors(app: Flask, error_response: Callable[[PlacardError], Response]) -> None:
    """Answer every error of a dialect's application, foreseen or not, in the dialect's envelope."""

    def handle(error: Exception) -> Response:
        cause = error.original_exception if isinstance(error, InternalServerError) else None
        refusal = refusal_of(cause or error)
        _log(cause or error, refusal)
        response = error_response(refusal)
        response.headers.update(_headers(refusal))
        return response

    app.register_error_handler(Exception, handle)


def refusal_of(error: BaseException) -> PlacardError:
    """Return the error that a client is answered for any exception."""
    match error:
        case InternalError():
            return InternalError(sentence=UNFORESEEN)
        case PlacardError():
            return error
        case UnknownMethod():
            return MethodNotAllowed(tuple(sorted(error.valid_methods or ())))
        case HTTPException():
            return _of_the_framework(error)
    return InternalError(sentence=UNFORESEEN)


def _of_the_framework(error: HTTPException) -> PlacardError:
    status = error.code or 500
    if status == 404:
        return NotFound(sentence="There is nothing at this address.")
    if status == 413:
        return PayloadTooLarge(sentence="The body is too large.")
    return InvalidInput(error.name) if status < 500 else InternalError(sentence=error.name)


def _log(error: BaseException, refusal: PlacardError) -> None:
    add_log_fields(outcome=OUTCOMES[refusal.status])
    match error:
        case InternalError(code=code, detail=detail) | StoreUnavailable(code=code, detail=detail):
            add_log_fields(outcome=code, detail=detail)
        case NotAuthenticated(code=reason):
            add_log_fields(reason=reason)
        case PlacardError() | HTTPException():
            pass
        case unforeseen:
            add_log_fields(**exception_fields(unforeseen))


def _headers(refusal: PlacardError) -> Mapping[str, str]:
    """Return the headers that HTTP wants beside a refusal."""
    if isinstance(refusal, MethodNotAllowed) and refusal.allowed:
        return {"Allow": ", ".join(refusal.allowed)}
    if isinstance(refusal, BodyTimeout):
        return {"Connection": "close"}  # what is left of the body may still be on its way
    if isinstance(refusal, TooManyRequests | StoreUnavailable):
        return {"Retry-After": str(refusal.retry_after)}
    return {}
