"""Who asks: the token where each system's clients put theirs, checked before anything else."""

from typing import cast

from flask import Flask, Request, Response, g, request
from werkzeug.datastructures import Authorization

from app.library.core.callers import Caller
from app.library.core.errors import NotAllowed, TooManyRequests, Unidentified
from app.library.http.context import LOOPBACK, Library
from app.library.http.dialect import Dialect, dialect_of
from app.telemetry.logs import add_log_fields


def init_admission(app: Flask, library: Library) -> None:
    """Let nobody on to a dialect's addresses, known or not, without a token that holds."""

    def check() -> None:
        dialect = dialect_of(request.path, library.dialects)
        if dialect is not None:
            admit(dialect, library)

    def show_allowance(response: Response) -> Response:
        if "allowance" in g:
            response.headers.update(g.allowance.headers)
        return response

    app.before_request(check)
    app.after_request(show_allowance)


def admit(dialect: Dialect, library: Library) -> None:
    """Find out who asks, and count the request, unless the service asks itself for a card.

    Raises Unidentified, TooManyRequests, or NotAllowed for a page of another site.
    """
    # A browser sends the Basic credentials it remembers along with any site's form.
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise NotAllowed("Forbidden: pages of other sites may not ask.")
    text = dialect.credential(request)
    if not text:
        raise Unidentified("no_token")
    g.caller = library.tokens.caller(text)
    add_log_fields(token=g.caller.jti)
    if LOOPBACK in request.environ:
        return
    g.allowance = library.limiter.take(g.caller.jti)
    if not g.allowance.granted:
        raise TooManyRequests(g.allowance.reset)


def caller() -> Caller:
    """Return who asks, on an address of a dialect."""
    return cast(Caller, g.caller)


def application_key(asked: Request) -> str | None:
    """Find the token as Datadog's clients send it."""
    return asked.headers.get("DD-APPLICATION-KEY")


def bearer(asked: Request) -> str | None:
    """Find the token in `Authorization: Bearer`."""
    given = _authorization(asked)
    return given.token if given is not None and given.type == "bearer" else None


def basic_or_bearer(asked: Request) -> str | None:
    """Find the token as the password of Basic, whoever the user is, or in Bearer."""
    given = _authorization(asked)
    if given is not None and given.type == "basic":
        return given.password
    return bearer(asked)


def _authorization(asked: Request) -> Authorization | None:
    try:
        return asked.authorization
    except ValueError:  # Basic that is not ASCII, which Werkzeug lets through
        return None
