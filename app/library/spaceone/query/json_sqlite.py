"""JSON in SQLite: a node is a text, read by the functions of JSON1."""

import re
import sys
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    LargeBinary,
    Text,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from app.database.columns import EXACT, to_json
from app.library.core.models import CustomWidgetRow
from app.library.core.sqlite_index import has_value, is_exact
from app.library.spaceone.query.json_backend import Elements, JsonSql, Node, Reader, Test, is_index

_RANKS: Final = {
    "integer": 1,
    "real": 1,
    "text": 2,
    "object": 3,
    "array": 4,
    "true": 5,
    "false": 5,
}
_NUMBERS: Final = ("integer", "real")
# A path has no escapes: keys with these are looked for among all members.
_UNWRITABLE: Final = re.compile(r'["\\\x00-\x1f]')


class _SqliteReader(Reader):
    def __init__(self, kind: ColumnElement[Any], atom: ColumnElement[Any], node: Node) -> None:
        self._kind = kind
        self._atom = atom
        self._node = node

    @property
    def rank(self) -> ColumnElement[int]:
        return case(_RANKS, value=self._kind, else_=0)

    @property
    def number(self) -> ColumnElement[float]:
        # A sum of integers would be one, and overflow.
        return case((self._kind.in_(_NUMBERS), cast(self._atom, Float)))

    @property
    def text(self) -> ColumnElement[str]:
        return case((self._kind == "text", type_coerce(self._atom, Text())))

    @property
    def boolean(self) -> ColumnElement[int]:
        return case({"true": 1, "false": 0}, value=self._kind)

    @property
    def is_null(self) -> Test:
        return func.coalesce(self._kind, "") == "null"

    @property
    def node(self) -> Node:
        return self._node

    def equals_any(self, values: Sequence[Any]) -> Test:
        texts = [value for value in values if isinstance(value, str)]
        truths = ["true" if value else "false" for value in values if isinstance(value, bool)]
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        others = [to_json(value) for value in values if isinstance(value, dict | list)]
        atom: ColumnElement[Any] = type_coerce(self._atom, Text())
        tests = [
            *([(self._kind == "text") & atom.in_(texts)] if texts else []),
            *([self._kind.in_(truths)] if truths else []),
            *([type_coerce(self.number, Float()).in_(numbers)] if numbers else []),
            *([self._kind.in_(("object", "array")) & atom.in_(others)] if others else []),
        ]
        return func.coalesce(or_(*tests), literal(value=False)) if tests else literal(value=False)


class SqliteJson(JsonSql):
    def document(self, column: ColumnElement[Any]) -> Node:
        return type_coerce(column, Text())

    def of_text(self, text: ColumnElement[Any]) -> Node:
        return func.json_quote(text, type_=Text())

    def of_number(self, number: ColumnElement[Any]) -> Node:
        """Write whole numbers without a point, others so that they are read as the same double."""
        integer = cast(number, Integer)
        real: ColumnElement[Any] = type_coerce(number, Float())
        return case(
            (number.is_(None), "null"),
            # No JSON: what is made of it fails, as an overflow does on PostgreSQL.
            (func.abs(real) > sys.float_info.max, func.json(func.printf("infinite %f", real))),
            ((func.abs(real) <= EXACT) & (real == integer), cast(integer, Text)),
            else_=func.printf("%!.17g", real),
        )

    def of_boolean(self, number: ColumnElement[Any]) -> Node:
        return case({1: "true", 0: "false"}, value=number)

    def of_datetime(self, column: ColumnElement[Any]) -> Node:
        """Cut the text that the column keeps."""
        kept: ColumnElement[Any] = type_coerce(column, Text())
        date, time = func.substr(kept, 1, 10), func.substr(kept, 12, 12)
        return literal('"', Text()) + date + "T" + time + 'Z"'

    def of_fields(self, fields: Sequence[tuple[str, Node]]) -> Node:
        pairs = [part for name, node in fields for part in (name, func.json(self.or_null(node)))]
        return func.json_object(*pairs, type_=Text())

    def or_null(self, node: Node) -> Node:
        return func.coalesce(node, "null", type_=Text())

    def read(self, node: Node) -> Reader:
        return _SqliteReader(func.json_type(node), func.json_extract(node, "$"), node)

    def member(self, node: Node, key: str) -> Node:
        if _UNWRITABLE.search(key):
            return self._member_of_any_name(node, key)
        found = node.op("->", return_type=Text())(literal(f'$."{key}"'))
        if not is_index(key):
            return found
        element = node.op("->", return_type=Text())(literal(f"$[{int(key)}]"))
        return func.coalesce(found, element, type_=Text())

    def _member_of_any_name(self, node: Node, key: str) -> Node:
        table = func.json_each(node).table_valued("key", "value", "type")
        statement = select(_node_of(table.c)).select_from(table)
        return (
            statement.where(table.c.key == key).limit(1).correlate_except(table).scalar_subquery()
        )

    def elements(self, node: Node) -> Elements:
        one = literal("[", Text()) + node + "]"
        listed = case((func.json_type(node) == "array", node), (node.is_not(None), one), else_="[]")
        table = func.json_each(listed).table_valued("key", "value", "type")
        container = case((table.c.type == "object", table.c.value))
        element = _SqliteReader(table.c.type, table.c.value, _node_of(table.c))
        return Elements(table, table.c.key, element, type_coerce(container, Text()))

    def first(self, node: Node) -> Node:
        element = node.op("->", return_type=Text())(literal("$[0]"))
        return case((func.json_type(node) == "array", element), else_=node)

    def size(self, node: Node) -> ColumnElement[int]:
        return case((func.json_type(node) == "array", func.json_array_length(node)))

    def replaced(self, node: Node, steps: Sequence[str], inner: Node) -> Node:
        path = "$" + "".join(f'."{step}"' for step in steps)
        return func.json_set(node, path, func.json(inner), type_=Text())

    def collect_list(self, node: Node, position: ColumnElement[Any]) -> Node:
        """Join the texts: the rows come in their order already."""
        del position
        return literal("[", Text()) + func.coalesce(func.group_concat(node, ","), "") + "]"

    def collect_set(self, node: Node) -> Node:
        joined = func.group_concat(distinct(node))
        return literal("[", Text()) + func.coalesce(joined, "") + "]"

    def in_order(self, node: Node) -> Node:
        each = self.elements(node)
        element = each.element.node.label("element")
        rows = select(element).select_from(each.table).order_by(element)
        ordered = rows.correlate_except(each.table).subquery()
        listed = self.collect_list(ordered.c.element, ordered.c.element)
        return select(listed).select_from(ordered).correlate_except(ordered).scalar_subquery()

    def first_or_last(self, node: Node, position: ColumnElement[Any], *, last: bool) -> Node:
        """Find the least text that begins with a position."""
        marked = func.printf("%020d", position, type_=Text()) + self.or_null(node)
        return func.substr(func.max(marked) if last else func.min(marked), 21, type_=Text())

    def to_json_text(self, node: Node) -> ColumnElement[Any]:
        # As bytes: a text would be copied to one of up to four bytes a character.
        return cast(node, LargeBinary)

    def size_of(self, written: Sequence[ColumnElement[Any]]) -> ColumnElement[int]:
        del written
        return literal(0)  # `querying` bounds them

    def by_index(self, node: Node, key: str, values: Sequence[Any], test: Test) -> Test:
        del node
        if not all(isinstance(value, str) for value in values):
            return test
        row = CustomWidgetRow
        found = has_value(row.id.expression, row.domain_id.expression, key, values)
        return found if is_exact(values) else and_(found, test)

    def contains(self, text: ColumnElement[str], part: str) -> Test:
        return func.coalesce(func.instr(text, part), 0) > 0

    def matches(self, text: ColumnElement[str], sqlite: str, postgresql: str) -> Test:
        """Call the function that the store defines."""
        del postgresql
        return func.coalesce(func.regexp(sqlite, text), 0) == 1


def _node_of(row: Any) -> Node:
    """Write a row of json_each as JSON again."""
    return case(
        {
            "text": func.json_quote(row.value),
            "real": func.printf("%!.17g", row.value),
            "true": "true",
            "false": "false",
            "null": "null",
        },
        value=row.type,
        else_=cast(row.value, Text),
    )
