"""Widgets out of the library and into it, as lines of JSON: what each dialect's records share.

A record is one line, and as large as what a body may say. Nothing but the one at hand is held.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from app.errors import Conflict, InvalidInput, NotFound
from app.library.core.store import Store
from app.library.http.body import LARGEST, parse_json

# What a body says takes up to four times as much when it is written again: `1e15` is
# `1000000000000000.0`. Beside that, a record has its users and times.
LONGEST_LINE: Final = 4 * LARGEST + (64 << 10)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the widgets are that do not say whose they are."""

    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record: `known` was there already, and stays as it is there.

    `key` is the record's own, by which it is known; `why` tells of one that is refused.
    """

    line: int
    state: Literal["stored", "known", "refused"]
    key: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A dialect's way out and in. What is imported twice is stored once."""

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
    lines: Iterable[bytes], keep: Callable[[Any], tuple[str, bool]]
) -> Iterator[Outcome]:
    """Keep the record of each line that is not blank; `keep` gives its key, and whether it is new.

    What `keep` refuses, and what is no JSON, is told as refused; the others go on.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            key, new = keep(_record(line))
        except (InvalidInput, NotFound, Conflict) as refusal:
            others = refusal.others if isinstance(refusal, InvalidInput) else ()
            yield Outcome(number, "refused", why="; ".join((refusal.sentence, *others)))
        else:
            yield Outcome(number, "stored" if new else "known", key)


def _record(line: bytes) -> Any:
    if len(line) > LONGEST_LINE:
        raise InvalidInput(f"is over {LONGEST_LINE} bytes", where="$")
    return parse_json(line)
