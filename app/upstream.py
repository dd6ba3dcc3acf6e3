"""What goes out to another system and what comes back: the words that the parts share."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

_LABEL = re.compile(r"[a-z0-9-]+", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}
# In seconds: how long an upstream may send us away.
LONGEST_WAIT: Final = 900.0
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """Headers that prove who we are, and the one origin that may see them.

    `identity` names the credential without giving it away; it goes into cache keys and logs.
    """

    identity: str
    origin: str
    headers: Mapping[str, str] = field(repr=False)


ANONYMOUS = Credential(identity="anonymous", origin="", headers={})


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One outgoing request. `hosts` are all that it may reach, redirects included.

    A body makes it JSON. Whose `credential` it carries is for the story to say.
    """

    url: str
    hosts: frozenset[str]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    credential: Credential = ANONYMOUS


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """One answer: the status, the headers in lower case, and the whole decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = ""


def host_of(parts: SplitResult) -> str:
    """Return `host`, or `host:port` where the port is not the scheme's own, in lower case.

    Raises ValueError where the port is none.
    """
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    own = DEFAULT_PORTS.get(parts.scheme)
    return shown if parts.port in (None, own) else f"{shown}:{parts.port}"


def is_named(host: str, names: Iterable[str]) -> bool:
    """Tell whether a host is among names; `*.example.com` names each child of example.com."""
    wanted = names_of(host)
    return any(name in wanted for name in names)


def names_of(host: str) -> tuple[str, ...]:
    """List the names that a host goes by: its own, and `*.example.com` where it is a child."""
    if "*" in host:
        return ()
    child, _, parent = host.partition(".")
    return (host, f"*.{parent}") if _LABEL.fullmatch(child) else (host,)


def origin_of(url: str | SplitResult) -> str:
    """Return `scheme://host:port` of an address, in lower case and with the port spelled out.

    Raises ValueError where the port is none.
    """
    parts = urlsplit(url) if isinstance(url, str) else url
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{parts.port or DEFAULT_PORTS.get(scheme, 0)}"


def retry_after(value: str, now: float) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date, as seconds from now; None where it is neither.

    Implements RFC 9110, section 10.2.3. `now` is the time of day.
    """
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return float(text)
    try:
        return seconds_until(parsedate_to_datetime(text), now)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def seconds_until(then: datetime, now: float) -> float:
    """Count the seconds to a time, none where it is past; one without an offset is UTC."""
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(aware.timestamp() - now, 0.0)
