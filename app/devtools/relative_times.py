"""Times as people say them: `3 days ago`."""

from datetime import timedelta
from typing import Final

_SECONDS_IN: Final = {
    "year": 365 * 86_400,
    "month": 30 * 86_400,
    "week": 7 * 86_400,
    "day": 86_400,
    "hour": 3_600,
    "minute": 60,
}


def relative(away: timedelta) -> str:
    """Say how long ago, or from now, in the largest unit of which there is nearly one."""
    seconds = abs(away.total_seconds())
    if seconds < 60:
        return "just now"
    unit, length = next(one for one in _SECONDS_IN.items() if seconds >= 0.85 * one[1])
    count = round(seconds / length)
    span = f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{span} ago" if away < timedelta() else f"in {span}"
