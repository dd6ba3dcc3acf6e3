"""What a typed text may mean: an address that was pasted, or a short form such as `ACME-12`."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from app.connectors import ConnectorRegistry, Match
from app.errors import MalformedRequest, NoConnector

# One text may be a short form of several systems, and of several servers of each.
MOST_MEANINGS: Final = 5
# In characters: hardly a title is longer, and some systems refuse a longer text.
LONGEST_SEARCHED: Final = 200
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
# An address as a browser shows it, without the scheme.
_BARE: Final = re.compile(
    r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::[0-9]{1,5})?/\S+", re.IGNORECASE | re.ASCII
)


def pasted_address(text: str) -> str | None:
    """Return the address that a text is, with its scheme; None where it is not one."""
    if _SCHEME.match(text):
        return text
    return f"https://{text}" if _BARE.fullmatch(text) else None


def beginning(text: str) -> str:
    """Return the words at the beginning of a text that systems are searched for."""
    if len(text) <= LONGEST_SEARCHED:
        return text
    complete, _, torn = text[:LONGEST_SEARCHED].rpartition(" ")
    return complete or torn


def short_forms(text: str, registry: ConnectorRegistry, recent: Iterable[str]) -> list[str]:
    """List the addresses that a short form may mean; `recent` are those attached lately."""
    if " " in text:
        return []
    matches_of = _by_connector(registry, recent)
    meant = (
        address
        for connector in registry.connectors
        for address in connector.short_forms(text, matches_of.get(connector.name, []))
    )
    return list(dict.fromkeys(meant))


def _by_connector(
    registry: ConnectorRegistry, addresses: Iterable[str]
) -> dict[str, Sequence[Match]]:
    matches_of: dict[str, list[Match]] = {}
    for address in addresses:
        try:
            connector, match = registry.find(address)
        except (NoConnector, MalformedRequest):
            continue
        matches_of.setdefault(connector.name, []).append(match)
    return {name: tuple(matches) for name, matches in matches_of.items()}
