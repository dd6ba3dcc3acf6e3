"""What verification reads of a request, and the proof that it gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote


# No slots: a cached_property needs the instance's dictionary.
@dataclass(frozen=True)
class SignedRequest:
    """A request as it was received.

    `query` is the raw query string, not decoded; `data` is the text of a POST's `data` field, and
    `envelope` the whole body that it came in, for the diagnosis of a false signature. The headers
    are the raw values of `Authorization` and `x-asana-request-signature`, or None, and of `Host`.
    """

    method: str
    path: str
    query: bytes
    authorization: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    data: str | None = None
    envelope: bytes = field(default=b"", repr=False)
    host: str = ""

    @property
    def message(self) -> bytes:
        """The bytes that the host signs: the raw query, or for POST the text of `data`."""
        return self.body if self.method == "POST" else self.query

    @property
    def body(self) -> bytes:
        """The text of a POST's `data`, in UTF-8; empty for a GET."""
        # JSON can hold half of a surrogate pair, and UTF-8 cannot: each text must differ here too.
        return (self.data or "").encode("utf-8", "surrogatepass")

    @cached_property
    def parameters(self) -> Sequence[tuple[str, str]]:
        """The decoded query; for POST, the members of `data`'s JSON object.

        Of these, only texts and whole numbers are parameters: older hosts send times as numbers.
        """
        return _members(self.data) if self.method == "POST" else self._of_query()

    @property
    def query_parameters(self) -> Sequence[tuple[str, str]]:
        """The decoded query, whatever the method."""
        return self._of_query() if self.method == "POST" else self.parameters

    def _of_query(self) -> Sequence[tuple[str, str]]:
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
    # Most queries escape nothing else: an address and a time. This is ten times as fast.
    text = text.replace("%3A", ":").replace("%2F", "/")
    pairs = []
    for piece in text.split("&"):
        name, _, value = piece.partition("=")
        if "%" in piece or "+" in piece:
            name, value = _decoded(name), _decoded(value)
        if piece:
            pairs.append((name, value))
    return pairs


def _decoded(text: str) -> str:
    return unquote(text.replace("+", " "), encoding="utf-8", errors="replace")


def _members(data: str | None) -> list[tuple[str, str]]:
    """List the members of a JSON object that are texts or whole numbers, repeated ones too."""
    try:
        document: Any = json.loads(data or "", object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return []
    # A list of JSON stays a list; only an object is a tuple of its members.
    members = document if isinstance(document, tuple) else ()
    texts = ((name, value) for name, value in members if type(value) in (str, int))
    return [(_encodable(name), _encodable(str(value))) for name, value in texts]


def _encodable(text: str) -> str:
    """Replace what UTF-8 cannot hold, as is done for a query."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a proof speaks: the host's ids of the workspace, the person and the task.

    Each is None if only a parameter names it, as the bearer of a token can choose its parameters.
    `holder` tells those apart who hold proofs: the person, a token's subject, or the text of a
    token that names nobody.
    """

    workspace: str | None = None
    user: str | None = None
    task: str | None = None
    holder: str = field(default="", repr=False)


NOBODY: Final = Viewer()


@dataclass(frozen=True, slots=True)
class Proof:
    """A valid proof; `kind` is `jwt`, `signature` or `off`, and `subject` a token's `sub`."""

    kind: str
    subject: str | None = None
    viewer: Viewer = NOBODY

    @property
    def workspace(self) -> str | None:
        """The workspace that the proof covers."""
        return self.viewer.workspace


def viewer_named_by(request: SignedRequest) -> Viewer:
    """Return the viewer whom the parameters name, for a proof that covers all of them."""
    named = request.first_values.get
    user = named("user")
    return Viewer(named("workspace"), user, named("task"), user or "")
