"""What it costs that an acknowledged write is on the disk, and that all workers count together."""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import event

from app.database.columns import to_json
from app.database.store import Store
from app.library.core.users import Author
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.datadog.transfer import TRANSFER
from app.library.http.rate_limit import Limiter
from app.library.http.transfer import AT_ONCE
from tests.bench.library_rows import EXPERIENCE, caller, definition, load
from tests.bench.tables import Table
from tests.databases import migrated

ROUNDS: Final = 9
SECONDS: Final = 0.4
WRITERS: Final = 8
RECORDS: Final = 500
TOKENS: Final = 100
COLUMNS = ("operation", "a second", "without, a second", "rate, of without")
NOTES = """
SQLite in a file on the disk of this machine, whose `fsync` of 4 KiB takes {fsync:.2f} ms. `FULL`,
as the library has it, waits for that at each commit; without is `NORMAL`, which loses the last
commits in a power cut. An import commits {batch} records at a time. A count of a token's requests
is made in a file that the workers of a machine share and that is never synced; without is the
memory of one process. Medians of {rounds} rounds in which both take turns, and the median of their
ratios; one process.
"""
Work = Callable[[], int]


def measure() -> Table:
    """Measure both ways, in turns."""
    with tempfile.TemporaryDirectory(prefix="placard-bench-") as name:
        folder = Path(name)
        with (
            _store(folder / "full.db", "FULL") as full,
            _store(folder / "n.db", "NORMAL") as normal,
        ):
            rows = [
                _row("create, one writer", _creates(full, 1), _creates(normal, 1)),
                _row(
                    f"create, {WRITERS} writers", _creates(full, WRITERS), _creates(normal, WRITERS)
                ),
                _row(f"import {RECORDS} records", _imports(full), _imports(normal)),
            ]
        shared, own = Limiter(10**6, "memory://", name), Limiter(10**6, "memory://")
        rows.append(_row("count a request", _counts(shared), _counts(own)))
        return Table(
            COLUMNS, rows, NOTES.format(fsync=_fsync(folder), batch=AT_ONCE, rounds=ROUNDS)
        )


@contextmanager
def _store(file: Path, synchronous: str) -> Iterator[Store]:
    store = migrated(f"sqlite:///{file}")
    store.close()  # what was connected until now is as the library has it

    def connected(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA synchronous={synchronous}")

    event.listen(store._engine, "connect", connected)
    load([store], 0)
    yield store
    store.close()


def _row(name: str, ours: Work, without: Work) -> list[str]:
    pairs = [(_rate(ours), _rate(without)) for _ in range(ROUNDS)]
    share = median(one / other for one, other in pairs)
    cells = [f"{median(rates):,.0f}" for rates in zip(*pairs, strict=True)]
    return [name, *cells, f"{share:.2f}"]


def _rate(work: Work) -> float:
    began = perf_counter()
    done = 0
    while (seconds := perf_counter() - began) < SECONDS:
        done += work()
    return done / seconds


def _creates(store: Store, writers: int) -> Work:
    kept, who, numbers = SavedWidgets(store), caller(), count()

    def create(_: int) -> None:
        kept.create(who, EXPERIENCE, SavedWidgetDraft(definition(next(numbers)), ("env:prod",)))

    def work() -> int:
        with ThreadPoolExecutor(writers) as pool:
            list(pool.map(create, range(10 * writers)))
        return 10 * writers

    return work


def _imports(store: Store) -> Work:
    def work() -> int:
        lines = (_record(number) for number in range(RECORDS))
        return sum(1 for _ in TRANSFER.imported(store, Author("import@localhost", "Import"), lines))

    return work


def _record(number: int) -> bytes:
    attributes = {"definition": definition(number), "tags": ["env:prod"]}
    data = {"id": str(uuid4()), "type": "widgets", "attributes": attributes}
    return to_json({"experience_type": EXPERIENCE, "data": data}).encode()


def _counts(limiter: Limiter) -> Work:
    def work() -> int:
        for number in range(TOKENS):
            limiter.take(str(number))
        return TOKENS

    return work


def _fsync(folder: Path) -> float:
    """Return how long a sync takes, in milliseconds."""
    times: list[float] = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(bytes(4096))
            began = perf_counter()
            os.fsync(file.fileno())
            times.append(perf_counter() - began)
    return 1000 * median(times)
