"""The host's limits as meters: how much of each a payload uses, and what was cut to fit."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.devtools.preview.drawing import MOST_FIELDS, listed
from templates_schemas.limits import FIELD_NAME_MAX, FIELD_TEXT_MAX, FIELDS_MAX, TITLE_MAX
from templates_schemas.text import utf16_length

_FIELD: Final = re.compile(r"fields\[(\d+)\](?:\.(\w+))?")


@dataclass(frozen=True, slots=True)
class Meter:
    """How much of a limit is used; texts are measured in UTF-16 code units."""

    what: str
    used: int
    limit: int

    @property
    def is_over(self) -> bool:
        """Whether the host would refuse it."""
        return self.used > self.limit

    @property
    def is_near(self) -> bool:
        """Whether nine tenths of the limit are used, or more."""
        return 10 * self.used >= 9 * self.limit


@dataclass(frozen=True, slots=True)
class Limits:
    """All meters of a payload."""

    meters: tuple[Meter, ...]

    @property
    def over(self) -> tuple[Meter, ...]:
        """Those that the host would refuse."""
        return tuple(meter for meter in self.meters if meter.is_over)

    @property
    def near(self) -> tuple[Meter, ...]:
        """Those that little more would fit into."""
        return tuple(meter for meter in self.meters if meter.is_near and not meter.is_over)


@dataclass(frozen=True, slots=True)
class Shortened:
    """Something that was cut or dropped, in words: of what, and how."""

    what: str
    how: str


def limits_of(payload: Any) -> Limits:
    """Measure a payload, as far as it has the parts that are measured."""
    metadata = payload.get("metadata") if isinstance(payload, dict) else None
    return Limits(_meters(metadata) if isinstance(metadata, dict) else ())


def _meters(metadata: Mapping[str, Any]) -> tuple[Meter, ...]:
    fields = listed(metadata.get("fields"))
    found = [Meter("Title", _length(metadata.get("title")), TITLE_MAX)]
    found.append(Meter("Fields", len(fields), FIELDS_MAX))
    for number, given in enumerate(fields[:MOST_FIELDS], start=1):
        found += _field_meters(given if isinstance(given, dict) else {}, number)
    return tuple(found)


def shortened(changes: Sequence[str], payload: Mapping[str, Any]) -> tuple[Shortened, ...]:
    """Say in words what was cut or dropped; each change is a line `path: what`."""
    return tuple(_in_words(change, payload) for change in changes)


def _field_meters(given: Mapping[str, Any], number: int) -> Iterator[Meter]:
    name = given.get("name")
    shown = name if isinstance(name, str) and name.strip() else f"Field {number}"
    yield Meter(f"{shown}: name", _length(name), FIELD_NAME_MAX)
    if "text" in given:
        yield Meter(f"{shown}: text", _length(given["text"]), FIELD_TEXT_MAX)


def _length(given: Any) -> int:
    return utf16_length(given) if isinstance(given, str) else 0


def _in_words(change: str, payload: Mapping[str, Any]) -> Shortened:
    path, _, what = change.partition(": ")
    found = _FIELD.fullmatch(path)
    if not found:
        return Shortened(path.replace("_", " ").replace(".", ", ").capitalize(), what)
    fields = payload["metadata"]["fields"]
    name = fields[int(found[1])]["name"]
    part = "" if found[2] is None else f", {found[2].replace('_', ' ')}"
    return Shortened(f"{name}{part}", what)
