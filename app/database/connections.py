"""The engine of a database, and the options of each connection."""

import math
import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import regex
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from app.database.columns import folded, to_json

# In seconds: how long a writer waits for another, a request for a connection, a statement at most.
PATIENCE: Final = 10
MATCH_SECONDS: Final = 0.25
CONNECTIONS: Final = 8
MORE_CONNECTIONS: Final = 24
MOST_CONNECTIONS: Final = CONNECTIONS + MORE_CONNECTIONS
CONNECT_TIMEOUT: Final = 5

# In bytes. SQLite works in this process, whose memory cards need: what a text or a row may have,
# which it would let grow to a gigabyte, and what it may take for all connections together.
LONGEST_OF_SQLITE: Final = 1 << 24
MOST_OF_SQLITE: Final = 200 << 20
_OF_SQLITE: Final = (
    "PRAGMA journal_mode=WAL",
    # What was acknowledged is on the disk, also after a power cut.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={PATIENCE * 1000}",
    f"PRAGMA hard_heap_limit={MOST_OF_SQLITE}",
)
_OF_POSTGRESQL: Final = (
    "SET TIME ZONE 'UTC'",
    # It guesses a hundred elements for each list, and then compiles for seconds what runs for
    # milliseconds.
    "SET jit = off",
    f"SET statement_timeout = '{PATIENCE}s'",
    f"SET idle_in_transaction_session_timeout = '{PATIENCE}s'",
)
# A server whose machine is gone says nothing: its connections are given up after PATIENCE.
_PSYCOPG: Final[Mapping[str, Any]] = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": PATIENCE // 2,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": PATIENCE * 1000,
}
WRITES: Final = "placard_writes"
# The options of a connection whose statements are each a transaction of their own.
_ALONE_ON_SQLITE: Final = "placard_alone"
ALONE: Final[Mapping[str, Mapping[str, Any]]] = {
    "sqlite": {_ALONE_ON_SQLITE: True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
# In the `info` of a connection to SQLite: when what it runs has to be done, by time.monotonic().
DEADLINE: Final = "deadline"
PATTERN_FLAGS: Final = regex.ASCII | regex.DOTALL | regex.VERSION0


def make_engine(url: str) -> Engine:
    """Make the engine of a database; of its transactions those with the option WRITES write."""
    address = make_url(url)
    sqlite = address.get_backend_name() == "sqlite"
    engine = create_engine(
        address,
        connect_args={"timeout": PATIENCE} if sqlite else _PSYCOPG,
        # Neither a log nor an exception shows the values of a statement.
        hide_parameters=True,
        json_serializer=to_json,
        max_overflow=MORE_CONNECTIONS,
        pool_pre_ping=not sqlite,
        pool_size=CONNECTIONS,
        pool_timeout=PATIENCE,
    )
    event.listen(engine, "connect", _connected_sqlite if sqlite else _connected_postgresql)
    if sqlite:
        event.listen(engine, "begin", _begin)
    return engine


def _connected_sqlite(connection: Any, record: Any) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_OF_SQLITE)
    # The driver would begin only at the first write, when it is too late to queue.
    connection.isolation_level = None
    connection.create_function("fold", 1, _fold, deterministic=True)
    connection.create_function("regexp", 2, partial(_matches, record.info), deterministic=True)
    for statement in _OF_SQLITE:
        connection.execute(statement)


def _fold(given: Any) -> Any:
    return folded(given) if isinstance(given, str) else given


def _matches(info: Mapping[str, float], pattern: str, given: Any) -> bool | None:
    """Tell whether a text has a match; raises TimeoutError where that takes too long."""
    if not isinstance(given, str):
        return None
    # SQLite looks at the clock only between many steps, and each may be such a match.
    seconds = min(MATCH_SECONDS, info.get(DEADLINE, math.inf) - time.monotonic())
    if seconds <= 0:
        raise TimeoutError
    found = regex.search(pattern, given, flags=PATTERN_FLAGS, timeout=seconds)
    return found is not None


def _connected_postgresql(connection: Any, _: Any) -> None:
    connection.autocommit = True
    for statement in _OF_POSTGRESQL:
        connection.execute(statement)
    connection.autocommit = False


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if _ALONE_ON_SQLITE not in options:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")
