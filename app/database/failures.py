"""What a failure of the database means for the library: it is down, its disk is full, or it is odd.

Of a driver's error only this is kept: its text may hold the address and the user.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import exc

from app.errors import ConfigurationError, StoreFull, StoreUnavailable

# These may pass by themselves; what else a driver raises is a fault of ours, or of the database.
UNREACHABLE: Final = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
# These may not: the file or its folder is not there, not ours, or holds something else.
UNUSABLE: Final = ("SQLITE_AUTH", "SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_PERM")
# To SQLite a statement of ours that is wrong is an operational error, too.
WRONG_STATEMENT: Final = "SQLITE_ERROR"
# SQLite's codes, and the SQLSTATE `disk_full`. SQLite makes its index of the log by extending a
# file, and calls it an I/O error where there is no room for that.
FULL: Final = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "53100")
# A failure to connect to PostgreSQL has a text only.
_REASONS: Final = (
    "Connection refused",
    "No such file or directory",
    "timeout expired",
    "password authentication failed",
    "starting up",
    "shutting down",
    "too many clients",
    "does not exist",
)


@contextmanager
def translated_failures() -> Iterator[None]:
    """Raise StoreUnavailable, or StoreFull, for what a database that is down or full raises."""
    try:
        yield
    except UNREACHABLE as error:
        code = code_of(error)
        if code == WRONG_STATEMENT:
            raise
        raise (StoreFull if code in FULL else StoreUnavailable)(code) from None
    except MemoryError:
        # SQLite's: others use up what all connections may take together.
        raise StoreUnavailable("SQLITE_NOMEM") from None


@contextmanager
def translated_start() -> Iterator[None]:
    """Raise ConfigurationError for what will not pass by itself, beside what is raised later."""
    try:
        with translated_failures():
            yield
    except exc.DBAPIError as error:
        raise _unusable(code_of(error)) from None
    except StoreUnavailable as error:
        if error.detail in UNUSABLE:
            raise _unusable(error.detail) from None
        raise


def code_of(error: Exception) -> str:
    """Return the code of a driver's error: an SQLSTATE, SQLite's name, or why nothing answers."""
    cause: Any = getattr(error, "orig", None) or error
    state: str | None = getattr(cause, "sqlstate", None)
    name: str | None = getattr(cause, "sqlite_errorname", None)
    return state or name or _reason_in(str(cause)) or type(cause).__name__


def _reason_in(text: str) -> str | None:
    return next((reason for reason in _REASONS if reason in text), None)


def _unusable(code: str) -> ConfigurationError:
    return ConfigurationError(
        f"PLACARD_DATABASE_URL: the database cannot be used: {code}; is it there, and may this "
        "user open it?"
    )
