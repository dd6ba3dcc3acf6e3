"""The text of a payload: written, laid out, coloured, and where each part of it stands."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_TOKEN: Final = re.compile(
    rf"(?P<key>{_STRING}(?=\s*:))|(?P<string>{_STRING})|(?P<mark>[{{}}\[\],:])"
    r'|(?P<literal>[^\s{}\[\],:"]+)'
)


def written(payload: Any) -> str:
    """Write a payload as the editor shows it."""
    return json.dumps(payload, ensure_ascii=False, indent=2)


def highlighted(payload: Any) -> Markup:
    """Write a payload with its colours, as safe markup without a style of its own."""
    # Between the tokens of JSON there are blanks only; each token is escaped.
    return Markup(_TOKEN.sub(_span, written(payload)))  # noqa: S704


def _span(token: re.Match[str]) -> str:
    return f'<span class="json-{token.lastgroup}">{escape(token[0])}</span>'


def formatted(text: str) -> str:
    """Lay out a JSON text anew; each of its tokens stays as it is written."""
    laid, depth, before = list[str](), 0, ""
    for token in _TOKEN.finditer(text):
        symbol = token[0]
        closes = symbol in ("}", "]")
        depth -= closes
        if (before in ("{", "[")) != closes or before == ",":
            laid.append("\n" + "  " * depth)
        elif before == ":":
            laid.append(" ")
        laid.append(symbol)
        depth += symbol in ("{", "[")
        before = symbol
    return "".join(laid)


@dataclass(frozen=True, slots=True)
class JsonSpan:
    """Where a part of a JSON text stands: its line, from 1, and the characters to underline.

    `key` and `value` begin and end at these characters; of an object or a list the value is its
    opening bracket. What has no key has its value as `key`.
    """

    line: int
    key: tuple[int, int]
    value: tuple[int, int]
    is_container: bool


def lines_of(text: str) -> dict[str, int]:
    """Map each JSON path of a JSON text to the line on which it begins, its key's where it has one.

    Of a key that is given twice the last counts, as it does for `json.loads`.
    """
    return {path: span.line for path, span in spans_of(text).items()}


def spans_of(text: str) -> dict[str, JsonSpan]:
    """Map each JSON path of a JSON text to its span; of a key that is given twice the last."""
    spans: dict[str, JsonSpan] = {}
    line, counted = 1, 0
    key: tuple[int, re.Match[str]] | None = None
    # Of each open container its path, and its current member: a key with its dot, or an index.
    containers, members = [""], list[str | int](["$"])
    for token in _TOKEN.finditer(text):
        line, counted = line + text.count("\n", counted, token.start()), token.start()
        symbol, member = token[0], members[-1]
        if token.lastgroup == "key":
            members[-1] = f".{json.loads(symbol)}"
            key = (line, token)
        elif symbol in ("}", "]"):
            containers.pop()
            members.pop()
        elif symbol == "," and isinstance(member, int):
            members[-1] = member + 1
        elif symbol not in (",", ":"):
            inner = member if isinstance(member, str) else f"[{member}]"
            path = f"{containers[-1]}{inner}"
            begins = symbol in ("{", "[")
            number, named = key or (line, token)
            spans.pop(path, None)
            spans[path] = JsonSpan(number, named.span(), token.span(), begins)
            key = None
            if begins:
                containers.append(path)
                members.append("" if symbol == "{" else 0)
    return spans


def span_of(path: str, spans: Mapping[str, JsonSpan]) -> JsonSpan:
    """Find the span of a path; a missing key has the span of the object that lacks it."""
    while path not in spans and path != "$":
        path = path[: max(path.rfind("."), path.rfind("["), 1)]
    return spans.get(path, JsonSpan(1, (0, 0), (0, 0), is_container=False))
