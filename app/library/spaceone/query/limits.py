"""Limits on the size and the time of queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc
from sqlalchemy.orm import Session

from app.database.queries import SECONDS, Query, QueryTooSlow, querying
from app.errors import InvalidInput

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
# Of a row of `stat`, in bytes: of one large widget a few stages make gigabytes, and SQLite holds a
# value several times while it works. No widget has more.
LARGEST_ROW: Final = 5 << 20
TOO_LARGE: Final = (
    "has too many parts for the database, or comes to a row or a value of more than "
    f"{LARGEST_ROW >> 20} MiB: ask for less"
)
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
def bounded(
    session: Session, seconds: float = SECONDS, longest: int | None = None
) -> Iterator[Query]:
    """Yield what runs a query; raises InvalidInput for what the database cannot or will not run."""
    try:
        with querying(session, seconds, longest) as query:
            yield query
    except QueryTooSlow:
        raise query_error(
            f"takes more than {seconds:g} s, or a regular expression takes too long: narrow the "
            "filter, or simplify the expression",
            "query",
        ) from None
    except MemoryError:
        raise query_error(TOO_LARGE, "query") from None
    except exc.DBAPIError as error:
        if (reason := _reason(error)) is None:
            raise
        raise query_error(reason, "query") from None


def _reason(error: exc.DBAPIError) -> str | None:
    """Return what is wrong with a query that the database refuses; None where it is not that."""
    state, message = getattr(error.orig, "sqlstate", None), str(error.orig)
    if state == _PATTERN:
        return "has a regular expression that the database refuses"
    if state == _INFINITE or message == _INFINITE_OF_SQLITE:
        return "has a sum or an average that is too large"
    if state in _COMPLEX or message.startswith(_COMPLEX_OF_SQLITE):
        return TOO_LARGE
    return None
