"""The kinds of column that the tables are made of, alike on SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, DateTime, Dialect, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

EXACT: Final = 2**53

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A document that is searched. PostgreSQL reorders its keys: keep what is echoed in ExactJson."""


def line(length: int) -> TypeEngine[str]:
    """Make a type for a text of at most `length` characters, sorted by code points everywhere."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def text() -> TypeEngine[str]:
    """Make a type for a text of any length, sorted by code points everywhere."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def folded(given: str) -> str:
    """Return a text as it is compared without regard to case, in the columns named `…_folded`."""
    return given.casefold()


def folded_json(document: Any) -> Any:
    """Return a document with all texts but its keys as they are compared without regard to case."""
    if isinstance(document, str):
        return folded(document)
    if isinstance(document, list):
        return [folded_json(inner) for inner in document]
    if isinstance(document, dict):
        return {key: folded_json(inner) for key, inner in document.items()}
    return document


def canonical(document: Any) -> Any:
    """Return a document of which equal values are equal texts: keys sorted, numbers as doubles are.

    A double that is a whole number of up to 53 bits is an integer. Raises OverflowError for an
    integer that no double can hold.
    """
    if isinstance(document, list):
        return [canonical(inner) for inner in document]
    if isinstance(document, dict):
        return {key: canonical(document[key]) for key in sorted(document)}
    if isinstance(document, int | float) and not isinstance(document, bool):
        number = float(document)
        return int(number) if number.is_integer() and abs(number) <= EXACT else number
    return document


def to_milliseconds(value: datetime) -> datetime:
    """Return a time in UTC as it is stored and sent, to the millisecond."""
    utc = value.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def to_json(document: Any) -> str:
    """Write a document as it is stored: keys in their order, texts unescaped."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class ExactJson(TypeDecorator[Any]):
    """A document that is stored as text, and so comes back with its keys in their order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else json.loads(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, to the millisecond; SQLite stores it as a text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without an offset, which would mean another one on each machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without an offset")
        utc = to_milliseconds(value)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
