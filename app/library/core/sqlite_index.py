"""SQLite's index for searches: what parts of titles, tags and labels there are.

PostgreSQL's GIN indexes are a matter of its planner. SQLite has tables, which triggers keep
(migrations/versions/m0003_search_index.py), and is told to start with them where that pays:

    candidates = [titled(scope, ["cost"]), valued(scope, "tags", ["team:a"])]
    ids = few(query, candidates)            # a snapshot's, like all of the query
    select(…).where(is_one_of(row.id, ids), unindexed(row.scope) == scope, …)

So it only narrows a search down, and every condition is tested for each widget all the same. Where
it finds too many for that, the page comes soon by a walk in its order, which asks the index for the
tags and labels of each widget: `has_value`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    UnaryExpression,
    column,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.sql.operators import custom_op

from app.database.queries import Query

# With more, a walk in the order of the page comes to its end as soon.
MOST: Final = 500
# With no more than these, it is not worth the time to look for fewer.
ENOUGH: Final = 100
# As the triggers cut values.
LONGEST_VALUE: Final = 200
_TRIGRAM: Final = 3
_MOST_TRIGRAMS: Final = 20

_TITLES: Final = table(
    "searched_titles",
    *map(column, ("number", "widget_id", "scope")),
    column("title", Text),
)
_TRIGRAMS: Final = table("searched_trigrams", column("rowid"), column("searched_trigrams"))
_VALUES: Final = table("searched_values", *map(column, ("scope", "key", "value", "widget_id")))

# The ids of widgets.
Candidates = Select[tuple[Any]] | CompoundSelect[Any]


def titled(scope: str, fragments: Sequence[str]) -> Select[tuple[Any]]:
    """Select the widgets of a scope whose folded title has one of the parts.

    A part of less than three characters is looked for in every title.
    """
    row = _TITLES.c
    has_part = (row.title.contains(part, autoescape=True) for part in fragments)
    found = select(row.widget_id).where(row.scope == scope, or_(*has_part))
    wanted = list(map(_trigrams_of, fragments))
    if not all(wanted):
        return found
    # Begun with the trigrams, so that who wants only some of many widgets has them soon.
    is_its = row.number == unindexed(_TRIGRAMS.c.rowid)
    matches = _TRIGRAMS.c.searched_trigrams.op("MATCH", is_comparison=True)
    return found.join(_TRIGRAMS, is_its).where(matches(" OR ".join(wanted)))


def _trigrams_of(part: str) -> str:
    """Ask for the trigrams of a part, in the language of SQLite's index; empty without any."""
    trigrams = dict.fromkeys(part[at : at + _TRIGRAM] for at in range(len(part) - _TRIGRAM + 1))
    quoted = ('"{}"'.format(each.replace('"', '""')) for each in list(trigrams)[:_MOST_TRIGRAMS])
    return f"({' AND '.join(quoted)})" if trigrams else ""


def valued(scope: Any, key: str, values: Collection[str]) -> Select[tuple[Any]]:
    """Select the widgets of a scope that have one of the values at a key.

    Of long values only the beginnings are compared: see `is_exact`.
    """
    begins = {value[:LONGEST_VALUE] for value in values}
    row = _VALUES.c
    found = select(row.widget_id).where(row.scope == scope, row.key == key)
    found = found.where(row.value.in_(begins))
    return found if len(begins) == 1 else found.distinct()


def has_value(
    row_id: ColumnElement[Any], scope: ColumnElement[Any], key: str, values: Collection[str]
) -> ColumnElement[bool]:
    """Test whether a row's widget has one of the values at a key, as `valued` does."""
    found = valued(scope, key, values).where(_VALUES.c.widget_id == row_id)
    return found.correlate_except(_VALUES).exists()


def is_exact(values: Iterable[str]) -> bool:
    """Tell whether the index has the whole of such values."""
    return all(len(value) < LONGEST_VALUE for value in values)


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
