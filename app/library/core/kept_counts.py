"""How many widgets there are of a scope, and with a tag or a label: triggers keep it.

On both databases, in migrations/versions/m0007_kept_counts.py: a number is read where the rows
that it counts would be too many.
"""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ScalarSelect, column, func, select, table

# Of longer keys and values there are no counts.
LONGEST: Final = 100
_COUNTS: Final = table(
    "searched_counts", *map(column, ("scope", "key", "value", "owner", "widgets"))
)


def is_kept(key: str, value: str) -> bool:
    """Tell whether there is a count for a value at a key."""
    return len(key) <= LONGEST and len(value) <= LONGEST


def kept_count(
    scope: str, key: str, value: str = "", *, owner: UUID | None = None
) -> ScalarSelect[Any]:
    """Count the widgets of a scope with a value at a key, all or an owner's.

    The key of all widgets of a scope is the name of their table.
    """
    row = _COUNTS.c
    is_it = (row.scope == scope, row.key == key, row.value == value)
    whose = row.owner == (owner.hex if owner else "")
    total = func.coalesce(func.sum(row.widgets), 0)
    return select(total).where(*is_it, whose).scalar_subquery()
