"""A payload as somebody types it: what is wrong with it, and on which line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.devtools.preview.json_text import lines_of
from templates_schemas import Fault, faults

LONGEST: Final = 1 << 17
MOST_FAULTS: Final = 100
UNTIL_JSON: Final = "json"


@dataclass(frozen=True, slots=True)
class LinedFault:
    """A fault and its line, counted from 1."""

    line: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Edited:
    """A text, the JSON that it holds (None where it is none), and its faults by line.

    Of very many faults the first are told, and `untold` counts the others.
    """

    text: str
    payload: Any
    faults: tuple[LinedFault, ...]
    untold: int = 0

    @property
    def is_json(self) -> bool:
        """Whether there is something to draw."""
        return not any(found.fault.rule == UNTIL_JSON for found in self.faults)

    @property
    def lines(self) -> int:
        """How many lines the text has."""
        return self.text.count("\n") + 1

    @property
    def faulty_lines(self) -> dict[int, str]:
        """What is wrong on each line that has a fault."""
        told: dict[int, str] = {}
        for found in self.faults:
            told[found.line] = (
                f"{told[found.line]}; {found.fault}" if found.line in told else str(found.fault)
            )
        return told


def edit(text: str) -> Edited:
    """Read a text as a payload, and find all that the host would not take."""
    whole = text.replace("\r\n", "\n")
    if len(whole) > LONGEST:
        return _unread(whole, 1, f"has {len(whole)} characters; at most {LONGEST} are read")
    try:
        payload = json.loads(whole, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return _unread(whole, error.lineno, f"is not JSON: {error.msg}, at column {error.colno}")
    except ValueError as error:
        return _unread(whole, 1, f"is not JSON: {error}")
    except RecursionError:
        return _unread(whole, 1, "is nested too deep")
    found = faults(payload)
    lines = lines_of(whole) if found else {}
    placed = [LinedFault(_line_of(fault.path, lines), fault) for fault in found]
    placed.sort(key=lambda one: one.line)
    told = tuple(placed[:MOST_FAULTS])
    return Edited(whole, payload, told, len(placed) - len(told))


def _unread(text: str, line: int, message: str) -> Edited:
    return Edited(text, None, (LinedFault(line, Fault("$", UNTIL_JSON, message)),))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _line_of(path: str, lines: Mapping[str, int]) -> int:
    """Find the line of a path; of a key that is missing, the line of what lacks it."""
    while path not in lines and path != "$":
        path = path[: max(path.rfind("."), path.rfind("["), 1)]
    return lines.get(path, 1)
