"""The patterns of addresses, as definitions write them.

A pattern is a path, and where they matter query parameters in any order, and the fragment:

    /incidents/{id}                       a part is what stands between two slashes
    /builds/{number:[0-9]+}/**            or what a regular expression takes; `/**`: anything below
    /view/*/pages?pageId={id}             `*`: anything between two slashes
    /alert#/show/{id}                     what follows the `#`

An address is decoded once before it is matched. Only `/`, `?`, `#` and `%` stay escaped while a
pattern is matched, so that they delimit nothing.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

import regex

from app.connectors.javascript import escaped, parameter, translated

MATCH_SECONDS: Final = 0.05
PART: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?::((?:[^{}]|\{[0-9,]+\})+))?\}")
ANY_STEP: Final = r"[^/?#]{1,500}"
_BRACES: Final = r"\{(?:[^{}]|\{[0-9,]+\})*\}"
_PIECES: Final = re.compile(
    rf"((?:[^{{}}?#]|{_BRACES})*)(?:\?((?:[^{{}}#]|{_BRACES})*))?(?:#(.*))?", re.DOTALL
)
_ANY_PART: Final = r"(?:[^/?#%]|%25|%3[Ff]|%23){1,200}"
_ANY_VALUE: Final = r".{1,200}"
# What an escape must be, and those that stay while a path is matched.
_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DELIMITER: Final = re.compile(r"%(?=2[35Ff]|3[Ff])")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\\]")


def pieces(pattern: str) -> tuple[str, list[tuple[str, str]], str | None]:
    """Split a pattern into its path, its query parameters with their values, and its fragment."""
    found = _PIECES.fullmatch(pattern)
    path, query, fragment = found.groups() if found else (pattern, None, None)
    pairs = (pair.partition("=") for pair in (query or "").split("&") if pair)
    return path, [(name, value) for name, _, value in pairs], fragment


def compiled_path(pattern: str, base: str = "") -> re.Pattern[str]:
    """Compile the pattern of a path or a fragment, which may stand below a base.

    Raises ValueError where a part is not a valid regular expression.
    """
    return _compiled(pattern, _ANY_PART, f"(?:{re.escape(base)})?" if base else "", "/?")


def compiled_value(pattern: str) -> re.Pattern[str]:
    """Compile the pattern of a query parameter's value; raises as `compiled_path` does."""
    return _compiled(pattern, _ANY_VALUE)


def javascript_of(pattern: str) -> str:
    """Write what follows the host as a regular expression of JavaScript."""
    path, query, fragment = pieces(pattern)
    wanted = "".join(f"(?={parameter([name])})" for name, _ in query)
    after = "" if fragment is None else rf"(?:\?[^#]*)?#{_javascript(fragment)}"
    return f"{_javascript(path)}/?{wanted}{after}"


def path_parts(pattern: re.Pattern[str], text: str) -> dict[str, str] | None:
    """Match a path or a fragment; returns its decoded parts."""
    parts = value_parts(pattern, _readable(text))
    return parts and {name: _unescaped(part) for name, part in parts.items()}


def value_parts(pattern: Any, text: str | None) -> dict[str, str] | None:
    """Match a text; returns its parts, or None. Any pattern may be given, so the time is bounded.

    The time is that of the process, so no other thread may run meanwhile: with eighteen busy ones,
    a tenth of plain matches would run out of it.
    """
    if text is None:
        return None
    try:
        found: re.Match[str] | None = pattern.fullmatch(
            text, timeout=MATCH_SECONDS, concurrent=False
        )
    except TimeoutError:
        return None
    return found and found.groupdict("")


def is_fit(part: str) -> bool:
    """Tell whether a part is safe in a request: not empty, no `.` or `..`, no control character."""
    steps = part.split("/")
    return bool(part) and not {".", ".."} & set(steps) and not _UNFIT.search(part)


def _compiled(pattern: str, part: str, start: str = "", end: str = "") -> re.Pattern[str]:
    written, at = start, 0
    for found in PART.finditer(pattern):
        written += _literal(pattern[at : found.start()])
        written += f"(?P<{found[1]}>{found[2] or part})"
        at = found.end()
    try:
        return regex.compile(written + _literal(pattern[at:]) + end)  # type: ignore[return-value]
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern}: {error}") from error


def _javascript(pattern: str) -> str:
    written, at = "", 0
    for found in PART.finditer(pattern):
        written += _javascript_literal(pattern[at : found.start()])
        written += f"(?:{translated(found[2])})" if found[2] else "[^/?#]+"
        at = found.end()
    return written + _javascript_literal(pattern[at:])


def _javascript_literal(text: str) -> str:
    deep = (part.split("*") for part in text.split("/**"))
    return "(?:/[^?#]*)?".join("[^/?#]*".join(map(escaped, steps)) for steps in deep)


def _literal(text: str) -> str:
    return re.escape(text).replace(r"/\*\*", "(?:/.*)?").replace(r"\*", "[^/]*")


def _readable(path: str) -> str | None:
    """Decode a path but for its delimiters; None where that gives no text."""
    if _MALFORMED.search(path):
        return None
    try:
        return unquote(_DELIMITER.sub("%25", path), errors="strict")
    except UnicodeDecodeError:
        return None


def _unescaped(part: str) -> str:
    """Undo the remaining escapes; '' where a slash was escaped and slashes delimit the part."""
    value = unquote(part)
    return "" if "/" in part and value.count("/") > part.count("/") else value
