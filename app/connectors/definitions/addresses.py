"""The addresses that a definition serves.

A pattern is a path, and where they matter query parameters in any order, and the fragment:

    /incidents/{id}                       a part is what stands between two slashes
    /builds/{number:[0-9]+}/**            or what a regular expression takes; `/**`: anything below
    /view/*/pages?pageId={id}             `*`: anything between two slashes
    /alert#/show/{id}                     what follows the `#`

The addresses of the API itself need no pattern: they are what is asked for the pages.

An address is decoded once before it is matched, and a part is encoded once where it is filled in.
Only `/`, `?`, `#` and `%` stay escaped while a pattern is matched, so that they delimit nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

import regex

from app.connectors.base import Match, ResourceUrl
from app.connectors.definitions.templates import BUILT_IN, FILLED, PATH, filled_text, names_in
from app.connectors.javascript import escaped, parameter, translated
from app.origins import Server, host_of, is_named

MATCH_SECONDS: Final = 0.05
# An address of more steps is not shortened: each length is matched anew.
MOST_STEPS: Final = 32
_PART: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?::((?:[^{}]|\{[0-9,]+\})+))?\}")
_BRACES: Final = r"\{(?:[^{}]|\{[0-9,]+\})*\}"
_PIECES: Final = re.compile(
    rf"((?:[^{{}}?#]|{_BRACES})*)(?:\?((?:[^{{}}#]|{_BRACES})*))?(?:#(.*))?", re.DOTALL
)
_ANY_PART: Final = r"(?:[^/?#%]|%25|%3[Ff]|%23){1,200}"
_ANY_STEP: Final = r"[^/?#]{1,500}"
_ANY_VALUE: Final = r".{1,200}"
# Filters that change nothing more where what they made is filled in again.
_SAME_TWICE: Final = frozenset({PATH, "upper", "lower"})
# What an escape must be, and those that stay while a path is matched.
_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DELIMITER: Final = re.compile(r"%(?=2[35Ff]|3[Ff])")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class AddressForm:
    """One form of address: its path, its query and its fragment, and what else it says.

    `hosts` are the only ones that have it, or None; `parts` are templates of further parts; `url`
    is asked in place of the definition's own, and `fallback` where that says "not found". One that
    `is_api` is of the API's own addresses.
    """

    pattern: str
    path: re.Pattern[str]
    query: Mapping[str, re.Pattern[str]]
    fragment: re.Pattern[str] | None = None
    hosts: frozenset[str] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    fallback: str | None = None
    is_api: bool = False

    @property
    def javascript(self) -> str:
        """What follows the host, as an expression of JavaScript."""
        found = _PIECES.fullmatch(self.pattern)
        path, query, fragment = found.groups() if found else (self.pattern, None, None)
        pairs = filter(None, (query or "").split("&"))
        wanted = "".join(f"(?={parameter([pair.partition('=')[0]])})" for pair in pairs)
        after = "" if fragment is None else rf"(?:\?[^#]*)?#{_javascript(fragment)}"
        return f"{_javascript(path)}/?{wanted}{after}"

    @property
    def names(self) -> frozenset[str]:
        """The parts that every address of this form has."""
        patterns = filter(None, (self.path, *self.query.values(), self.fragment))
        return frozenset({name for each in patterns for name in each.groupindex} | set(self.parts))

    def parts_of(self, address: ResourceUrl) -> dict[str, str] | None:
        """Return the decoded parts of an address, or None where it is not of this form."""
        paths = [(self.path, address.path)]
        if self.fragment is not None:
            paths.append((self.fragment, address.fragment))
        parts: dict[str, str] = {}
        for pattern, text in paths:
            found = _match(pattern, _readable(text))
            if found is None:
                return None
            parts |= {name: _unescaped(part) for name, part in found.groupdict("").items()}
        for key, pattern in self.query.items():
            # These were decoded when the address was read.
            found = _match(pattern, address.query.get(key))
            if found is None:
                return None
            parts |= found.groupdict("")
        if not all(map(_is_fit, parts.values())):
            return None
        return parts | {name: filled_text(text, parts) for name, text in self.parts.items()}


@dataclass(frozen=True, slots=True)
class DefinedMatch(Match):
    """A match, with the form that matched and the address that is asked for it."""

    form: AddressForm | None = None
    address: str = field(default="", compare=False)
    given: ResourceUrl | None = field(default=None, compare=False)

    @property
    def form_hosts(self) -> frozenset[str] | None:
        """The only hosts that have the form, or None."""
        return self.form.hosts if self.form else None


def match_in(
    forms: Iterable[AddressForm],
    hosts: Collection[str],
    api_hosts: Collection[str],
    address: ResourceUrl,
    server: Server | None = None,
) -> DefinedMatch | None:
    """Match an address with the first form that its host has, below the base of a server.

    `hosts` have the pages, `api_hosts` the addresses of the API.
    """
    host = address.host
    # With a user name before the host, addresses deceive.
    if address.has_user:
        return None
    query = f"?{urlencode(address.query)}" if address.query else ""
    whole = f"https://{host}{address.path}{query}"
    for form in forms:
        home = api_hosts if form.is_api else hosts
        if is_named(host, home if form.hosts is None else form.hosts):
            parts = form.parts_of(address)
            if parts is not None:
                where = server or Server(host)
                return DefinedMatch(
                    where, parts, address.path, form=form, address=whole, given=address
                )
    return None


def canonical_target(form: AddressForm, address: ResourceUrl) -> str:
    """Return the path, query and fragment of an address, without what its form does not read.

    A path that alone says which resource it is is cut to the shortest one with the same parts.
    """
    named = {name: address.query[name] for name in form.query}
    query = f"?{urlencode(named, quote_via=quote)}" if named else ""
    fragment = f"#{address.fragment}" if form.fragment is not None else ""
    wanted, steps = form.parts_of(address), address.path.split("/")
    for count in range(2, 2 if query or fragment else min(len(steps), MOST_STEPS)):
        path = "/".join(steps[:count])
        if form.parts_of(replace(address, path=path)) == wanted:
            return path
    return address.path + query + fragment


def forms_of(definition: Mapping[str, Any]) -> tuple[AddressForm, ...]:
    """List the forms of address, the pages' first.

    Raises ValueError where a pattern cannot be read.
    """
    pages = tuple(_page_forms(definition))
    api = [api for form in pages if (api := _api_form(definition, form))]
    return (*pages, *{form.pattern: form for form in api}.values())


def form_of(pattern: str, given: Mapping[str, Any] | None = None) -> AddressForm:
    """Make a form of its pattern, and of what is `given` beside it.

    Raises ValueError where a named part is no regular expression, or is named twice.
    """
    found = _PIECES.fullmatch(pattern)
    path, query, fragment = found.groups() if found else (pattern, None, None)
    names = [part[1] for part in _PART.finditer(pattern)]
    if len(set(names)) < len(names):
        raise ValueError(f"{pattern}: names a part twice")
    given = given or {}
    pairs = [pair.partition("=") for pair in (query or "").split("&") if pair]
    return AddressForm(
        pattern,
        _compiled(path, _ANY_PART, "/?"),
        {name: _compiled(value, _ANY_VALUE) for name, _, value in pairs},
        None if fragment is None else _compiled(fragment, _ANY_PART, "/?"),
        hosts=frozenset(map(str.lower, given["hosts"])) if "hosts" in given else None,
        parts=given.get("parts", {}),
        url=given.get("url"),
        fallback=given.get("fallback"),
    )


def _page_forms(definition: Mapping[str, Any]) -> Iterator[AddressForm]:
    if "path" in definition:
        yield form_of(definition["path"])
    for path in definition.get("paths", []):
        yield form_of(path)
    for given in definition.get("addresses", []):
        for path in given["paths"]:
            yield form_of(path, given)


def _api_form(definition: Mapping[str, Any], page: AddressForm) -> AddressForm | None:
    """Make the form of the API's addresses that are asked for those of a page.

    None where what is asked does not say by its path alone of which page it is.
    """
    request = definition["request"]
    url = page.url or request["url"]
    template = url.partition("?")[0]
    named = {part[1] for part in FILLED.finditer(template) if (part[2] or PATH) in _SAME_TWICE}
    tells_all = named and not (named & BUILT_IN or set(names_in(url)) - named)
    if request["method"] != "GET" or not tells_all or not named <= page.names:
        return None
    host = None if template[0] == "/" else literal_host(template)
    base = definition.get("hosts_base", "") if host is None else ""
    known = dict(_PART.findall(page.pattern))
    path = f"/{template.partition('//')[2].partition('/')[2]}" if host else template
    pattern = FILLED.sub(lambda part: _api_part(part, known), path)
    return AddressForm(
        pattern,
        _compiled(pattern, _ANY_PART, "/?", f"(?:{re.escape(base)})?"),
        {},
        hosts=frozenset({host}) if host else None,
        url=page.url,
        fallback=page.fallback,
        is_api=True,
    )


def literal_host(url: str) -> str:
    """Name the host of a template of an address; raises ValueError where its port is none."""
    return host_of(urlsplit(url.partition("{")[0]))


def _api_part(part: re.Match[str], known: Mapping[str, str]) -> str:
    """Write a part of a template as one of a pattern: as the page has it, within one step."""
    wanted = known.get(part[1], "")
    has_steps = "/" in wanted.replace("[^/", "[")
    if has_steps and part[2] != PATH:
        wanted = _ANY_STEP
    return f"{{{part[1]}:{wanted}}}" if wanted else f"{{{part[1]}}}"


def _compiled(pattern: str, part: str, end: str = "", start: str = "") -> re.Pattern[str]:
    written, at = start, 0
    for found in _PART.finditer(pattern):
        written += _literal(pattern[at : found.start()])
        written += f"(?P<{found[1]}>{found[2] or part})"
        at = found.end()
    try:
        return regex.compile(written + _literal(pattern[at:]) + end)  # type: ignore[return-value]
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern}: {error}") from error


def _javascript(pattern: str) -> str:
    written, at = "", 0
    for found in _PART.finditer(pattern):
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


def _unescaped(part: str) -> str:
    """Undo the escapes that stayed; where slashes delimit, one that is escaped cannot be told."""
    value = unquote(part)
    return "" if "/" in part and value.count("/") > part.count("/") else value


def _is_fit(part: str) -> bool:
    """Tell whether a part is a text that asks the API for what it names, and for nothing else."""
    steps = part.split("/")
    return bool(part) and not {".", ".."} & set(steps) and not _UNFIT.search(part)
