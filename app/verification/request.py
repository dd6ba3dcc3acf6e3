"""What verification looks at: the parts of a request that a proof speaks of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import unquote

# What is decoded of queries is remembered for this many parts, unless one is longer than most are.
MOST_REMEMBERED: Final = 2048
LONGEST_REMEMBERED: Final = 256


# No slots: what is parsed once needs a place.
@dataclass(frozen=True)
class SignedRequest:
    """A request as it came over the wire.

    `query` is the raw query string, nothing decoded; `data` is the text of a POST's `data` field;
    the headers are the raw values of `Authorization` and `x-asana-request-signature`, or None.
    """

    method: str
    path: str
    query: bytes
    authorization: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    data: str | None = None

    @property
    def message(self) -> bytes:
        """The bytes that the host signs: the raw query, or for POST the text of `data`."""
        return (self.data or "").encode() if self.method == "POST" else self.query

    @cached_property
    def parameters(self) -> Sequence[tuple[str, str]]:
        """The query, decoded; of a POST the strings in the object that `data` holds."""
        if self.method == "POST":
            return [pair for pair in _members(self.data) if isinstance(pair[1], str)]
        return read_query_string(self.query.decode("latin-1"))

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter, decoded, or None."""
        return next((value for key, value in self.parameters if key == name), None)


def read_query_string(text: str) -> list[tuple[str, str]]:
    """Read a query string as `urllib.parse.parse_qsl` does, blank values kept."""
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def _decoded(part: str) -> str:
    """Decode a part; most names and ids have nothing to decode, and most addresses come again."""
    if "%" not in part and "+" not in part:
        return part
    return _unquoted(part) if len(part) <= LONGEST_REMEMBERED else _unquote(part)


def _unquote(part: str) -> str:
    return unquote(part.replace("+", " "), encoding="utf-8", errors="replace")


_unquoted = lru_cache(MOST_REMEMBERED)(_unquote)


def _members(data: str | None) -> list[tuple[str, Any]]:
    try:
        given = json.loads(data or "")
    except (ValueError, RecursionError):
        return []
    return list(given.items()) if isinstance(given, dict) else []


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds: `kind` is `jwt`, `signature` or `off`.

    `workspace` is the one that the proof speaks for; None where a parameter alone names it, which
    the bearer of a token could write at will.
    """

    kind: str
    subject: str | None = None
    workspace: str | None = None
