"""Real databases for tests and benches: SQLite in a file, and a PostgreSQL server of their own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

import app.access.tables  # noqa: F401 - the tables of people
from app.database.base import Base
from app.database.store import Store
from tests.mortal import mortal
from tests.waiting import wait_until

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
TEMPLATE = "placard_template"
# Nothing here outlives the run, so nothing need be safe from a power cut.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")
# As PostgreSQL is by default: what it acknowledges outlives its processes, and the machine's.
DURABLE = ("max_connections=200",)


class NoPostgresql(Exception):
    """There is no PostgreSQL server; the text says how to get it."""


@dataclass
class Server:
    """A PostgreSQL server, reached by its socket alone. It may be stopped, and started again."""

    folder: Path
    settings: Sequence[str] = FAST
    numbers: Iterator[int] = field(default_factory=count)
    _process: subprocess.Popen[bytes] = field(init=False)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://placard@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command: list[str | Path] = [BINARIES[-1], "-D", self.folder / "data", "-k", self.folder]
        settings = ("listen_addresses=", *self.settings)
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                mortal([*command, *options], signal.SIGINT),
                user=owner_of_servers(), cwd="/", stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        _wait_for(self.folder, self._process)

    def stop(self) -> None:
        """Stop it: who is connected is cut off."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement, in a database where one is named."""
        with _connected(self.folder, database) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """Make a database like the template, give its address, and drop it."""
        name = f"test_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def empty(store: Store) -> None:
    """Delete all rows of the library's tables."""
    with store.writing() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())


@contextmanager
def postgresql(settings: Sequence[str] = FAST) -> Iterator[Server]:
    """Run a server whose template has the library's tables, or raise NoPostgresql."""
    if not BINARIES:
        raise NoPostgresql(
            "there is no PostgreSQL server in /usr/lib/postgresql: apt-get install postgresql"
        )
    # In /tmp, since the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="placard-pg-", dir="/tmp"))
    owner = owner_of_servers()
    if owner is not None:
        shutil.chown(folder, owner)
    try:
        with (folder / "log").open("wb") as log:
            subprocess.run(
                [BINARIES[-1].with_name("initdb"), "-D", folder / "data", "-U", "placard",
                 "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                user=owner, cwd="/", check=True, stdout=log, stderr=log, timeout=120,
            )  # fmt: skip
        server = Server(folder, settings)
        server.start()
        try:
            server.execute(f"CREATE DATABASE {TEMPLATE}")
            migrated(server.url(TEMPLATE)).close()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def owner_of_servers() -> str | None:
    """Name whom the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _connected(folder: Path, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(f"host={folder} user=placard dbname={database}", autocommit=True)


def _wait_for(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""

    def is_up() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with suppress(psycopg.OperationalError):
            _connected(folder).close()
            return True
        return False

    wait_until(is_up, (folder / "log").read_text)


def migrated(url: str) -> Store:
    """Open a store and bring its tables up to date."""
    store = Store(url)
    store.migrate()
    return store
