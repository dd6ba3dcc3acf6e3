"""Exports and imports widgets as lines of JSON: what the records of all dialects share.

A record is one line. An export has a few in memory at a time, an import a few megabytes.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, Literal

from marshmallow import validate
from sqlalchemy.orm import Session

from app.database.base import NAME_LENGTH
from app.database.columns import to_json
from app.database.store import Store
from app.errors import Conflict, InvalidInput, NotFound
from app.library.core.users import Author
from app.library.http.body import LARGEST, parse_json

# A body takes up to four times as much when it is written again: `1e15` is
# `1000000000000000.0`. Beside that, a record has its users and times.
LONGEST_LINE: Final = 4 * LARGEST + (64 << 10)
# Of a user that a record names, and of a time.
RECORD_NAME: Final = (
    validate.Length(1, NAME_LENGTH),
    validate.Predicate("isprintable", error="must be printable"),
)
RECORD_TIME: Final = validate.Range(
    datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
)
# Records in a transaction, at most: each transaction waits for the disk once.
AT_ONCE: Final = 100


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
    """A dialect's export and import. A record that is imported twice is stored once.

    Records that name no user are those of the Author that an import is given.
    """

    name: str
    exported: Callable[[Store], Iterator[bytes]]
    imported: Callable[[Store, Author, Iterable[bytes]], Iterator[Outcome]]


def author_of(data: Mapping[str, Any]) -> Author:
    """Return a user that a record names; without a name it is the handle."""
    return Author(data["handle"], data.get("name") or data["handle"])


def line_of(record: Any) -> bytes:
    return to_json(record).encode() + b"\n"


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; of one that is too long, enough to see that it is."""
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
        yield line


class EqualRecords:
    """Counts equal records without an id: each is its own, and the same one in a second run."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def numbered(self, content: Any) -> Any:
        """Return a record's content, with a number where an equal one came before."""
        digest = hashlib.sha256(to_json(content).encode()).digest()
        before = self._seen[digest]
        self._seen[digest] += 1
        return [content, before] if before else content


def import_records(
    store: Store, lines: Iterable[bytes], import_one: Callable[[Session, Any], tuple[str, bool]]
) -> Iterator[Outcome]:
    """Import the record of each line that is not blank, many in a transaction.

    `import_one` returns a record's key, and whether it is new. A record that it refuses, and a line
    that is not JSON, are reported as refused; the others go on. What is reported is committed.
    """
    for batch in _batches(enumerate(lines, 1)):
        with store.writing() as session:
            outcomes = [_outcome(session, *each, import_one) for each in batch]
        yield from outcomes


def _batches(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Collect lines that are not blank: others that write wait no longer than for one batch."""
    batch, size = [], 0
    for number, line in lines:
        if not line.strip():
            continue
        batch.append((number, line))
        size += len(line)
        if len(batch) == AT_ONCE or size >= LARGEST:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _outcome(
    session: Session,
    number: int,
    line: bytes,
    import_one: Callable[[Session, Any], tuple[str, bool]],
) -> Outcome:
    try:
        with session.begin_nested():
            key, new = import_one(session, _record(line))
    except (InvalidInput, NotFound, Conflict) as refusal:
        others = refusal.others if isinstance(refusal, InvalidInput) else ()
        return Outcome(number, "refused", why="; ".join((refusal.sentence, *others)))
    return Outcome(number, "stored" if new else "known", key)


def _record(line: bytes) -> Any:
    if len(line) > LONGEST_LINE:
        raise InvalidInput(f"is over {LONGEST_LINE} bytes", where="$")
    return parse_json(line)
