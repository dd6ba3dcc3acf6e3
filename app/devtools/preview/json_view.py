"""JSON with its colours, as safe markup without a style of its own."""

from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JsonLexer

from app.devtools.preview.editor import written

_LEXER = JsonLexer()
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True, classprefix="json-")


def highlighted(payload: Any) -> Markup:
    """Colour a payload; all of its text is escaped."""
    # What pygments writes is escaped by it: each token's text, and its own class names.
    return Markup(highlight(written(payload), _LEXER, _FORMATTER))  # noqa: S704
