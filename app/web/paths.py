"""Each address has one spelling, so that a proxy can block it by that spelling."""

from flask import Flask, request
from werkzeug.exceptions import NotFound


def init_paths(app: Flask) -> None:
    """Answer 404 to other spellings of an address that routing would take for it."""
    app.before_request(_refuse_other_spellings)


def _refuse_other_spellings() -> None:
    """Refuse `//metrics`, and `/%6detrics` where the server tells the path as it was sent.

    Granian tells it decoded only.
    """
    sent = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or ""
    rule = request.url_rule
    is_fixed = rule is not None and not rule.arguments
    is_escaped = is_fixed and "%" in sent.partition("?")[0]
    if is_escaped or request.environ.get("PATH_INFO", "").startswith("//"):
        raise NotFound
