"""CORS on every answer: the host's client is a page in a browser.

Implements the CORS protocol of the Fetch standard, as far as the host's contract asks for it: exact
origins, no cookies.
"""

from collections.abc import Collection
from typing import Final

from flask import Flask, Response, request

from app.verification import SIGNATURE_HEADER
from app.web import CACHE_STATUS
from app.web.access_log import REQUEST_ID

VARY: Final = "Origin"
HEADERS: Final = ("Authorization", "Content-Type", SIGNATURE_HEADER, REQUEST_ID)
PREVIEW: Final = "preview"
DOCS: Final = "docs"
SIGN_IN: Final = "sign_in"
EXPOSED: Final = f"{REQUEST_ID}, {CACHE_STATUS}"
METHODS: Final = "GET, POST, OPTIONS"
PREFLIGHT_SECONDS: Final = "600"


class CorsPolicy:
    """The origins whose pages may read every answer."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._headers = {
            origin: (
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Expose-Headers", EXPOSED),
                ("Access-Control-Allow-Methods", METHODS),
                ("Access-Control-Allow-Headers", ", ".join(HEADERS)),
            )
            for origin in allowed
        }

    def headers_for(self, origin: str | None) -> tuple[tuple[str, str], ...]:
        """Return the headers that let an origin's pages read an answer; none where they may not."""
        return self._headers.get(origin or "", ())


def init_cors(app: Flask, origins: CorsPolicy) -> None:
    """Let the pages of `origins`, and no others, read every answer: errors included.

    No page may read the preview, which holds proofs, `/docs`, which may hold a token, nor those on
    which people sign in.
    """

    def allow(response: Response) -> Response:
        response.vary.add(VARY)
        if request.blueprint in (PREVIEW, DOCS, SIGN_IN):
            return response
        allowed = origins.headers_for(request.headers.get("Origin"))
        for name, value in allowed:
            response.headers[name] = value
        if allowed and _is_preflight():
            response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return response

    app.before_request(_answer_preflight)
    app.after_request(allow)


def _answer_preflight() -> Response | None:
    """Answer before routing, of any path: only then may the page go on and read our 404."""
    return Response(status=204) if _is_preflight() else None


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
