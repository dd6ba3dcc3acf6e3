"""Exports and imports widgets as lines of JSON: what the records of all dialects share.

A record is one line. Only one is in memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from app.errors import Conflict, InvalidInput, NotFound
from app.library.core.store import Store
from app.library.http.body import LARGEST, parse_json

# A body takes up to four times as much when it is written again: `1e15` is
# `1000000000000000.0`. Beside that, a record has its users and times.
LONGEST_LINE: Final = 4 * LARGEST + (64 << 10)


@dataclass(frozen=True, slots=True)
class Owner:
    """The user of widgets that do not name one."""

    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a record: `known` was stored already, and stays as it is.

    `key` is the record's id; `why` says what is wrong with one that is refused.
    """

    line: int
    state: Literal["stored", "known", "refused"]
    key: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A dialect's export and import. A record that is imported twice is stored once."""

    name: str
    exported: Callable[[Store], Iterator[bytes]]
    imported: Callable[[Store, Owner, Iterable[bytes]], Iterator[Outcome]]


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; of one that is too long, enough to see that it is."""
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
        yield line


def import_records(
    lines: Iterable[bytes], import_one: Callable[[Any], tuple[str, bool]]
) -> Iterator[Outcome]:
    """Import the record of each line that is not blank.

    `import_one` returns a record's key, and whether it is new. A record that it refuses, and a line
    that is not JSON, are reported as refused; the others go on.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            key, new = import_one(_record(line))
        except (InvalidInput, NotFound, Conflict) as refusal:
            others = refusal.others if isinstance(refusal, InvalidInput) else ()
            yield Outcome(number, "refused", why="; ".join((refusal.sentence, *others)))
        else:
            yield Outcome(number, "stored" if new else "known", key)


def _record(line: bytes) -> Any:
    if len(line) > LONGEST_LINE:
        raise InvalidInput(f"is over {LONGEST_LINE} bytes", where="$")
    return parse_json(line)
