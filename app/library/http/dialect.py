"""What a dialect of the library is, and how each answers what goes wrong on its addresses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from re import Pattern
from typing import Any

from flask import Blueprint, Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.errors import StoreUnavailable
from app.library.core.columns import written_json
from app.library.core.errors import (
    Broken,
    Malformed,
    Missing,
    Refusal,
    TooLarge,
    TooManyRequests,
    WrongMethod,
)
from app.library.http.operation import Operation


@dataclass(frozen=True, slots=True)
class Dialect:
    """One system's way to speak to the library.

    `paths` matches the beginning of every address that is the dialect's, known or not. On these,
    nobody gets further without the token that `credential` finds, and all that goes wrong is what
    `answer` makes of it: its envelope, and its status where it is not HTTP's own. `operations`
    tells of them all, under a `title`; `security` names where the token may stand.
    """

    blueprint: Blueprint
    paths: Pattern[str]
    credential: Callable[[Request], str | None]
    answer: Callable[[Refusal], Response]
    title: str = ""
    operations: tuple[Operation, ...] = ()
    security: tuple[str, ...] = ()


def dialect_of(path: str, dialects: Iterable[Dialect]) -> Dialect | None:
    """Return the dialect that an address belongs to; None for the host's own."""
    return next((dialect for dialect in dialects if dialect.paths.match(path)), None)


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


def json_response(document: Any, status: int = 200) -> Response:
    """Answer with JSON, its keys in their order."""
    return Response(written_json(document), status=status, mimetype="application/json")


def answered(refusal: Refusal, dialect: Dialect) -> Response:
    """Answer a refusal in the dialect's envelope, with the headers that HTTP wants."""
    response = dialect.answer(refusal)
    if isinstance(refusal, WrongMethod) and refusal.allowed:
        response.headers["Allow"] = ", ".join(refusal.allowed)
    if isinstance(refusal, TooManyRequests):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
