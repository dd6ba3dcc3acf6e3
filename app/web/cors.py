"""CORS on every answer: the host's client is a page in a browser.

Implements the CORS protocol of the Fetch standard, as far as the host's contract asks for it: exact
origins, no cookies.
"""

from collections.abc import Collection
from typing import Final

from flask import Flask, Response, request

from app.verification import SIGNATURE_HEADER
from app.web import service
from app.web.library.dialects import dialect_of
from app.web.requests_log import REQUEST_ID

HEADERS: Final = ("Authorization", "Content-Type", SIGNATURE_HEADER, REQUEST_ID)
PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": ", ".join(HEADERS),
    "Access-Control-Max-Age": "600",
}


def init_cors(app: Flask, origins: Collection[str]) -> None:
    """Let the pages of `origins`, and no others, read every answer: errors included.

    The dialects of the library are not for pages: nothing of theirs can be read by one.
    """
    allowed = frozenset(origins)

    def allow(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in allowed and not _is_the_library_s():
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = REQUEST_ID
            if _is_preflight():
                response.headers.update(PREFLIGHT)
        return response

    app.before_request(_answer_preflight)
    app.after_request(allow)


def _answer_preflight() -> Response | None:
    """Answer before routing, of any path: only then may the page go on and read our 404."""
    return Response(status=204) if _is_preflight() and not _is_the_library_s() else None


def _is_the_library_s() -> bool:
    library = service().library
    return library is not None and dialect_of(request.path, library.dialects) is not None


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
