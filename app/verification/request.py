"""What verification reads of a request, and the proof that it gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import unquote

# How many decoded names and values are cached, and the longest of them in characters.
MAX_CACHED: Final = 2048
LONGEST_CACHED: Final = 256


# No slots: a cached_property needs the instance's dictionary.
@dataclass(frozen=True)
class SignedRequest:
    """A request as it was received.

    `query` is the raw query string, not decoded; `data` is the text of a POST's `data` field;
    the headers are the raw values of `Authorization` and `x-asana-request-signature`, or None, and
    of `Host`.
    """

    method: str
    path: str
    query: bytes
    authorization: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    data: str | None = None
    host: str = ""

    @property
    def message(self) -> bytes:
        """The bytes that the host signs: the raw query, or for POST the text of `data`."""
        return (self.data or "").encode() if self.method == "POST" else self.query

    @cached_property
    def parameters(self) -> Sequence[tuple[str, str]]:
        """The decoded query; for POST, the members of `data`'s JSON object that are strings."""
        if self.method == "POST":
            return [pair for pair in _members(self.data) if isinstance(pair[1], str)]
        return read_query_string(self.query.decode("latin-1"))

    @cached_property
    def first_values(self) -> Mapping[str, str]:
        """The first value of each parameter, decoded."""
        return dict(reversed(self.parameters))

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter, decoded, or None."""
        return self.first_values.get(name)


def read_query_string(text: str) -> list[tuple[str, str]]:
    """Parse a query string as `urllib.parse.parse_qsl` does with blank values kept."""
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def _decoded(text: str) -> str:
    """Decode a name or value: many need no decoding, and most addresses are requested again."""
    if "%" not in text and "+" not in text:
        return text
    return _unquote_cached(text) if len(text) <= LONGEST_CACHED else _unquote(text)


def _unquote(text: str) -> str:
    return unquote(text.replace("+", " "), encoding="utf-8", errors="replace")


_unquote_cached = lru_cache(MAX_CACHED)(_unquote)


def _members(data: str | None) -> list[tuple[str, Any]]:
    try:
        document = json.loads(data or "")
    except (ValueError, RecursionError):
        return []
    return list(document.items()) if isinstance(document, dict) else []


@dataclass(frozen=True, slots=True)
class Proof:
    """A valid proof; `kind` is `jwt`, `signature` or `off`.

    `workspace` is the one that the proof covers. It is None if only a parameter names it, as the
    bearer of a token can choose its parameters.
    """

    kind: str
    subject: str | None = None
    workspace: str | None = None
