"""What verification looks at: the parts of a request that a proof speaks of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl


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
        text = self.query.decode("latin-1")
        return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter, decoded, or None."""
        return next((value for key, value in self.parameters if key == name), None)


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
