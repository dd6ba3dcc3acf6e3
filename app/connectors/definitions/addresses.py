"""The forms of address that a definition serves, each made of a pattern.

The addresses of the API need no pattern: they follow from the requests for the pages.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from app.connectors.base import Match, ResourceUrl
from app.connectors.definitions.patterns import (
    ANY_STEP,
    PART,
    compiled_path,
    compiled_value,
    is_fit,
    javascript_of,
    path_parts,
    pieces,
    value_parts,
)
from app.connectors.definitions.templates import BUILT_IN, FILLED, PATH, filled_text, names_in
from app.origins import Server, host_of, is_named

# An address of more steps is not shortened: each length is matched anew.
MOST_STEPS: Final = 32
# Filters that can be applied twice with the same result.
_SAME_TWICE: Final = frozenset({PATH, "upper", "lower"})


@dataclass(frozen=True, slots=True)
class AddressForm:
    """One form of address: its path, its query and its fragment, and what else it says.

    `hosts` are the only ones that have it, or None; `parts` are templates of further parts; `url`
    replaces the definition's own, and `fallback` is requested where `url` gives "not found". A form
    with `is_api` is that of the API's own addresses.
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
        return javascript_of(self.pattern)

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
            found = path_parts(pattern, text)
            if found is None:
                return None
            parts |= found
        for key, pattern in self.query.items():
            # These were decoded when the address was read.
            found = value_parts(pattern, address.query.get(key))
            if found is None:
                return None
            parts |= found
        if not all(map(is_fit, parts.values())):
            return None
        return parts | {name: filled_text(text, parts) for name, text in self.parts.items()}


@dataclass(frozen=True, slots=True)
class DefinedMatch(Match):
    """A match, with the form that matched and the address that is asked for it."""

    form: AddressForm | None = None
    address: str = field(default="", compare=False)
    given: ResourceUrl | None = field(default=None, compare=False)


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
    given_url = f"https://{host}{address.path}{query}"
    for form in forms:
        home = api_hosts if form.is_api else hosts
        if is_named(host, home if form.hosts is None else form.hosts):
            parts = form.parts_of(address)
            if parts is not None:
                where = server or Server(host)
                return DefinedMatch(
                    where, parts, address.path, form=form, address=given_url, given=address
                )
    return None


def canonical_target(form: AddressForm, address: ResourceUrl) -> str:
    """Return the path, query and fragment of an address, without what its form does not read.

    A path that identifies the resource alone is cut to the shortest one with the same parts.
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
    """Make a form of its pattern, and of the keys that are `given` beside it.

    Raises ValueError where a named part is not a valid regular expression, or is named twice.
    """
    path, query, fragment = pieces(pattern)
    names = [part[1] for part in PART.finditer(pattern)]
    if len(set(names)) < len(names):
        raise ValueError(f"{pattern}: names a part twice")
    given = given or {}
    return AddressForm(
        pattern,
        compiled_path(path),
        {name: compiled_value(value) for name, value in query},
        None if fragment is None else compiled_path(fragment),
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

    None where the path of the request does not identify the page.
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
    patterns = dict(PART.findall(page.pattern))
    path = f"/{template.partition('//')[2].partition('/')[2]}" if host else template
    pattern = FILLED.sub(lambda part: _api_part(part, patterns), path)
    return AddressForm(
        pattern,
        compiled_path(pattern, base),
        {},
        hosts=frozenset({host}) if host else None,
        url=page.url,
        fallback=page.fallback,
        is_api=True,
    )


def literal_host(url: str) -> str:
    """Return the host of a template of an address; raises ValueError for an invalid port."""
    return host_of(urlsplit(url.partition("{")[0]))


def _api_part(part: re.Match[str], patterns: Mapping[str, str]) -> str:
    """Write a part of a template as one of a pattern: as the page has it, within one step."""
    wanted = patterns.get(part[1], "")
    has_steps = "/" in wanted.replace("[^/", "[")
    if has_steps and part[2] != PATH:
        wanted = ANY_STEP
    return f"{{{part[1]}:{wanted}}}" if wanted else f"{{{part[1]}}}"
