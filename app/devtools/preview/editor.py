"""A payload as somebody types it: what is wrong with it, and where in its text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.devtools.preview.json_text import JsonSpan, span_of, spans_of
from templates_schemas import Fault, UnreadablePayload, faults, read_payload
from templates_schemas.reading import UNTIL_JSON
from templates_schemas.text import utf16_length

LONGEST: Final = 1 << 17
MOST_FAULTS: Final = 100
# These say something of the key; the others of its value.
OF_KEYS: Final = frozenset({"unknown_key", "repeated", "required"})


@dataclass(frozen=True, slots=True)
class LinedFault:
    """A fault and its line, counted from 1; what to underline, in UTF-16 code units of the text."""

    line: int
    start: int
    end: int
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
        messages: dict[int, str] = {}
        for found in self.faults:
            before = f"{messages[found.line]}; " if found.line in messages else ""
            messages[found.line] = f"{before}{found.fault}"
        return messages


def edit(text: str) -> Edited:
    """Read a text as a payload, and find all that the host would not take."""
    unix_text = text.replace("\r\n", "\n")
    if len(unix_text) > LONGEST:
        message = f"has {len(unix_text)} characters; at most {LONGEST} are read"
        return _unread(unix_text, UnreadablePayload(message))
    try:
        read = read_payload(unix_text)
    except UnreadablePayload as unreadable:
        return _unread(unix_text, unreadable)
    found = (*read.faults, *faults(read.payload))
    spans = spans_of(unix_text) if found else {}
    placed = sorted((_placed(fault, spans, unix_text) for fault in found[:MOST_FAULTS]), key=_line)
    return Edited(unix_text, read.payload, tuple(placed), len(found) - len(placed))


def _line(found: LinedFault) -> int:
    return found.line


def _unread(text: str, unreadable: UnreadablePayload) -> Edited:
    offset = utf16_length(text[: unreadable.offset])
    end = min(offset + 1, utf16_length(text))
    return Edited(text, None, (LinedFault(unreadable.line, offset, end, unreadable.fault),))


def _placed(fault: Fault, spans: Mapping[str, JsonSpan], text: str) -> LinedFault:
    span = span_of(fault.path, spans)
    is_of_key = fault.rule in OF_KEYS or span.is_container
    start, end = (utf16_length(text[:at]) for at in (span.key if is_of_key else span.value))
    return LinedFault(span.line, start, end, fault)
