"""Real databases for tests and benches: SQLite in a file, and a PostgreSQL server of their own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

from app.library.core.models import Base
from app.library.core.store import Store
from tests.mortal import mortal

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
TEMPLATE = "placard_template"
# Nothing here outlives the run, so nothing need be safe from a power cut.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")


class NoPostgresql(Exception):
    """There is no PostgreSQL server; the text says how to get it."""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server, reached by its socket alone."""

    folder: Path
    connection: psycopg.Connection
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://placard@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "") -> None:
        """Run a statement, in a database where one is named."""
        if not database:
            self.connection.execute(statement.encode())
            return
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
def postgresql() -> Iterator[Server]:
    """Run a server whose template has the library's tables, or raise NoPostgresql."""
    if not BINARIES:
        raise NoPostgresql(
            "there is no PostgreSQL server in /usr/lib/postgresql: apt-get install postgresql"
        )
    # In /tmp, since the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="placard-pg-", dir="/tmp"))
    owner = _owner()
    if owner is not None:
        shutil.chown(folder, owner)
    data, log = folder / "data", (folder / "log").open("wb")
    command: list[str | Path] = [BINARIES[-1], "-D", data, "-k", folder, "-c", "listen_addresses="]
    try:
        subprocess.run(
            [BINARIES[-1].with_name("initdb"), "-D", data, "-U", "placard", "-A", "trust",
             "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            user=owner, cwd="/", check=True, stdout=log, stderr=log, timeout=120,
        )  # fmt: skip
        process = subprocess.Popen(
            mortal([*command, *(part for it in FAST for part in ("-c", it))], signal.SIGINT),
            user=owner, cwd="/", stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            with _waited_for(folder, process) as connection:
                server = Server(folder, connection)
                server.execute(f"CREATE DATABASE {TEMPLATE}")
                migrated(server.url(TEMPLATE)).close()
                yield server
        finally:
            _stop(process)
    finally:
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> str | None:
    """Name whom the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _connected(folder: Path, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(f"host={folder} user=placard dbname={database}", autocommit=True)


def _waited_for(folder: Path, process: subprocess.Popen[bytes]) -> psycopg.Connection:
    """Connect to the server as soon as it listens."""
    for _ in range(1000):
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return _connected(folder)
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not come up")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def migrated(url: str) -> Store:
    """Open a store and bring its tables up to date."""
    store = Store(url)
    store.migrate()
    return store
