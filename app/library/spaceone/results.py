"""Writes the rows of statistics as JSON, as they come from the database."""

import json
from collections.abc import Sequence
from typing import Any, Final

from app.database.columns import canonical, to_json
from app.library.spaceone.query.limits import LARGEST_ROW, TOO_LARGE, query_error
from app.library.spaceone.query.stages import NamedValue, Rows

# What is larger is not read for its form: that would take ten times as much.
_LARGEST_READ: Final = 1 << 16

# A text, or its bytes, as the database gives it; None for a null.
Written = str | bytes | None


def write_object(rows: Rows, row: Sequence[Any]) -> bytes:
    """Write a row, whose size comes before its values: those by their names."""
    pieces = [b"{"]
    for (name, value), written in zip(rows.columns.items(), _values(row), strict=True):
        pieces += (to_json(name).encode(), b":", _write(written, value), b",")
    pieces[-1] = b"}"
    return b"".join(pieces)


def write_value(row: Sequence[Any]) -> bytes:
    (written,) = _values(row)
    return _write(written)


def _values(row: Sequence[Any]) -> Sequence[Written]:
    size, *values = row
    if size > LARGEST_ROW:
        raise query_error(TOO_LARGE, "query")
    return values


def _write(written: Written, named: NamedValue | None = None) -> bytes:
    """Write a value in its one form; the elements of a set are put in an order."""
    if written is None:
        return b"null"
    if len(written) > _LARGEST_READ:
        return written.encode() if isinstance(written, str) else written
    value: Any = canonical(json.loads(written))
    is_set = named is not None and named.unordered
    return to_json(sorted(value, key=to_json) if is_set else value).encode()
