"""Queries: reads whose time and size are not known before, so both are bounded.

    with store.reading() as session, querying(session) as query:
        total = query.scalar(count)
        for row in query.rows(statement): …

The rows come a few at a time, so that no more of them is in memory than whoever reads them keeps.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from sqlalchemy import Executable, event, exc, text
from sqlalchemy.orm import Session

from app.database.connections import DEADLINE

# What all statements of a query may take together.
SECONDS: Final = 2.0
# A row may have megabytes.
AT_ONCE: Final = 10
# Between two looks at the clock SQLite takes so many steps: some tenths of a millisecond.
_STEPS: Final = 10_000
# How a search is best run depends on what is searched for.
_OF_POSTGRESQL: Final = (
    "SET LOCAL statement_timeout = {milliseconds}; SET LOCAL plan_cache_mode = force_custom_plan"
)
_STOPPED: Final = "57014"
_STOPPED_BY_SQLITE: Final = ("interrupted", "user-defined function raised exception")


class QueryTooSlow(Exception):
    """A statement, or a regular expression in it, took too long; `args` has the seconds."""


class Query:
    """Runs statements, until they have taken `seconds` in all; raises QueryTooSlow then.

    What is done between two rows is not counted, nor the writing of the SQL.
    """

    def __init__(
        self, session: Session, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self._connection = session.connection()
        self._left = seconds
        self._clock = clock
        self._began = 0.0
        self._unread = ExitStack()
        event.listen(self._connection, "before_cursor_execute", self._begin)

    @property
    def is_late(self) -> bool:
        """Whether the statement that runs has to end."""
        return self._clock() > self._began + self._left

    def close(self) -> None:
        """Leave the rows that were not read."""
        self._unread.close()

    def scalar(self, statement: Executable) -> Any:
        with self._timed():
            return self._session.scalar(statement)

    def one(self, statement: Executable) -> Any:
        with self._timed():
            return self._session.execute(statement).one()

    def rows(self, statement: Executable) -> Iterator[Any]:
        """Yield the rows of a statement."""
        with self._timed():
            found = self._session.execute(statement, execution_options={"yield_per": AT_ONCE})
            self._unread.callback(found.close)
        while True:
            with self._timed():
                row = found.fetchone()
            if row is None:
                return
            yield row

    @contextmanager
    def _timed(self) -> Iterator[None]:
        if self._left <= 0:
            raise QueryTooSlow
        self._begin()
        yield
        self._left -= self._clock() - self._began

    def _begin(self, *_: Any) -> None:
        """Count from now on: the database begins."""
        self._began = self._clock()
        self._connection.info[DEADLINE] = self._began + self._left


@contextmanager
def querying(
    session: Session, seconds: float = SECONDS, longest: int | None = None
) -> Iterator[Query]:
    """Yield what runs the statements of one query; raises QueryTooSlow.

    On SQLite no value or row of theirs may be longer than `longest` bytes.
    """
    connection = session.connection()
    with ExitStack() as stack:
        query = Query(session, seconds)
        stack.callback(query.close)
        if connection.dialect.name == "postgresql":
            session.execute(text(_OF_POSTGRESQL.format(milliseconds=int(seconds * 1000))))
        else:
            driver: Any = connection.connection.dbapi_connection
            stack.callback(connection.info.pop, DEADLINE, None)
            stack.callback(driver.set_progress_handler, None, 0)
            driver.set_progress_handler(lambda: query.is_late, _STEPS)
            if longest is not None:
                usual = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
                stack.callback(driver.setlimit, sqlite3.SQLITE_LIMIT_LENGTH, usual)
        try:
            yield query
        except QueryTooSlow:
            raise QueryTooSlow(seconds) from None
        except exc.DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state == _STOPPED or str(error.orig) in _STOPPED_BY_SQLITE:
                raise QueryTooSlow(seconds) from None
            raise
