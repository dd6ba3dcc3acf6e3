"""Checks that the parts of a definition agree: its addresses, its requests, its examples."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.connectors.base import read_address
from app.connectors.definitions.addresses import (
    AddressForm,
    form_of,
    forms_of,
    literal_host,
    match_in,
)
from app.connectors.definitions.expressions import parts_in
from app.connectors.definitions.hosts import api_hosts_of
from app.connectors.definitions.search import FOUND_WITH, SCOPE, SEARCHED_WITH, SHOWN
from app.connectors.definitions.templates import BUILT_IN, is_template, names_in, strange_filters
from app.errors import MalformedRequest
from templates_schemas.rules import Rule

# The literal beginning of a request's address, before any part: the host is not to be filled in.
_ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?(?=[/?]|\Z)|(?=/)", re.ASCII)
# The keys of a card that are not expressions.
_LITERALS: Final = frozenset({"type", "name", "texts", "colors"})
Path = tuple[str | int, ...]
Faults = Sequence[tuple[Path, Rule]]


def faults_of(data: Mapping[str, Any], original: Mapping[str, Any]) -> Faults:
    """List the faults between the parts of one definition.

    `original` is what was given, `data` what could be loaded of it. The patterns of addresses must
    be readable, a request and a card may name only parts of the address, and the examples must
    match.
    """
    faults = [*_absence_faults(original), *_request_faults(data), *_search_faults(data)]
    forms = []
    for location, form in _forms(data):
        if isinstance(form, Rule):
            faults.append((location, form))
        else:
            forms.append(form)
            faults += _part_faults(data, location, form)
    if forms and not faults:
        faults += [*_card_faults(data, forms), *_page_faults(data, forms)]
    if forms and not any(location[0] in ("path", "paths", "addresses") for location, _ in faults):
        # The API's own addresses are served too, where it can be told what these are.
        is_complete = not faults and "url" in data.get("request", {})
        faults += _example_faults(data, forms_of(data) if is_complete else forms)
    return faults


def _absence_faults(given: Mapping[str, Any]) -> Iterator[tuple[Path, Rule]]:
    if not {"hosts", "hosts_setting", "addresses"} & set(given):
        yield ("hosts",), Rule("required", "is required, unless `hosts_setting` names a setting")
    if not {"path", "paths", "addresses"} & set(given):
        yield ("path",), Rule("required", "is required, or `paths`, or `addresses`")


def _request_faults(data: Mapping[str, Any]) -> Iterator[tuple[Path, Rule]]:
    request = data.get("request", {})
    urls: list[tuple[Path, str]] = [
        (("addresses", location, key), each[key])
        for location, each in enumerate(data.get("addresses", []))
        for key in ("url", "fallback")
        if key in each
    ]
    if "url" in request:
        urls.append((("request", "url"), request["url"]))
    for location, url in urls:
        if fault := _url_fault(url):
            yield location, fault
    for key in ("url", "headers", "body"):
        for name in strange_filters(request.get(key, "")):
            yield ("request", key), Rule("filter", f"there is no filter {name}")


def _page_faults(data: Mapping[str, Any], forms: Sequence[AddressForm]) -> Faults:
    """Require that a page uses only parts that some form of address has."""
    page = data.get("page", "")
    known = frozenset[str]().union(*(form.names for form in forms))
    problems = [f"there is no filter {name}" for name in strange_filters(page)]
    if strangers := sorted(set(names_in(page)) - known):
        problems.append(f"no address has the part {', '.join(strangers)}")
    return [(("page",), Rule("part", each)) for each in problems]


def _search_faults(data: Mapping[str, Any]) -> Iterator[tuple[Path, Rule]]:
    """Require that a search has a literal host, and only the parts that a search has."""
    search = data.get("search", {})
    urls: list[tuple[Path, str]] = [
        (("search", "urls", host), url) for host, url in search.get("urls", {}).items()
    ]
    if "url" in search:
        urls.append((("search", "url"), search["url"]))
    for location, url in urls:
        if fault := _url_fault(url):
            yield location, fault
    known = SEARCHED_WITH if "scope_setting" in search else SEARCHED_WITH - {SCOPE}
    for key in ("url", "urls", "headers", "body"):
        for name in strange_filters(search.get(key, "")):
            yield ("search", key), Rule("filter", f"there is no filter {name}")
        if strangers := sorted(set(names_in(search.get(key))) - known):
            message = f"has parts that a search has not: {', '.join(strangers)}"
            yield ("search", key), Rule("part", message)
    for key in SHOWN:
        if strangers := sorted(parts_in(search.get(key, "@")) - FOUND_WITH):
            yield ("search", key), Rule("part", f"no finding has the part {', '.join(strangers)}")


def _forms(data: Mapping[str, Any]) -> Iterator[tuple[Path, AddressForm | Rule]]:
    """Yield each form of address with its path in the file, or what is wrong with its pattern."""
    if isinstance(data.get("path"), str):
        yield ("path",), _form(data["path"], {})
    for number, path in enumerate(data.get("paths", [])):
        yield ("paths", number), _form(path, {})
    for number, given in enumerate(data.get("addresses", [])):
        for inner, path in enumerate(given.get("paths", [])):
            yield ("addresses", number, "paths", inner), _form(path, given)


def _form(path: str, given: Mapping[str, Any]) -> AddressForm | Rule:
    try:
        return form_of(path, given)
    except ValueError as error:
        return Rule("pattern", str(error))


def _part_faults(
    data: Mapping[str, Any], location: Path, form: AddressForm
) -> Iterator[tuple[Path, Rule]]:
    """Require that each template names only parts that the form of address has."""
    request, known = data.get("request", {}), form.names | BUILT_IN
    given: dict[Path, tuple[Any, frozenset[str]]] = {
        ("request", key): (request.get(key), known) for key in ("headers", "body")
    }
    url: Path = ("request", "url") if form.url is None else (*location[:2], "url")
    given[url] = form.url or request.get("url"), known
    given[*location[:2], "fallback"] = form.fallback, known
    given[*location[:2], "parts"] = dict(form.parts), known - set(form.parts)
    for where, (template, names) in given.items():
        if strangers := sorted(set(names_in(template)) - names):
            pattern = "path" if location == ("path",) else form.pattern
            message = f"has parts that `{pattern}` has not: {', '.join(strangers)}"
            yield where, Rule("part", message)


def _card_faults(
    data: Mapping[str, Any], forms: Sequence[AddressForm]
) -> Iterator[tuple[Path, Rule]]:
    """Require that each `part()` of the card names a part that is in the request, too.

    One answer is kept for all addresses with the same request: a part that is not in the request
    would be shown for another address.
    """
    known = frozenset[str]().union(*(form.names for form in forms))
    for location, text in _expressions(data.get("card", {}), ("card",)):
        parts = parts_in(text)
        if strangers := sorted(parts - known):
            yield location, Rule("part", f"no address has the part {', '.join(strangers)}")
        for form in forms:
            if unasked := sorted((parts & form.names) - _request_parts(data, form)):
                message = f"shows what `{form.pattern}` does not ask with: {', '.join(unasked)}"
                yield location, Rule("part", message)


def _request_parts(data: Mapping[str, Any], form: AddressForm) -> frozenset[str]:
    """Return the parts of an address that its request depends on."""
    request = data["request"]
    templates = [form.url or request["url"], request.get("headers"), request.get("body")]
    named = {name for template in templates for name in names_in(template)}
    derived = [text for name, text in form.parts.items() if name in named]
    return frozenset(named.union(*map(names_in, derived)))


def _expressions(given: Any, location: Path) -> Iterator[tuple[Path, str]]:
    """Yield each expression of a card, or of a table or a list within it, with its path."""
    for key, value in given.items() if isinstance(given, Mapping) else enumerate(given):
        if isinstance(value, str) and key not in _LITERALS:
            yield (*location, key), value
        elif isinstance(value, Mapping | list) and key not in _LITERALS:
            yield from _expressions(value, (*location, key))


def _example_faults(
    data: Mapping[str, Any], forms: Sequence[AddressForm]
) -> Iterator[tuple[Path, Rule]]:
    if "example" not in data or not _hosts_can_be_read(data):
        return
    served: list[tuple[Path, str]] = [(("example",), data["example"])]
    for number, each in enumerate(data.get("examples", [])):
        served.append((("examples", number), each if isinstance(each, str) else each["address"]))
    by_host = api_hosts_of(data)
    self_hosted = {_host(text) for _, text in served} if "hosts_setting" in data else set()
    hosts, api_hosts = {*by_host, *self_hosted} - {""}, {*by_host.values(), *self_hosted} - {""}
    for location, text in served:
        if not _is_served(text, hosts, api_hosts, forms):
            yield location, Rule("example", "is not an address of this connector")
    for number, text in enumerate(data.get("refused", [])):
        if _is_served(text, hosts, api_hosts, forms):
            yield ("refused", number), Rule("refused", "is an address of this connector")


def _hosts_can_be_read(data: Mapping[str, Any]) -> bool:
    return "hosts" in data or "hosts_setting" in data or bool(data.get("addresses"))


def _host(text: str) -> str:
    try:
        return read_address(text).host
    except MalformedRequest:
        return ""


def _is_served(
    text: str, hosts: set[str], api_hosts: set[str], forms: Sequence[AddressForm]
) -> bool:
    try:
        return match_in(forms, hosts, api_hosts, read_address(text)) is not None
    except MalformedRequest:
        return False


def _url_fault(url: str) -> Rule | None:
    """Check the literal beginning, and the rest without the parts."""
    origin = _ORIGIN.match(url)
    if origin is None or not is_template(url) or url.startswith("//"):
        return Rule("url", "must be an https address of a literal host, or a path; parts as {name}")
    try:
        literal_host(url)
    except ValueError:
        return Rule("url", "has an invalid port")
    return None


def nested(faults: Sequence[tuple[Path, Rule]]) -> dict[Any, Any]:
    """Write faults as marshmallow does: a table of tables, down to lists of rules."""
    tree: dict[Any, Any] = {}
    for location, rule in faults:
        at = tree
        for key in location[:-1]:
            at = at.setdefault(key, {})
        found = at.setdefault(location[-1], [])
        if isinstance(found, list) and rule not in found:
            found.append(rule)
    return tree
