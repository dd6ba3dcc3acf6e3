"""The addresses that a definition serves, and the templates that their parts are filled into.

A pattern is a path, and where they matter query parameters in any order:

    /incidents/{id}                       a part is what stands between two slashes
    /builds/{number:[0-9]+}/**            or what a regular expression takes; `/**`: anything below
    /view/*/pages?pageId={id}             `*`: anything between two slashes

An address is decoded once before it is matched, and a part is encoded once where it is filled in.
Only `/`, `?`, `#` and `%` stay escaped while a pattern is matched, so that they delimit nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

import regex

from app.connectors.base import ResourceUrl

MATCH_SECONDS: Final = 0.05
_PART: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?::((?:[^{}]|\{[0-9,]+\})+))?\}")
_FILLED: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?:\|([a-z]+))?\}")
_BEFORE_QUERY: Final = re.compile(r"(?:[^{}?]|\{(?:[^{}]|\{[0-9,]+\})*\})*")
_ANY_PART: Final = r"(?:[^/?#%]|%25|%3[Ff]|%23){1,200}"
_ANY_VALUE: Final = r".{1,200}"
# What an escape must be, and those that stay while a path is matched.
_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DELIMITER: Final = re.compile(r"%(?=2[35Ff]|3[Ff])")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\\]")
# What the address itself is, beside its parts.
BUILT_IN: Final = frozenset({"host", "address"})
FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "upper": str.upper,
    "lower": str.lower,
    "spaced": lambda text: text.replace("+", " "),
}
PATH: Final = "path"  # keeps slashes
NUMBER: Final = "number"  # of a body: a number of JSON


@dataclass(frozen=True, slots=True)
class AddressForm:
    """One form of address: its path, its query, and what else it says.

    `hosts` are the only ones that have it, or None; `parts` are templates of further parts; `url`
    is asked in place of the definition's own.
    """

    pattern: str
    path: re.Pattern[str]
    query: Mapping[str, re.Pattern[str]]
    hosts: frozenset[str] | None
    parts: Mapping[str, str]
    url: str | None

    @property
    def names(self) -> frozenset[str]:
        """The parts that every address of this form has."""
        patterns = (self.path, *self.query.values())
        return frozenset({name for each in patterns for name in each.groupindex} | set(self.parts))

    def parts_of(self, address: ResourceUrl) -> dict[str, str] | None:
        """Return the decoded parts of an address, or None where it is not of this form."""
        path = _readable(address.path)
        if path is None:
            return None
        wanted = [
            (self.path, path),
            *((each, address.query.get(key)) for key, each in self.query.items()),
        ]
        found = [_match(pattern, text) for pattern, text in wanted]
        parts = _decoded(found[0], found[1:])
        if parts is None:
            return None
        return parts | {name: filled_text(text, parts) for name, text in self.parts.items()}


def form_of(
    pattern: str,
    hosts: frozenset[str] | None = None,
    parts: Mapping[str, str] | None = None,
    url: str | None = None,
) -> AddressForm:
    """Make a form of its pattern.

    Raises ValueError where a named part is no regular expression, or is named twice.
    """
    found = _BEFORE_QUERY.match(pattern)
    path = found[0] if found else ""
    pairs = [pair.partition("=") for pair in pattern[len(path) + 1 :].split("&") if pair]
    query = {name: _compiled(value, _ANY_VALUE) for name, _, value in pairs}
    return AddressForm(pattern, _compiled(path, _ANY_PART, "/?"), query, hosts, parts or {}, url)


def names_in(template: Any) -> Iterator[str]:
    """Yield the named parts in every template of a JSON value."""
    if isinstance(template, str):
        yield from (found[1] for found in _FILLED.finditer(template) if _is_template(template))
    elif isinstance(template, Mapping):
        for inner in template.values():
            yield from names_in(inner)
    elif isinstance(template, list):
        for inner in template:
            yield from names_in(inner)


def strange_filters(template: Any) -> list[str]:
    """List the filters in a JSON value's templates that do not exist."""
    found = re.findall(r"\{[a-z][a-z0-9_]*\|([a-z]+)\}", str(template))
    return sorted(set(found) - {*FILTERS, PATH, NUMBER})


def is_url_template(text: str) -> bool:
    """Tell whether every brace in a text belongs to a named part."""
    return not set("{}") & set(_FILLED.sub("", text))


def filled_url(template: str, parts: Mapping[str, str]) -> str:
    """Fill parts into an address or a header: each is encoded once; `|path` keeps its slashes."""

    def fill(found: re.Match[str]) -> str:
        value = FILTERS.get(found[2] or "", str)(parts[found[1]])
        return quote(value, safe="/" if found[2] == PATH else "")

    return _FILLED.sub(fill, template)


def filled_text(template: str, parts: Mapping[str, str]) -> str:
    """Fill parts into a text, as they are."""
    return _FILLED.sub(lambda found: FILTERS.get(found[2] or "", str)(parts[found[1]]), template)


def filled_body(template: Any, parts: Mapping[str, str]) -> Any:
    """Fill parts into every text of a JSON template; one with other braces, too, stays as it is."""
    if isinstance(template, str):
        return _filled_value(template, parts) if _is_template(template) else template
    if isinstance(template, Mapping):
        return {key: filled_body(inner, parts) for key, inner in template.items()}
    return (
        [filled_body(each, parts) for each in template] if isinstance(template, list) else template
    )


def _filled_value(template: str, parts: Mapping[str, str]) -> str | int:
    whole = _FILLED.fullmatch(template)
    if whole and whole[2] == NUMBER and re.fullmatch(r"[0-9]{1,15}", parts[whole[1]], re.ASCII):
        return int(parts[whole[1]])
    return filled_text(template, parts)


def _is_template(text: str) -> bool:
    """Tell templates from what merely has braces, such as a query of GraphQL."""
    return is_url_template(text)


def _compiled(pattern: str, part: str, end: str = "") -> re.Pattern[str]:
    written, at = "", 0
    names = [found[1] for found in _PART.finditer(pattern)]
    if len(set(names)) < len(names):
        raise ValueError(f"{pattern}: names a part twice")
    for found in _PART.finditer(pattern):
        written += _literal(pattern[at : found.start()])
        written += f"(?P<{found[1]}>{found[2] or part})"
        at = found.end()
    try:
        return regex.compile(written + _literal(pattern[at:]) + end)  # type: ignore[return-value]
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern}: {error}") from error


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


def _match(pattern: Any, text: str | None) -> re.Match[str] | None:
    """Match a whole text, within a time: the pattern may be of any kind.

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
    return found


def _decoded(
    path: re.Match[str] | None, query: list[re.Match[str] | None]
) -> dict[str, str] | None:
    """Decode a path's parts; those of a query are decoded already. None where one is unfit."""
    if path is None or None in query:
        return None
    parts = {name: _unescaped(part) for name, part in path.groupdict("").items()}
    for found in query:
        parts |= found.groupdict("") if found else {}
    return parts if all(map(_is_fit, parts.values())) else None


def _unescaped(part: str) -> str:
    """Undo the escapes that stayed; where slashes delimit, one that is escaped cannot be told."""
    value = unquote(part)
    return "" if "/" in part and value.count("/") > part.count("/") else value


def _is_fit(part: str) -> bool:
    """Tell whether a part is a text that asks the API for what it names, and for nothing else."""
    steps = part.split("/")
    return bool(part) and not {".", ".."} & set(steps) and not _UNFIT.search(part)
