"""Authenticates a request by its token, wherever the clients of a system put it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from flask import Flask, Request, Response, g, request
from werkzeug.datastructures import Authorization

from app.errors import Forbidden, NotAuthenticated, TooManyRequests
from app.library.core.callers import Caller
from app.library.http.context import Library
from app.openapi.operation import SecuritySchemes
from app.telemetry.logs import add_log_fields

# Set in the environment of a request that the service makes of itself; no header can set it.
LOOPBACK: Final = "placard.loopback"


@dataclass(frozen=True, slots=True)
class TokenLocation:
    """Where a dialect's clients put the token: how it is read, and how OpenAPI describes it."""

    read: Callable[[Request], str | None]
    schemes: SecuritySchemes


def init_authentication(app: Flask, location: TokenLocation, library: Library) -> None:
    """Refuse every request to an application, also to unknown addresses, without a valid token."""

    def check() -> None:
        authenticate(location, library)

    def add_headers(response: Response) -> Response:
        # As on the host's answers: a cache keeps them apart by origin.
        response.vary.add("Origin")
        if "rate_limit" in g:
            response.headers.update(g.rate_limit.headers)
        return response

    app.before_request(check)
    app.after_request(add_headers)


def authenticate(location: TokenLocation, library: Library) -> None:
    """Set the caller of a request, and count it, unless the service asks itself for a card.

    Raises NotAuthenticated, TooManyRequests, or Forbidden for a page of another site.
    """
    # A browser sends the Basic credentials it remembers along with any site's form.
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Forbidden(sentence="Forbidden: pages of other sites may not ask.")
    text = location.read(request)
    if not text:
        raise NotAuthenticated("no_token")
    g.caller = library.tokens.caller(text)
    add_log_fields(token=g.caller.jti)
    if LOOPBACK in request.environ:
        return
    g.rate_limit = library.limiter.take(g.caller.jti)
    if not g.rate_limit.granted:
        raise TooManyRequests(g.rate_limit.reset)


def caller() -> Caller:
    """Return the caller of the current request."""
    return cast(Caller, g.caller)


def application_key(message: Request) -> str | None:
    """Find the token as Datadog's clients send it."""
    return message.headers.get("DD-APPLICATION-KEY")


def bearer(message: Request) -> str | None:
    """Find the token in `Authorization: Bearer`."""
    given = _authorization(message)
    return given.token if given is not None and given.type == "bearer" else None


def basic_or_bearer(message: Request) -> str | None:
    """Find the token as the password of Basic, whoever the user is, or in Bearer."""
    given = _authorization(message)
    if given is not None and given.type == "basic":
        return given.password
    return bearer(message)


def _authorization(message: Request) -> Authorization | None:
    try:
        return message.authorization
    except ValueError:  # Basic that is not ASCII, which Werkzeug lets through
        return None


_BEARER: Final = {"type": "http", "scheme": "bearer", "description": "A token of the library."}
_BASIC: Final = {
    "type": "http",
    "scheme": "basic",
    "description": "A token of the library as the password; the user does not matter.",
}
_APPLICATION_KEY: Final = {
    "type": "apiKey",
    "in": "header",
    "name": "DD-APPLICATION-KEY",
    "description": "A token of the library, where Datadog's clients send it.",
}
APPLICATION_KEY: Final = TokenLocation(application_key, {"application_key": _APPLICATION_KEY})
BEARER: Final = TokenLocation(bearer, {"bearer": _BEARER})
BASIC_OR_BEARER: Final = TokenLocation(basic_or_bearer, {"basic": _BASIC, "bearer": _BEARER})
