"""Limits on the size and the time of queries."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import exc, text
from sqlalchemy.orm import Session

from app.errors import InvalidInput
from app.library.core.store import DEADLINE

MOST_CONDITIONS: Final = 50
# Keys, fields and conditions of all stages: what it takes to read the statement cannot be stopped.
MOST_KEYS_AND_FIELDS: Final = 200
MOST_VALUES: Final = 1000
MOST_TEXTS: Final = 100
MOST_PATTERNS: Final = 20
MOST_STAGES: Final = 20
MOST_ORDERS: Final = 10
MOST_FIELDS: Final = 50
DEEPEST_KEY: Final = 10
# Each is looked for both as a name and as an index: that doubles the expression.
MOST_INDEXES: Final = 2
LONGEST_KEY: Final = 255
LARGEST_NUMBER: Final = 2**31 - 1
# Of an answer of `stat`, in characters: a few stages make gigabytes of one large widget.
LARGEST_RESULT: Final = 1 << 26
SECONDS: Final = 5.0
# Between two looks at the clock SQLite takes so many steps: some tenths of a millisecond.
_STEPS: Final = 10_000
_SLOW: Final = "57014"
_PATTERN: Final = "2201B"
_COMPLEX: Final = ("54000", "54001", "54011", "54023")
_INFINITE: Final = "22003"
_INFINITE_OF_SQLITE: Final = "malformed JSON"
_COMPLEX_OF_SQLITE: Final = (
    "Expression tree is too large",
    "parser stack overflow",
    "too many ",
    "string or blob too big",
)


def query_error(what: str, where: str) -> InvalidInput:
    """Return the error of a query that cannot be run."""
    return InvalidInput(what, where=where, rule="query")


@contextmanager
def bounded(session: Session, seconds: float = SECONDS) -> Iterator[None]:
    """Stop statements in the block after `seconds`; raises InvalidInput then."""
    try:
        if session.get_bind().dialect.name == "sqlite":
            with _interrupted(session, seconds):
                yield
        else:
            session.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
            yield
    except exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == _PATTERN:
            raise query_error(
                "has a regular expression that the database refuses", "query"
            ) from None
        if state == _INFINITE or str(error.orig) == _INFINITE_OF_SQLITE:
            raise query_error("has a sum or an average that is too large", "query") from None
        if state in _COMPLEX or str(error.orig).startswith(_COMPLEX_OF_SQLITE):
            raise query_error(
                "has too many parts, or too large ones, for the database", "query"
            ) from None
        if state == _SLOW or str(error.orig) in _OF_SQLITE:
            raise query_error(
                f"takes more than {seconds:g} s, or a regular expression takes too long: narrow "
                "the filter, or simplify the expression",
                "query",
            ) from None
        raise


_OF_SQLITE: Final = ("interrupted", "user-defined function raised exception")


@contextmanager
def _interrupted(session: Session, seconds: float) -> Iterator[None]:
    connection = session.connection()
    driver: Any = connection.connection.dbapi_connection
    end = connection.info[DEADLINE] = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
        connection.info.pop(DEADLINE)
