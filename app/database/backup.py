"""A copy of the library's database while the service runs; PostgreSQL has a tool for it."""

import os
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from app.errors import ConfigurationError, StoreFull

# In seconds: how long it waits for a writer.
PATIENCE: Final = 10


def sqlite_file(url: str) -> Path | None:
    """Return the file of a database of SQLite; None for another database."""
    address = make_url(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that may be in use, as it is at one moment.

    Writers go on meanwhile. The copy is readable by its owner only, is checked, and replaces what
    was at `target` once it is on the disk. Raises ConfigurationError, or StoreFull.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.touch(mode=0o600, exist_ok=False)
        _copy(source, part)
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise ConfigurationError(f"{target}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise _failed(source, error) from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> None:
    # It must be there, but may be locked for a moment.
    address = f"{source.resolve().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as database,
        closing(sqlite3.connect(part)) as copy,
    ):
        database.backup(copy)
        # All of it in one file, also of what is still in the log of the source.
        copy.execute("PRAGMA journal_mode=DELETE")
        if (found := copy.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise ConfigurationError(f"{source}: the database is damaged: {found}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(source: Path, error: sqlite3.Error) -> ConfigurationError | StoreFull:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if name == "SQLITE_FULL":
        return StoreFull(name)
    return ConfigurationError(f"PLACARD_DATABASE_URL: {source}: cannot be copied: {name}")


def pg_dump_line(url: str, target: Path) -> str:
    """Return the line that copies a database of PostgreSQL, without its password."""
    address = make_url(url).set(drivername="postgresql", password=None)
    command = ["pg_dump", "--format=custom", f"--file={target}", address.render_as_string()]
    return shlex.join(command)
