"""The addresses that people paste, read once, and what a connector matches of them."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import regex

from app.errors import MalformedRequest
from app.origins import DEFAULT_PORTS, Server, host_of, server_of

# What no address holds; `urlsplit` would quietly drop some of it. A blank may stand in a path.
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f\\]|\A | \Z|\A[^/]*//[^/?#]* ")
LONGEST_ADDRESS: Final = 8192


@dataclass(frozen=True, slots=True)
class ResourceUrl:
    """A `resource_url`, read once.

    `host` is `host[:port]` in lower case, as DNS holds it; blanks in `path` are `%20`; `query` has
    the first value of each parameter. `has_user` tells that a user name stands before the host.
    """

    host: str
    path: str
    query: Mapping[str, str]
    fragment: str = ""
    has_user: bool = False

    def below(self, base: str) -> "ResourceUrl | None":
        """Return what follows a path; None where the address is not below it."""
        if not self.path.startswith(f"{base}/"):
            return None
        return replace(self, path=self.path.removeprefix(base))


@dataclass(frozen=True, slots=True)
class Match:
    """An address that a connector serves: where, and the named parts of the address."""

    server: Server
    parameters: Mapping[str, str]
    path: str = ""

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]

    def get(self, name: str, otherwise: str = "") -> str:
        """Return a part that only some forms of the address have."""
        return self.parameters.get(name, otherwise)

    @property
    def host(self) -> str:
        """The host of the address, with its port."""
        return self.server.host


def one_of(*forms: str, any_case: bool = False) -> re.Pattern[str]:
    """Compile the forms that a system's addresses have into one pattern.

    Two forms may give a part the same name. With `any_case`, ASCII letters match in either case.
    """
    flags = regex.ASCII | regex.IGNORECASE if any_case else regex.ASCII
    pattern: Any = regex.compile("|".join(f"(?:{form})" for form in forms), flags)
    compiled: re.Pattern[str] = pattern
    return compiled


def servers_of(setting: Iterable[str] | None) -> tuple[Server, ...]:
    """Read the servers that a setting of the kind `hosts` names, the longest paths first."""
    return tuple(sorted(map(server_of, setting or ()), key=lambda server: -len(server.base)))


def json_in_base64(text: str) -> Any:
    """Read an object that an address holds as JSON in base64; {} where it does not."""
    try:
        padded = text.replace(" ", "+") + "=" * (-len(text) % 4)
        read = json.loads(base64.b64decode(padded, altchars=b"-_" if "-" in text else None))
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def read_address(text: str) -> ResourceUrl:
    """Read a `resource_url`: absolute, http or https.

    Raises MalformedRequest, which says what is wrong with it.
    """
    if len(text) > LONGEST_ADDRESS:
        raise malformed(f"is over {LONGEST_ADDRESS} characters")
    if _FORBIDDEN.search(text):
        raise malformed("holds a control character or a backslash, or a blank outside its path")
    try:
        url = urlsplit(text.replace(" ", "%20"))
        host = host_of(url)
    except ValueError:
        raise malformed("cannot be read") from None
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise malformed("must be an absolute http or https address")
    first_values = dict(reversed(parse_qsl(url.query, keep_blank_values=True)))
    return ResourceUrl(host, url.path, first_values, url.fragment, "@" in url.netloc)


def malformed(why: str) -> MalformedRequest:
    """Make the error of an address that is not valid, with what is wrong with it."""
    return MalformedRequest(
        f"resource_url: {why}",
        sentence=f"Illegal or malformed request. `resource_url` {why}.",
    )
