"""Resolves the keys of queries: to a column, or to values in one of the documents.

A key is looked up among these names: it never becomes part of a statement.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, exists, literal, select, true

from app.library.core.models import DOCUMENTS, CustomWidgetRow
from app.library.spaceone.query.json_backend import Elements, JsonSql, Node, Reader, Test, is_index
from app.library.spaceone.query.limits import DEEPEST_KEY, LONGEST_KEY, MOST_INDEXES, query_error

_Column = ColumnElement[Any]

TEXT_COLUMNS: Final[dict[str, _Column]] = {
    "custom_widget_id": CustomWidgetRow.id.expression,
    "widget_name": CustomWidgetRow.widget_name.expression,
    "title": CustomWidgetRow.title.expression,
    "version": CustomWidgetRow.version.expression,
    "user_id": CustomWidgetRow.user_id.expression,
    "domain_id": CustomWidgetRow.domain_id.expression,
}
DATETIME_COLUMNS: Final[dict[str, _Column]] = {
    "created_at": CustomWidgetRow.created_at.expression,
    "updated_at": CustomWidgetRow.updated_at.expression,
}
FIELDS: Final = (
    "custom_widget_id",
    "widget_name",
    "title",
    "version",
    *DOCUMENTS,
    "user_id",
    "domain_id",
    "created_at",
    "updated_at",
)
MINIMAL: Final = ("custom_widget_id", "widget_name", "title", "version", "user_id", "domain_id")


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of text; `folded` is the same, casefolded."""

    column: ColumnElement[str]
    folded: ColumnElement[str]


@dataclass(frozen=True, slots=True)
class DatetimeColumn:
    column: ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class JsonPath:
    """Steps from a JSON node to values in it; `folded` is the node with its texts casefolded.

    `indexed` where an index may find what the document contains.
    """

    root: Node
    folded: Node | None
    steps: tuple[str, ...]
    indexed: bool = False


Target = TextColumn | DatetimeColumn | JsonPath


def split_key(key: str, where: str) -> tuple[str, ...]:
    """Split a key at its dots; raises InvalidInput for one that is empty, too long or too deep."""
    steps = tuple(key.split("."))
    if not all(steps) or len(key) > LONGEST_KEY or len(steps) > DEEPEST_KEY:
        raise query_error(
            f"needs a key such as options.group_by: of at most {LONGEST_KEY} characters and "
            f"{DEEPEST_KEY} names, none of them empty",
            where,
        )
    if sum(map(is_index, steps)) > MOST_INDEXES:
        raise query_error(f"has a key with more than {MOST_INDEXES} numbers", where)
    return steps


def root_of(key: str, where: str) -> str:
    """Return the field of a widget that a key is in; raises InvalidInput where there is none."""
    root, *steps = split_key(key, where)
    if root not in FIELDS or (steps and root not in DOCUMENTS):
        raise query_error(
            f"has the key {key}, which custom widgets do not have: keys are {', '.join(FIELDS)}, "
            f"and reach by dots into {', '.join(DOCUMENTS)}",
            where,
        )
    return root


def resolve_key(key: str, where: str, json: JsonSql) -> Target:
    """Return what a key names in the table; raises InvalidInput."""
    root = root_of(key, where)
    if root in DATETIME_COLUMNS:
        return DatetimeColumn(DATETIME_COLUMNS[root])
    everything = json.document(CustomWidgetRow.folded.expression)
    if root in TEXT_COLUMNS:
        column = TEXT_COLUMNS[root]
        if root == "title":
            return TextColumn(column, CustomWidgetRow.title_folded.expression)
        return TextColumn(column, json.read(json.member(everything, str(column.key))).text)
    node = json.document(getattr(CustomWidgetRow, root))
    steps = split_key(key, where)[1:]
    indexed = (root == "tags" and len(steps) == 1) or (root == "labels" and not steps)
    return JsonPath(node, json.member(everything, root), steps, indexed)


def node_at(node: Node, steps: Sequence[str], json: JsonSql) -> Node:
    """Return the one value at the end of the steps, missing where a list is in between."""
    for step in steps:
        node = json.member(node, step)
    return node


def joined(first: FromClause, *others: FromClause) -> FromClause:
    """Join tables of which each may be made of the ones before."""
    for other in others:
        first = first.join(other, true())
    return first


@dataclass(frozen=True, slots=True)
class Reached:
    """All values at the end of the steps, through the elements of lists: a row for each."""

    tables: tuple[FromClause, ...]
    node: Node

    @property
    def joined(self) -> FromClause:
        """The tables, each made of the one before."""
        return joined(*self.tables)


def reach(node: Node, steps: Sequence[str], json: JsonSql) -> Reached:
    """Follow the steps, through the elements of lists too."""
    tables: list[FromClause] = []
    for step in steps:
        if not is_index(step):
            spread = json.elements(node)
            tables.append(spread.table)
            node = spread.container
        node = json.member(node, step)
    return Reached(tuple(tables), node)


def some_value(
    node: Node, steps: Sequence[str], json: JsonSql, test: Callable[[Reader], Test]
) -> Test:
    """Test whether one of the values holds, or of the elements where such a value is a list."""
    reached = reach(node, steps, json)
    last = json.elements(reached.node)
    return _some(Reached((*reached.tables, last.table), last.container), test(last.element))


def some_node(node: Node, steps: Sequence[str], json: JsonSql) -> Test:
    """Test whether the steps lead to anything."""
    reached = reach(node, steps, json)
    there = reached.node.is_not(None)
    return _some(reached, there) if reached.tables else there


def last_elements(
    node: Node, steps: Sequence[str], json: JsonSql
) -> tuple[tuple[FromClause, ...], Elements]:
    """Return the tables that give all values, and the elements of those that are lists."""
    reached = reach(node, steps, json)
    last = json.elements(reached.node)
    return (*reached.tables, last.table), last


def _some(reached: Reached, test: Test) -> Test:
    statement = select(literal(1)).select_from(reached.joined).where(test)
    return exists(statement.correlate_except(*reached.tables))
