"""Pages for people: what each may load, and where there is none; programs get the envelope."""

from secrets import token_urlsafe
from typing import Final

from flask import Response, render_template, request

from app.web import service

# In this order, so that who takes anything gets the envelope.
KINDS: Final = ("application/json", "text/html")
POLICY: Final = (
    "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'"
)


def wants_page() -> bool:
    """Tell a browser from a program by its header `Accept`."""
    wanted = request.accept_mimetypes.best_match(KINDS)
    return request.method in ("GET", "HEAD") and wanted == "text/html"


def confine(
    response: Response, policy: str, *, is_private: bool, may_reach_opener: bool = False
) -> Response:
    """Let a page load what a policy names, and no page of another site look into it.

    What `is_private` is kept in no cache. One that `may_reach_opener` keeps the link to the window
    that opened it.
    """
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Referrer-Policy"] = "no-referrer"
    if not may_reach_opener:
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if is_private:
        response.headers["Cache-Control"] = "no-store"
    return response


def file_answer(content: bytes, mimetype: str) -> Response:
    """Answer with a file of a page: a browser keeps it, and asks whether it is still the same."""
    response = Response(content, mimetype=mimetype)
    response.cache_control.no_cache = True
    response.add_etag()
    response.make_conditional(request)
    return response


def not_found_page() -> Response:
    """Show that there is no page here, and where to go; it shows no more than `/` does."""
    nonce, parts = token_urlsafe(16), service()
    html = render_template(
        "not_found.html",
        nonce=nonce,
        local=parts.settings.local,
        docs=parts.description is not None,
    )
    answered = Response(html, 404)
    answered.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
    answered.headers["Cache-Control"] = "no-store"
    answered.vary.add("Accept")
    return answered
