"""Pages for people who open an address in a browser; programs get the envelope."""

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
