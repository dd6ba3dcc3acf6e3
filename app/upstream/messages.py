"""What goes out to another system and what comes back: the words that the parts share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

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
