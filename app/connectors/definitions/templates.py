"""The templates of a definition's requests, which the parts of an address are filled into.

A part is encoded once where it is filled into an address or a header. In a body it stays as it is.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from app.origins import host_of
from app.upstream.messages import UpstreamRequest

FILLED: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?:\|([a-z]+))?\}")
# What the address itself is, beside its parts.
BUILT_IN: Final = frozenset({"host", "address"})
PATH: Final = "path"  # keeps slashes
NUMBER: Final = "number"  # of a body: a number of JSON


def _tiny(code: str) -> str:
    """Read the number of a short link of Confluence: its bytes in base64, the lowest first."""
    plain = code.translate({ord("-"): "/", ord("_"): "+"})
    padded = re.sub(r"[^A-Za-z0-9+/]", "", plain).ljust(11, "A")[:11]
    return str(int.from_bytes(base64.b64decode(f"{padded}="), "little"))


FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "upper": str.upper,
    "lower": str.lower,
    "spaced": lambda text: text.replace("+", " "),
    "escaped": lambda text: quote(text, safe=""),
    "tiny": _tiny,
}


def names_in(template: Any) -> Iterator[str]:
    """Yield the named parts in every template of a JSON value."""
    if isinstance(template, str):
        yield from (found[1] for found in FILLED.finditer(template) if is_template(template))
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


def is_template(text: str) -> bool:
    """Tell whether every brace in a text belongs to a named part: not so in a query of GraphQL."""
    return not set("{}") & set(FILLED.sub("", text))


def filled_request(given: Mapping[str, Any], url: str, parts: Mapping[str, str]) -> UpstreamRequest:
    """Make the request for an address, of `[connector.request]` or `[connector.search]`."""
    body = given.get("body")
    return UpstreamRequest(
        url,
        hosts=frozenset({host_of(urlsplit(url))}),
        method=given["method"],
        headers={name: filled_url(text, parts) for name, text in given["headers"].items()},
        body=None if body is None else json.dumps(filled_body(body, parts)).encode(),
    )


def filled_url(template: str, parts: Mapping[str, str]) -> str:
    """Fill parts into an address or a header: each is encoded once; `|path` keeps its slashes."""

    def fill(found: re.Match[str]) -> str:
        value = FILTERS.get(found[2] or "", str)(parts[found[1]])
        return quote(value, safe="/" if found[2] == PATH else "")

    return FILLED.sub(fill, template)


def filled_text(template: str, parts: Mapping[str, str]) -> str:
    """Fill parts into a text, as they are."""
    return FILLED.sub(lambda found: FILTERS.get(found[2] or "", str)(parts[found[1]]), template)


def filled_body(template: Any, parts: Mapping[str, str]) -> Any:
    """Fill parts into every text of a JSON template; one with other braces, too, stays as it is."""
    if isinstance(template, str):
        return _filled_value(template, parts) if is_template(template) else template
    if isinstance(template, Mapping):
        return {key: filled_body(inner, parts) for key, inner in template.items()}
    return (
        [filled_body(each, parts) for each in template] if isinstance(template, list) else template
    )


def _filled_value(template: str, parts: Mapping[str, str]) -> str | int:
    found = FILLED.fullmatch(template)
    if found and found[2] == NUMBER and re.fullmatch(r"[0-9]{1,15}", parts[found[1]], re.ASCII):
        return int(parts[found[1]])
    return filled_text(template, parts)
