"""Counts requests for all worker processes of a machine, in a small database of their own.

Not in the library's database: there each count would wait for the disk. This file is never synced,
since nobody needs the counts of a minute after a power cut; what matters is that one statement
counts and reads, whoever else does, and that a process which is killed leaves no lock behind.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from limits.storage import Storage

FILE: Final = "library-requests.sqlite"
# In seconds. A worker that is stopped in the middle of a count holds the others up for so long.
PATIENCE: Final = 0.1
_BEGIN: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER, ends REAL)",
)
# A window begins with its first request. There is a row for each token that was ever used.
_COUNT: Final = """
    INSERT INTO counts VALUES (:key, :amount, :now + :seconds)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN ends > :now THEN count + :amount ELSE :amount END,
        ends = CASE WHEN ends > :now THEN ends ELSE :now + :seconds END
    RETURNING count
"""


class SharedStorage(Storage):
    """Counters in a folder that processes share. `clock` is in epoch seconds."""

    STORAGE_SCHEME = ["placard-folder"]  # noqa: RUF012 - the library declares it so

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(wrap_exceptions=True)
        self._file = Path(folder) / FILE
        self._clock = clock
        self._lock = threading.Lock()
        # By process: SQLite's connections do not survive a fork.
        self._connections: dict[int, sqlite3.Connection] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What goes wrong with the file."""
        return sqlite3.Error, OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count so many requests of a key, and return how many there are in its window."""
        values = {"key": key, "amount": amount, "now": self._clock(), "seconds": expiry}
        return int(self._execute(_COUNT, values)[0])

    def get(self, key: str) -> int:
        """Return how many requests of a key there are in its window."""
        return int(self._current(key)[0])

    def get_expiry(self, key: str) -> float:
        """Return when the window of a key ends."""
        return float(self._current(key)[1])

    def check(self) -> bool:
        """Say that it can be used."""
        return True

    def reset(self) -> int | None:
        """Forget all counts."""
        self._execute("DELETE FROM counts", {})
        return None

    def clear(self, key: str) -> None:
        self._execute("DELETE FROM counts WHERE key = :key", {"key": key})

    def _current(self, key: str) -> Any:
        now = self._clock()
        found = self._execute(
            "SELECT count, ends FROM counts WHERE key = :key AND ends > :now",
            {"key": key, "now": now},
        )
        return found or (0, now)

    def _execute(self, statement: str, values: dict[str, Any]) -> Any:
        with self._lock:
            return self._connection().execute(statement, values).fetchone()

    def _connection(self) -> sqlite3.Connection:
        connection = self._connections.get(os.getpid())
        if connection is not None:
            return connection
        self._file.touch(mode=0o600)
        opened = sqlite3.connect(
            self._file, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            for statement in _BEGIN:
                opened.execute(statement)
        except sqlite3.Error:
            opened.close()
            raise
        return self._connections.setdefault(os.getpid(), opened)
