"""The text of a payload: written, coloured, and the line on which each part of it stands."""

import json
import re
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


def lines_of(text: str) -> dict[str, int]:
    """Map each JSON path of a JSON text to the line on which it begins, its key's where it has one.

    Of a key that is given twice the last counts, as it does for `json.loads`.
    """
    lines: dict[str, int] = {}
    line, counted = 1, 0
    # Of each open container its path, and its current member: a key with its dot, or an index.
    containers, members = [""], list[str | int](["$"])
    for token in _TOKEN.finditer(text):
        line, counted = line + text.count("\n", counted, token.start()), token.start()
        symbol, member = token[0], members[-1]
        if token.lastgroup == "key":
            members[-1] = f".{json.loads(symbol)}"
            lines[f"{containers[-1]}{members[-1]}"] = line
        elif symbol in ("}", "]"):
            containers.pop()
            members.pop()
        elif symbol == "," and isinstance(member, int):
            members[-1] = member + 1
        elif symbol not in (",", ":"):
            is_key = isinstance(member, str)
            path = f"{containers[-1]}{member}" if is_key else f"{containers[-1]}[{member}]"
            if not is_key or path == "$":
                lines[path] = line
            if symbol in ("{", "["):
                containers.append(path)
                members.append("" if symbol == "{" else 0)
    return lines
