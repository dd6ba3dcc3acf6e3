"""Datetimes as queries write them: ISO 8601, and differences from now such as `now-1d/d`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_STEP: Final = re.compile(r"\s*(?:/\s*([dwm])|([+-])\s*(\d{1,6})\s*([smhdw]))\s*", re.ASCII)
_MOST_STEPS: Final = 8


def read_datetime(given: str) -> datetime:
    """Read ISO 8601: a date, or a time, which is UTC where it has no offset.

    Raises ValueError.
    """
    value = datetime.fromisoformat(given)
    with _overflow_as_value_error():
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def read_difference(given: str, now: datetime) -> datetime:
    """Read `now`, and what is done to it in turn: `+2h`, `-1d`, or `/d`, the beginning of its day.

    Units are s, m(inutes), h, d, w; the beginnings are those of a day, a week (Monday), a month.
    Raises ValueError.
    """
    rest = given.strip()
    if not rest.startswith("now"):
        raise ValueError("must begin with now")
    value, at = now.astimezone(UTC), len("now")
    for _ in range(_MOST_STEPS):
        if at == len(rest):
            return value
        step = _STEP.match(rest, at)
        if step is None:
            break
        with _overflow_as_value_error():
            value, at = _stepped(value, step), step.end()
    raise ValueError(f"cannot be read from character {at + 1} on")


def _stepped(value: datetime, step: re.Match[str]) -> datetime:
    beginning, sign, number, unit = step.groups()
    if beginning:
        return _beginning(value, beginning)
    distance = int(number) * _UNITS[unit]
    return value + distance if sign == "+" else value - distance


def _beginning(value: datetime, unit: str) -> datetime:
    midnight = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "w":
        return midnight - timedelta(days=midnight.weekday())
    return midnight.replace(day=1) if unit == "m" else midnight


@contextmanager
def _overflow_as_value_error() -> Iterator[None]:
    try:
        yield
    except OverflowError as error:
        raise ValueError(str(error)) from error
