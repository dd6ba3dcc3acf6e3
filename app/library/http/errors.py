"""What goes wrong on a dialect's addresses: in its envelope, with a line in the log."""

from collections.abc import Callable

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from app.errors import PlacardError, StoreUnavailable
from app.library.core.errors import (
    Broken,
    Malformed,
    Missing,
    Refusal,
    TooLarge,
    TooManyRequests,
    Unidentified,
    WrongMethod,
)
from app.telemetry.logs import add_log_fields, exception_fields


def init_errors(app: Flask, answer: Callable[[Refusal], Response]) -> None:
    """Answer every error of a dialect's application, foreseen or not, by its `answer`."""

    def handle(error: Exception) -> Response:
        cause = error.original_exception if isinstance(error, InternalServerError) else None
        refusal = refusal_of(cause or error)
        _log(cause or error, refusal)
        return with_headers(answer(refusal), refusal)

    app.register_error_handler(Exception, handle)


def _log(error: BaseException, refusal: Refusal) -> None:
    add_log_fields(outcome=refusal.code)
    match error:
        case PlacardError(code=code, detail=detail):
            add_log_fields(outcome=code, detail=detail)
        case Unidentified(reason=reason):
            add_log_fields(reason=reason)
        case Refusal() | HTTPException():
            pass
        case unforeseen:
            add_log_fields(**exception_fields(unforeseen))


def refusal_of(error: BaseException) -> Refusal:
    """Say of any exception what the caller of a dialect is told."""
    match error:
        case Refusal():
            return error
        case StoreUnavailable():
            return Broken("The library's database does not answer.")
        case MethodNotAllowed():
            return WrongMethod(tuple(sorted(error.valid_methods or ())))
        case HTTPException():
            return _of_the_framework(error)
    return Broken("Internal error.")


def _of_the_framework(error: HTTPException) -> Refusal:
    if error.code == 404:
        return Missing("There is nothing at this address.")
    if error.code == 413:
        return TooLarge("The body is too large.")
    return Malformed(error.name) if 400 <= (error.code or 500) < 500 else Broken(error.name)


def with_headers(response: Response, refusal: Refusal) -> Response:
    """Add the headers that HTTP wants beside a refusal."""
    if isinstance(refusal, WrongMethod) and refusal.allowed:
        response.headers["Allow"] = ", ".join(refusal.allowed)
    if isinstance(refusal, TooManyRequests):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
