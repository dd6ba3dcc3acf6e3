"""`expires_at`: when a request expires."""

import re
from datetime import datetime
from typing import Final

from app.errors import MalformedRequest, NotAuthenticated

_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
# Fewer milliseconds than this would be a day in 1973: the sender meant seconds.
SMALLEST_MILLISECONDS: Final = 10**11


def read_expiry(text: str) -> float:
    """Parse `expires_at`; returns seconds since 1970.

    Takes ISO 8601 with an offset or `Z`, or integer milliseconds. Raises MalformedRequest.
    """
    if _INTEGER.fullmatch(text):
        if int(text) < SMALLEST_MILLISECONDS:
            raise _unreadable("it counts seconds; older hosts send milliseconds")
        return int(text) / 1000
    try:
        # Some versions of Python parse on past a zero byte.
        parsed = datetime.fromisoformat(text if text.isprintable() else "")
    except ValueError:
        raise _unreadable("it is not an ISO 8601 time") from None
    if parsed.utcoffset() is None:
        raise _unreadable("it has no offset and no `Z`")
    return parsed.timestamp()


def check_expiry(text: str, now: float) -> None:
    """Refuse a request that expires at or before `now`, in seconds since 1970.

    Raises NotAuthenticated, which names the clock difference that would explain it, or
    MalformedRequest.
    """
    late = now - read_expiry(text)
    if late >= 0:
        raise NotAuthenticated(
            "expired",
            f"expires_at was {late:.3f} s ago",
            would_match=f"a clock that is {late:.3f} s behind this one",
        )


def _unreadable(why: str) -> MalformedRequest:
    return MalformedRequest(
        f"expires_at: {why}",
        sentence=f"Illegal or malformed request. `expires_at` cannot be read: {why}.",
    )
