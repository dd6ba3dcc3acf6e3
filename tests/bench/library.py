"""The library: what is done with a hundred thousand saved widgets, on both databases."""

import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from app.database.migrations import EARLIEST
from app.database.store import Store
from app.library.datadog import transfer as datadog_records
from app.library.spaceone import transfer as spaceone_transfer
from tests.bench.library_operations import Operation, operations_of
from tests.bench.library_rows import load
from tests.bench.library_statements import Bare, Statement, heard, plan_of
from tests.bench.tables import Missing, Table, skipped
from tests.databases import NoPostgresql, migrated, postgresql

WIDGETS: Final = 100_000
ROUNDS: Final = 3
SECONDS: Final = 0.1
VARIANTS: Final = 3
COLUMNS = ("operation", "a second", "p50", "the bare loop, a second", "p50", "rate, of bare")
_EXPORTS: Final = {
    "sqlite": ("Datadog", datadog_records.exported),
    "postgresql": ("SpaceONE", spaceone_transfer.exported),
}
NOTES = """
{widgets:,} saved widgets of the Datadog dialect in one experience type, and as many custom widgets
of SpaceONE's in one domain: of 50 people, 1,000 tags and titles that all differ, half a kilobyte
each. Medians of {rounds} rounds in which the store's modules and a bare loop take turns, a tenth of
a second each and at least one call. The bare loop executes the very statements of the module with
SQLAlchemy Core over the same engine, a transaction for each call, and fetches all rows: it makes no
objects, checks nothing and counts no time. A page has 50 widgets; deep is the page at 50,000. A
search of the Datadog dialect also counts all that it finds and all that there are, a list of
SpaceONE's all that it finds. One process, one thread. PostgreSQL, reached by its socket, does not
wait for its disk; it was vacuumed after the loading, SQLite never analysed.

An export walks all widgets, in pages by id: the most that Python has allocated at a time, by
`tracemalloc`, which makes the walk several times slower; so each dialect is walked on one database.
{memory}

The tables of all these widgets, brought back to what the release before needs, and up again:
{migrations}

The plans, each shortened to how it comes by the rows of widgets; what counts, before what fetches:
{plans}
"""


def measure() -> Table:
    """Measure on a file of SQLite, and on a PostgreSQL server of the bench's own."""
    return measured(WIDGETS)


def measured(widgets: int) -> Table:
    """Measure with so many widgets of either dialect."""
    rows: list[list[str]] = []
    plans: list[str] = []
    memory: list[str] = []
    migrations: list[str] = []
    with ExitStack() as stack:
        stores = {"SQLite": stack.enter_context(_sqlite())}
        missing = _add_postgresql(stores, stack)
        load(list(stores.values()), widgets)
        for name, store in stores.items():
            migrations.append(f"- {name}: {_there_and_back(store)}")
            for operation in operations_of(store, widgets):
                row, ways = _row(name, store, operation)
                rows.append(row)
                plans.append(f"- {row[0]}: {'; '.join(ways)}")
            memory.append(f"- {name}, {_walk(store, widgets)}")
    if missing:
        rows.append(skipped("PostgreSQL", COLUMNS, missing))
    notes = {"memory": memory, "migrations": migrations, "plans": plans}
    told = {name: "\n".join(lines) for name, lines in notes.items()}
    return Table(COLUMNS, rows, NOTES.format(widgets=widgets, rounds=ROUNDS, **told))


def _add_postgresql(stores: dict[str, Store], stack: ExitStack) -> Missing | None:
    """Add a store on PostgreSQL, or say why there is none."""
    try:
        server = stack.enter_context(postgresql())
    except NoPostgresql as missing:
        return Missing(str(missing))
    store = Store(stack.enter_context(server.database()))
    stack.callback(store.close)
    stores["PostgreSQL"] = store
    return None


@contextmanager
def _sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="placard-bench-") as folder:
        store = migrated(f"sqlite:///{Path(folder) / 'library.db'}")
        yield store
        store.close()


def _there_and_back(store: Store) -> str:
    """Bring the tables to the earliest version and back; tell the seconds that each way took."""
    indexed, began = _indexed(store), perf_counter()
    store.migrate_back(EARLIEST)
    middle = perf_counter()
    store.migrate()
    end = perf_counter()
    if _indexed(store) != indexed:
        raise RuntimeError("the index of old rows is not that of new ones")
    return f"back in {middle - began:.1f} s, up in {end - middle:.1f} s"


def _indexed(store: Store) -> list[int]:
    """Count what SQLite's index has, and compare its trigrams with its titles."""
    if store.dialect != "sqlite":
        return []
    with store.writing() as session:
        say = session.connection().exec_driver_sql
        say("INSERT INTO searched_trigrams (searched_trigrams, rank) VALUES ('integrity-check', 1)")
        tables = ("searched_titles", "searched_values")
        return [say(f"SELECT count(*) FROM {table}").scalar_one() for table in tables]


def _row(name: str, store: Store, operation: Operation) -> tuple[list[str], list[str]]:
    """Let the operation and its bare loop take turns; return the row, and the ways to widgets."""
    variants = [_heard(operation, number) for number in range(VARIANTS)]
    bare = Bare(store, variants)
    numbers = cycle(range(VARIANTS))
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    for _ in range(ROUNDS):
        ours.append(_times(lambda: operation.call(next(numbers))))
        theirs.append(_times(bare))
    share = median(_rate(one) / _rate(other) for one, other in zip(ours, theirs, strict=True))
    cells = [f"{name}, {operation.name}", *_cells(ours), *_cells(theirs), f"{share:.2f}"]
    return cells, plan_of(store, variants[-1])


def _heard(operation: Operation, number: int) -> list[Statement]:
    with heard() as statements:
        operation.call(number)
    return statements


def _times(call: Callable[[], object]) -> list[float]:
    """Call for a tenth of a second, at least once; return the seconds of each call."""
    times: list[float] = []
    end = perf_counter() + SECONDS
    while not times or perf_counter() < end:
        began = perf_counter()
        call()
        times.append(perf_counter() - began)
    return times


def _rate(times: Sequence[float]) -> float:
    return len(times) / sum(times)


def _cells(rounds: Sequence[Sequence[float]]) -> list[str]:
    rate = median(map(_rate, rounds))
    half = median([time for times in rounds for time in times])
    return [f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}", f"{half * 1000:.2f} ms"]


def _walk(store: Store, widgets: int) -> str:
    """Export all widgets of a dialect; tell the most memory over the first tenth, and over all."""
    name, exported = _EXPORTS[store.dialect]
    tracemalloc.start()
    try:
        began, passed, tenth = perf_counter(), 0, 0
        for passed, _ in enumerate(exported(store), start=1):
            if passed == widgets // 10:
                tenth = tracemalloc.get_traced_memory()[1]
        seconds, peak = perf_counter() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return (
        f"{name}: {passed:,} widgets in {seconds:.0f} s, at most {_mebibytes(peak)}; over the "
        f"first tenth {_mebibytes(tenth)}"
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.2f} MiB"
