"""The database: engine, transactions, versions of the tables. Nothing else opens a session.

    with store.reading() as session:   # a snapshot
    with store.writing() as session:   # committed at the end, rolled back by an exception
    row = store.find(SELECT, values)   # one statement alone, which costs the least
    store.add(INSERT, values)

Keep a transaction short: no network call within it, and no rendering but that of rows which are too
many to be kept (queries.py). On SQLite one writer works at a time and the others queue for up to
PATIENCE seconds; on PostgreSQL writers of the same row do.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Insert, Row, Select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from app.database.connections import ALONE, PATIENCE, WRITES, make_engine
from app.database.failures import translated_failures, translated_start
from app.database.migrations import downgrade, head, is_known, revision_of, upgrade
from app.database.preparation import Preparation
from app.errors import ConfigurationError, StoreFull, StoreUnavailable

_UNHURRIED: Final = (
    "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = 0; "
    "SET LOCAL idle_in_transaction_session_timeout = 0"
)
FULL: Final = "disk full"


class Store:
    """One database: `sqlite:///FILE` or `postgresql+psycopg://…`. Safe to share among threads."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._file = make_url(url).database if self.dialect == "sqlite" else None
        self._preparation = Preparation(self.prepare)
        self._is_full = False
        self.closed = threading.Event()
        self._writer = threading.Lock()
        self._alone = self._engine.execution_options(**ALONE[self.dialect])
        self._readers = sessionmaker(self._snapshots(), expire_on_commit=False)
        self._writers = sessionmaker(
            self._engine.execution_options(**{WRITES: True}), expire_on_commit=False
        )

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for reading; whatever it would write is rolled back.

        Raises StoreUnavailable where the database does not answer.
        """
        self._preparation.require()
        with translated_failures(), self._readers() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session whose work is committed when the block ends, or rolled back.

        Raises StoreUnavailable where the database does not answer, or another writes for too long,
        and StoreFull where its disk is full.
        """
        with self._turn(), self._writers.begin() as session:
            yield session

    def find(
        self, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]
    ) -> Row[*tuple[Any, ...]] | None:
        """Return the one row of a statement that is a transaction of its own; None without a row.

        Raises what `reading` does.
        """
        self._preparation.require()
        with translated_failures(), self._alone.connect() as connection:
            return connection.execute(statement, values).one_or_none()

    def add(self, statement: Insert, values: Mapping[str, Any]) -> None:
        """Insert a row, by a statement that is a transaction of its own.

        Raises what `writing` does.
        """
        with self._turn(), self._alone.connect() as connection:
            connection.execute(statement, values)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until it is this thread's turn to write, and note whether the disk is full."""
        self._preparation.require()
        try:
            with translated_failures(), self._queue():
                yield
        except StoreFull:
            self._is_full = True
            raise
        self._is_full = False

    @contextmanager
    def _queue(self) -> Iterator[None]:
        """One thread at a time writes to SQLite, whose own way to queue is to sleep and retry."""
        if self.dialect != "sqlite":
            yield
            return
        if not self._writer.acquire(timeout=PATIENCE):
            raise StoreUnavailable("SQLITE_BUSY")
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Yield a session that reads one moment, however long that takes; nothing can be written.

        Meanwhile SQLite's log grows by what others write, and PostgreSQL keeps what they replace.
        """
        with self.reading() as session:
            if self.dialect == "postgresql":
                session.execute(text(_UNHURRIED))
            yield session

    def _snapshots(self) -> Engine:
        """Read from one snapshot in a transaction: SQLite does, PostgreSQL is told to."""
        if self.dialect == "sqlite":
            return self._engine
        return self._engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def connections(self) -> int:
        """How many connections to the database are in use."""
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def prepare(self) -> None:
        """Bring SQLite's tables up to date; only look whether PostgreSQL's are.

        A store that is used before that prepares itself. Raises ConfigurationError, with what
        helps, where the database cannot be used as it is, and StoreUnavailable where it is down.
        """
        if self._file is not None:
            _make_for_the_owner_only(Path(self._file))
        with translated_start(), self._engine.connect() as connection:
            current = revision_of(connection)
        _refuse_newer(current)
        if current == head():
            return
        if self.dialect != "sqlite":
            raise ConfigurationError(
                f"PLACARD_DATABASE_URL: the tables are at {current or 'nothing'}, and this version "
                f"of Placard needs {head()}; run: placard library migrate"
            )
        self.migrate()

    def prepare_now_or_later(self) -> None:
        """Prepare the database, unless it is down: then it is prepared when it is first used."""
        with suppress(StoreUnavailable):
            self._preparation.require()

    def migrate(self) -> tuple[str | None, str]:
        """Bring the tables up to date, one process at a time; return the old and new revision.

        Raises what `prepare` does.
        """
        with self._migrating() as (connection, before):
            upgrade(connection)
        return before, head()

    def migrate_back(self, revision: str) -> tuple[str | None, str]:
        """Bring the tables back to one of `ways_back`, as `migrate` does."""
        with self._migrating() as (connection, before):
            downgrade(connection, revision)
        return before, revision

    @contextmanager
    def _migrating(self) -> Iterator[tuple[Connection, str | None]]:
        if self._file is not None:
            _make_for_the_owner_only(Path(self._file))
        writer: Engine = self._writers.kw["bind"]
        with translated_start(), writer.connect() as connection, _rebuilding(connection):
            _lock(connection)
            before = revision_of(connection)
            _refuse_newer(before)
            yield connection, before

    def fault(self) -> str | None:
        """Say what the library cannot do without: None, `database`, `disk full`, or a sentence."""
        try:
            with self.reading() as session:
                session.execute(text("SELECT 1"))
        except StoreFull:
            return FULL
        except StoreUnavailable:
            return self._preparation.refusal or "database"
        return FULL if self._is_full else None

    def close(self) -> None:
        self.closed.set()
        self._engine.dispose()


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and not is_known(revision):
        raise ConfigurationError(
            f"PLACARD_DATABASE_URL: the tables are at {revision}, of a newer release of Placard: "
            f"this one knows them up to {head()}; run that release, or restore a backup of this one"
        )


def _make_for_the_owner_only(file: Path) -> None:
    """Make SQLite's file before it does; an unwritable folder is reported by SQLite."""
    with suppress(OSError):
        file.touch(mode=0o600)


@contextmanager
def _rebuilding(connection: Connection) -> Iterator[None]:
    """Begin and commit; without SQLite's foreign keys, which delete with a table that is rebuilt.

    Only outside of a transaction can they be switched off.
    """
    if connection.dialect.name != "sqlite":
        with connection.begin():
            yield
        return
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _lock(connection: Connection) -> None:
    """Let one process at a time migrate; SQLite's writer is alone already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('placard library migrate'))")
        )
