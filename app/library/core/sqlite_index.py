"""SQLite's index for searches: what parts of titles, tags and labels there are, and of whom.

PostgreSQL's GIN indexes are a matter of its planner. SQLite has tables, which triggers keep
(migrations/versions/m0003_search_index.py), and is told to start with them where that pays:

    candidates = [titled(["cost"]), valued(scope, "tags", ["team:a"])]
    ids = few(query, candidates)            # a snapshot's, like all of the query
    select(…).where(is_one_of(row.id, ids), unindexed(row.scope) == scope, …)

The index only narrows a search down: every condition is tested for each widget all the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, UnaryExpression, column, func, or_, select, table
from sqlalchemy.sql.operators import custom_op

from app.library.core.queries import Query

# With more, a walk in the order of the page comes to its end as soon.
MOST: Final = 5000
# With no more than these, it is not worth the time to look for fewer.
ENOUGH: Final = 100
# As the triggers cut values.
LONGEST_VALUE: Final = 200
_TRIGRAM: Final = 3
_MOST_TRIGRAMS: Final = 20

_TITLES: Final = table("searched_titles", column("number"), column("widget_id"), column("title"))
_TRIGRAMS: Final = table("searched_trigrams", column("rowid"), column("searched_trigrams"))
_VALUES: Final = table(
    "searched_values", column("scope"), column("key"), column("value"), column("widget_id")
)

Candidates = Select[tuple[Any]]


def titled(parts: Sequence[str]) -> Candidates:
    """Select the ids of all widgets, of any dialect, whose folded title has one of the parts.

    A part of less than three characters is looked for in every title.
    """
    return select(_TITLES.c.widget_id).where(or_(*map(_has_part, parts)))


def _has_part(part: str) -> ColumnElement[bool]:
    has: ColumnElement[bool] = func.instr(_TITLES.c.title, part) > 0
    trigrams = dict.fromkeys(part[at : at + _TRIGRAM] for at in range(len(part) - _TRIGRAM + 1))
    if not trigrams:
        return has
    quoted = ('"{}"'.format(each.replace('"', '""')) for each in list(trigrams)[:_MOST_TRIGRAMS])
    matches = _TRIGRAMS.c.searched_trigrams.op("MATCH", is_comparison=True)
    found = select(_TRIGRAMS.c.rowid).where(matches(" AND ".join(quoted)))
    return _TITLES.c.number.in_(found) & has


def valued(scope: str, key: str, values: Iterable[str]) -> Candidates:
    """Select the ids of widgets of a scope that have one of the values at a key.

    Of long values only the beginnings are compared.
    """
    begins = {value[:LONGEST_VALUE] for value in values}
    row = _VALUES.c
    found = select(row.widget_id).where(row.scope == scope, row.key == key, row.value.in_(begins))
    return found if len(begins) == 1 else found.distinct()


def few(query: Query, candidates: Iterable[Candidates]) -> str | None:
    """Return the ids of the fewest candidates, as JSON; None where there are over MOST of each."""
    best: tuple[int, str | None] = (MOST + 1, None)
    for each in candidates:
        ids = each.limit(best[0]).subquery()
        listed = select(func.count(), func.json_group_array(ids.c.widget_id)).select_from(ids)
        count, text = query.one(listed)
        if count < best[0]:
            best = (count, text)
            if count <= ENOUGH:
                break
    return best[1]


def is_one_of(row_id: ColumnElement[Any], ids: str) -> ColumnElement[bool]:
    """Test whether an id is one of a list in JSON."""
    each = func.json_each(ids).table_valued("value")
    return row_id.in_(select(each.c.value))


def unindexed(given: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of which SQLite uses no index, as its documentation has it: `+column`."""
    return UnaryExpression(given, operator=custom_op("+"), type_=given.type)
