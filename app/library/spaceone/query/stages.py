"""The stages of an aggregate: each is a SELECT over the rows of the one before.

Columns are named by their number; what a caller names them is looked up in `Rows.columns`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Label,
    Select,
    func,
    literal,
    not_,
    select,
    true,
)

from app.library.core.models import DOCUMENTS, CustomWidgetRow
from app.library.spaceone.query.ast import (
    CountRows,
    Limit,
    Order,
    ProjectFields,
    Skip,
    Sort,
    Unwind,
)
from app.library.spaceone.query.json_backend import JsonSql, Node, Test, is_index
from app.library.spaceone.query.keys import (
    DATETIME_COLUMNS,
    FIELDS,
    TEXT_COLUMNS,
    node_at,
    split_key,
)
from app.library.spaceone.query.limits import query_error

POSITION: Final = "position"
_ALL: Final = 2**62
_UNWRITABLE: Final = frozenset('"\\').union(map(chr, range(32)))


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A value under a name; `is_datetime` where its text is one, `unordered` where it is a set."""

    node: Node
    is_datetime: bool = False
    unordered: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows between two stages: `columns` by name, and the position that orders them.

    `keys` are the names that rows were grouped by last.
    """

    columns: Mapping[str, NamedValue]
    source: FromClause
    keys: tuple[str, ...] = ()

    @property
    def position(self) -> ColumnElement[Any]:
        return self.source.c[POSITION]


def rows_of(
    named: Mapping[str, NamedValue],
    statement: Select[Any],
    position: ColumnElement[Any],
    keys: tuple[str, ...] = (),
) -> Rows:
    """Make rows of a SELECT that has no columns yet."""
    labels: list[Label[Any]] = [
        value.node.label(f"c{number}") for number, value in enumerate(named.values())
    ]
    # Not a subquery in a subquery, of which SQLite reads only some within each other.
    source: CTE = statement.add_columns(*labels, position.label(POSITION)).cte()
    columns = {
        name: replace(value, node=source.c[f"c{number}"])
        for number, (name, value) in enumerate(named.items())
    }
    return Rows(columns, source, keys)


def first_rows(test: Test, json: JsonSql) -> Rows:
    """Return the widgets that were searched for, the oldest first."""
    order = (CustomWidgetRow.created_at, CustomWidgetRow.id)
    named = {
        name: NamedValue(_node(name, json), is_datetime=name in DATETIME_COLUMNS) for name in FIELDS
    }
    statement = select().select_from(CustomWidgetRow).where(test)
    return rows_of(named, statement, func.row_number().over(order_by=order))


def _node(name: str, json: JsonSql) -> Node:
    if name in DATETIME_COLUMNS:
        return json.of_datetime(DATETIME_COLUMNS[name])
    if name in DOCUMENTS:
        return json.document(getattr(CustomWidgetRow, name))
    return json.of_text(TEXT_COLUMNS[name])


def find(key: str, rows: Rows, where: str) -> tuple[str, tuple[str, ...]]:
    """Return the longest name that a key begins with, and the steps that remain.

    Raises InvalidInput.
    """
    steps = split_key(key, where)
    for length in range(len(steps), 0, -1):
        name = ".".join(steps[:length])
        if name in rows.columns:
            return name, steps[length:]
    raise query_error(
        f"has the key {key}, which is not there at this stage: there are {', '.join(rows.columns)}",
        where,
    )


def value_at(key: str, rows: Rows, json: JsonSql, where: str) -> NamedValue:
    name, steps = find(key, rows, where)
    column = rows.columns[name]
    return (
        replace(column, node=node_at(column.node, steps, json))
        if not steps
        else NamedValue(node_at(column.node, steps, json))
    )


def unwound(rows: Rows, stage: Unwind, json: JsonSql) -> Rows:
    """Make a row of each element; a value that is not a list is its own, and null has none."""
    name, steps = find(stage.path, rows, stage.where)
    if any(is_index(step) or _UNWRITABLE.intersection(step) for step in steps):
        raise query_error(f"cannot unwind {stage.path}: name a member of an object", stage.where)
    root = rows.columns[name].node
    node = node_at(root, steps, json)
    spread = json.elements(node)
    element = spread.element.node
    inner = json.replaced(root, steps, element) if steps else element
    statement = (
        select()
        .select_from(rows.source.join(spread.table, true()))
        .where(not_(json.read(node).is_null))
    )
    position = func.row_number().over(order_by=(rows.position, spread.index))
    return rows_of({**rows.columns, name: NamedValue(inner)}, statement, position, rows.keys)


def counted(rows: Rows, stage: CountRows, json: JsonSql) -> Rows:
    number = select(func.count().label("number")).select_from(rows.source).cte()
    named = {stage.name: NamedValue(json.of_number(number.c.number))}
    return rows_of(named, select().select_from(number), literal(1))


def ordering(node: Node, json: JsonSql, *, descending: bool) -> Sequence[ColumnElement[Any]]:
    """Order by kind, and then by what the kind is compared by."""
    value = json.read(node)
    terms: tuple[ColumnElement[Any], ...] = (value.rank, value.number, value.text, value.boolean)
    return [term.desc() if descending else term.asc() for term in terms]


def sorting(node: Node, json: JsonSql, *, descending: bool) -> Sequence[ColumnElement[Any]]:
    """Order as `ordering` does, and a list by its first element."""
    return ordering(json.first(node), json, descending=descending)


def sorted_rows(rows: Rows, stage: Sort, json: JsonSql) -> Rows:
    """Put the rows in another order; those that are equal stay as they were."""
    terms = [term for order in stage.orders for term in _ordering(order, rows, json)]
    position = func.row_number().over(order_by=(*terms, rows.position))
    return rows_of(rows.columns, select().select_from(rows.source), position, rows.keys)


def _ordering(order: Order, rows: Rows, json: JsonSql) -> Sequence[ColumnElement[Any]]:
    node = value_at(order.key, rows, json, order.where).node
    return sorting(node, json, descending=order.descending)


def cut(rows: Rows, stage: Limit | Skip) -> Rows:
    """Leave out the last rows, or the first."""
    statement = select().select_from(rows.source).order_by(rows.position)
    # SQLite takes no OFFSET without a LIMIT.
    cut_off = (
        statement.limit(stage.rows)
        if isinstance(stage, Limit)
        else statement.limit(_ALL).offset(stage.rows)
    )
    return rows_of(rows.columns, cut_off, rows.position, rows.keys)


def projected(rows: Rows, stage: ProjectFields, json: JsonSql) -> Rows:
    kept = () if stage.exclude_keys else rows.keys
    named = {name: rows.columns[name] for name in kept if name in rows.columns}
    for field in stage.fields:
        value = value_at(field.key, rows, json, field.where)
        sized = field.operator == "size"
        named[field.name] = NamedValue(json.of_number(json.size(value.node))) if sized else value
    return rows_of(named, select().select_from(rows.source), rows.position, kept)
