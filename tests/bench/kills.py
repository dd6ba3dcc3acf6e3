"""Kill -9 of any process under writes: is an acknowledged one missing, and when is it back?"""

import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, TextIO

import psycopg
import requests
from sqlalchemy import select

from app.database.store import Store
from app.library.core.models import SavedWidgetRow
from app.library.core.tokens import TokenStore
from app.library.wiring import SCOPES
from tests.app.library.conftest import GRANT
from tests.bench.tables import Missing, Table, skipped
from tests.databases import DURABLE, NoPostgresql, migrated, postgresql
from tests.host import TOKEN_SECRET
from tests.ports import free_port
from tests.processes import (
    ROOT,
    SOUND,
    Launch,
    LoadedAnew,
    Service,
    fork_servers_of,
    stop,
    wait_for,
    workers_of,
)

ROUNDS: Final = 20
CLIENTS: Final = 8
WRITES: Final = 200  # a second, over all clients
LONGEST: Final = 30.0  # seconds
SEED: Final = 13
COLUMNS = ("database, killed", "rounds", "acknowledged", "missing", "back after, median", "longest")
NOTES = f"""
A service of two workers under {WRITES} POSTs a second of {CLIENTS} clients; in each round one
process is killed with SIGKILL at a random moment: the first process, the one between that workers
are forked from, a worker, or a backend of PostgreSQL, which then cuts off all others and recovers.
A first process that ends is started again at once, as systemd's `Restart=always` does. It is back
when each client has had a write acknowledged that it began after the kill: a client that fails
tries again after 20 ms. What is missing was acknowledged, and is not in the database at the end.
SQLite is in a file on the disk; PostgreSQL syncs, too.
"""
Victim = Callable[[], int]


class Write(NamedTuple):
    """A write that was acknowledged; times are monotonic."""

    began: float
    ended: float
    title: str


@dataclass
class Writers:
    """Clients that write, and what was acknowledged to each, in order."""

    base: str
    token: str
    ending: threading.Event = field(default_factory=threading.Event)
    refusals: list[int] = field(default_factory=list)
    acknowledged: list[list[Write]] = field(default_factory=lambda: [[] for _ in range(CLIENTS)])

    def write(self, client: int) -> None:
        """Write until told to end; what fails is tried again under another title."""
        session, headers = requests.Session(), {"DD-APPLICATION-KEY": self.token}
        for number in count():
            if self.ending.is_set():
                return
            title, began = f"{client}-{number}", time.monotonic()
            try:
                answer = session.post(
                    f"{self.base}/api/v2/widgets/ccm_reports",
                    json=_body(title),
                    headers=headers,
                    timeout=LONGEST,
                )
            except requests.RequestException:
                session.close()
                self.ending.wait(0.02)
                continue
            if answer.status_code != 200:
                self.refusals.append(answer.status_code)
            else:
                self.acknowledged[client].append(Write(began, time.monotonic(), title))
            self.ending.wait(max(0.0, began + CLIENTS / WRITES - time.monotonic()))

    def back_since(self, moment: float) -> float | None:
        """Return when every client had written again, if it has: what it began after a moment."""
        ends = [_first_since(each, moment) for each in self.acknowledged]
        return max(end for end in ends if end is not None) if all(ends) else None


def _first_since(writes: Sequence[Write], moment: float) -> float | None:
    later = takewhile(lambda write: write.began >= moment, reversed(writes))
    return min((write.ended for write in later), default=None)


def _body(title: str) -> dict[str, object]:
    definition = {"title": title, "type": "change", "requests": []}
    return {"data": {"type": "widgets", "attributes": {"definition": definition}}}


@contextmanager
def writing(base: str, token: str) -> Iterator[Writers]:
    """Write for the length of a block."""
    writers = Writers(base, token)
    threads = [threading.Thread(target=writers.write, args=(each,)) for each in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        writers.ending.set()
        for thread in threads:
            thread.join()


class Supervised:
    """A service that is started again when it ends, on the same port."""

    def __init__(
        self,
        settings: Mapping[str, str],
        log: TextIO,
        workers: int = 2,
        launch: Launch = LoadedAnew,
    ) -> None:
        self._launch = launch
        self._port = free_port()
        self._settings, self._log, self._workers = dict(settings), log, str(workers)
        self.base = f"http://127.0.0.1:{self._port}"
        self.process = self._start()
        wait_for(self.base, self.process)

    def _start(self) -> Service:
        options = ("--workers", self._workers, "--threads", "32", "--port", str(self._port))
        return self._launch("serve", *options, settings=self._settings, cwd=ROOT, log=self._log)

    def look_after(self) -> None:
        """Start it again where it has ended."""
        if self.process.poll() is not None:
            self.process = self._start()

    def stop(self) -> None:
        stop(self.process)

    def first(self) -> int:
        return self.process.pid

    def worker(self) -> int:
        """Wait for a worker, and return it."""
        return self._one_of(workers_of)

    def fork_server(self) -> int:
        """Wait for the process that workers are forked from, and return it."""
        return self._one_of(fork_servers_of)

    def _one_of(self, found: Callable[[int], set[int]]) -> int:
        while not (processes := found(self.process.pid)):
            time.sleep(0.01)
        return random.choice(sorted(processes))


@contextmanager
def supervised(url: str, launch: Launch = LoadedAnew) -> Iterator[Supervised]:
    """Run a service over a database for the length of a block."""
    settings = SOUND | {
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_DATABASE_URL": url,
        "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": "1000000",
    }
    with tempfile.TemporaryFile("a+", encoding="utf-8") as log:
        service = Supervised(settings, log, launch=launch)
        try:
            yield service
        finally:
            service.stop()


@dataclass(frozen=True)
class Round:
    """Who was killed, and how long it took until every client could write again, in seconds."""

    victim: str
    back_after: float


def kill_rounds(
    service: Supervised, writers: Writers, victims: Mapping[str, Victim], rounds: int
) -> list[Round]:
    """Kill one process in each round, each kind in turn; raises TimeoutError if it is not back."""
    moments = random.Random(SEED)
    done = []
    for number in range(rounds):
        _wait_until_back(service, writers, time.monotonic())
        time.sleep(moments.uniform(0.05, 1.0))
        kind = list(victims)[number % len(victims)]
        victim = victims[kind]()
        # The workers of a first process end with it, but a moment later.
        ending = [victim, *fork_servers_of(victim), *workers_of(victim)]
        killed = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        while any(map(_lives, ending)) and time.monotonic() < killed + LONGEST:
            time.sleep(0.005)
        back = _wait_until_back(service, writers, time.monotonic())
        done.append(Round(kind, back - killed))
    return done


def _lives(process: int) -> bool:
    """Tell whether a process has not ended yet; one that nobody has waited for has."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(") ")[2][0] != "Z"


def _wait_until_back(service: Supervised, writers: Writers, moment: float) -> float:
    while time.monotonic() < moment + LONGEST:
        service.look_after()
        if (back := writers.back_since(moment)) is not None:
            return back
        time.sleep(0.01)
    raise TimeoutError(service.process.logged()[-2000:])


def missing_of(url: str, writers: Writers) -> tuple[int, int]:
    """Return how many writes were acknowledged, and how many of them the database lacks."""
    acknowledged = {write.title for each in writers.acknowledged for write in each}
    store = Store(url)
    with store.reading() as session:
        stored = set(session.scalars(select(SavedWidgetRow.title)))
    store.close()
    return len(acknowledged), len(acknowledged - stored)


def a_token(url: str) -> str:
    """Bring the tables up to date, and make a token."""
    store = migrated(url)
    text = TokenStore(store, [TOKEN_SECRET], SCOPES).create(GRANT).text
    store.close()
    return text


def measure() -> Table:
    """Kill on SQLite and on PostgreSQL."""
    rows: list[list[str]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="placard-bench-")))
        rows += _rows("SQLite", f"sqlite:///{folder / 'library.db'}", {})
        try:
            server = stack.enter_context(postgresql(DURABLE))
        except NoPostgresql as missing:
            return Table(COLUMNS, [*rows, skipped("PostgreSQL", COLUMNS, Missing(str(missing)))])
        url = stack.enter_context(server.database())
        rows += _rows("PostgreSQL", url, {"a backend": lambda: _backend(url)})
    return Table(COLUMNS, rows, NOTES)


def _rows(name: str, url: str, more: Mapping[str, Victim]) -> list[list[str]]:
    token = a_token(url)
    with supervised(url) as service, writing(service.base, token) as writers:
        victims = {
            "the first process": service.first,
            "the process between": service.fork_server,
            "a worker": service.worker,
            **more,
        }
        rounds = kill_rounds(service, writers, victims, ROUNDS)
    acknowledged, missing = missing_of(url, writers)
    rows = [_row(f"{name}, {kind}", [each for each in rounds if each.victim == kind])
            for kind in victims]  # fmt: skip
    total = [f"{name}, all", str(len(rounds)), f"{acknowledged:,}", str(missing), "", ""]
    return [*rows, total]


def _row(name: str, rounds: Sequence[Round]) -> list[str]:
    times = [each.back_after for each in rounds]
    return [name, str(len(rounds)), "", "", f"{median(times):.2f} s", f"{max(times):.2f} s"]


def _backend(url: str) -> int:
    """Return a backend of PostgreSQL that serves the database."""
    address = url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() LIMIT 1"
        ).fetchone()
    assert found is not None
    return int(found[0])
