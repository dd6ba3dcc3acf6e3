"""JSON in PostgreSQL: a node is JSONB."""

import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Text,
    and_,
    case,
    cast,
    column,
    distinct,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by

from app.library.spaceone.query.json_backend import Elements, JsonSql, Node, Reader, Test, is_index

_RANKS: Final = {"number": 1, "string": 2, "object": 3, "array": 4, "boolean": 5}
# With more values, reading on is as fast.
_MOST_INDEXED_VALUES: Final = 20
_ROOT: Final[ColumnElement[Any]] = literal_column("'{}'::text[]")


class _PostgresqlReader(Reader):
    def __init__(self, node: Node) -> None:
        self._node = node
        self._kind = func.jsonb_typeof(node)

    @property
    def _atom(self) -> ColumnElement[str]:
        return self._node.op("#>>", return_type=Text())(_ROOT)

    @property
    def rank(self) -> ColumnElement[int]:
        return case(_RANKS, value=self._kind, else_=0)

    @property
    def number(self) -> ColumnElement[float]:
        return case((self._kind == "number", cast(self._atom, Double)))

    @property
    def text(self) -> ColumnElement[str]:
        return case((self._kind == "string", self._atom)).collate("C")

    @property
    def boolean(self) -> ColumnElement[int]:
        return case((self._kind == "boolean", case((self._atom == "true", 1), else_=0)))

    @property
    def is_null(self) -> Test:
        return func.coalesce(self._kind, "") == "null"

    @property
    def node(self) -> Node:
        return self._node

    def equals_any(self, values: Sequence[Any]) -> Test:
        if not values:
            return literal(value=False)
        same = self._node.in_([literal(value, JSONB()) for value in values])
        return func.coalesce(same, literal(value=False))


class PostgresqlJson(JsonSql):
    def document(self, column: ColumnElement[Any]) -> Node:
        return type_coerce(column, JSONB())

    def of_text(self, text: ColumnElement[Any]) -> Node:
        return func.to_jsonb(cast(text, Text), type_=JSONB())

    def of_number(self, number: ColumnElement[Any]) -> Node:
        return self.or_null(func.to_jsonb(cast(number, Double), type_=JSONB()))

    def of_boolean(self, number: ColumnElement[Any]) -> Node:
        return func.to_jsonb(number == 1, type_=JSONB())

    def of_datetime(self, column: ColumnElement[Any]) -> Node:
        universal = func.timezone("UTC", column)
        return self.of_text(func.to_char(universal, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))

    def of_fields(self, fields: Sequence[tuple[str, Node]]) -> Node:
        pairs = [part for name, node in fields for part in (cast(name, Text), self.or_null(node))]
        return func.jsonb_build_object(*pairs, type_=JSONB())

    def or_null(self, node: Node) -> Node:
        return func.coalesce(node, literal_column("'null'::jsonb"), type_=JSONB())

    def read(self, node: Node) -> Reader:
        return _PostgresqlReader(node)

    def member(self, node: Node, key: str) -> Node:
        found = node.op("->", return_type=JSONB())(cast(key, Text))
        if not is_index(key):
            return found
        element = node.op("->", return_type=JSONB())(cast(int(key), Integer))
        # To PostgreSQL, a scalar is its own first element.
        listed = func.jsonb_typeof(node) == "array"
        return func.coalesce(found, case((listed, element)), type_=JSONB())

    def elements(self, node: Node) -> Elements:
        listed = case(
            (func.jsonb_typeof(node) == "array", node),
            (node.is_not(None), func.jsonb_build_array(node)),
            else_=literal_column("'[]'::jsonb"),
        )
        spread = func.jsonb_array_elements(listed, type_=JSONB())
        table = spread.table_valued(column("value", JSONB()), with_ordinality="index")
        table = table.render_derived()
        element: Node = table.c.value
        return Elements(table, table.c.index, _PostgresqlReader(element), element)

    def first(self, node: Node) -> Node:
        element = node.op("->", return_type=JSONB())(cast(0, Integer))
        return case((func.jsonb_typeof(node) == "array", element), else_=node)

    def size(self, node: Node) -> ColumnElement[int]:
        return case((func.jsonb_typeof(node) == "array", func.jsonb_array_length(node)))

    def replaced(self, node: Node, steps: Sequence[str], inner: Node) -> Node:
        return func.jsonb_set(node, cast(list(steps), ARRAY(Text)), inner, type_=JSONB())

    def collect_list(self, node: Node, position: ColumnElement[Any]) -> Node:
        listed = func.jsonb_agg(aggregate_order_by(node, position)).filter(node.is_not(None))
        return func.coalesce(listed, literal_column("'[]'::jsonb"), type_=JSONB())

    def collect_set(self, node: Node) -> Node:
        listed = func.jsonb_agg(distinct(node)).filter(node.is_not(None))
        return func.coalesce(listed, literal_column("'[]'::jsonb"), type_=JSONB())

    def in_order(self, node: Node) -> Node:
        each = self.elements(node)
        text = cast(each.container, Text).collate("C")
        listed = select(self.collect_list(each.container, text)).select_from(each.table)
        return listed.correlate_except(each.table).scalar_subquery()

    def first_or_last(self, node: Node, position: ColumnElement[Any], *, last: bool) -> Node:
        """Find the least text that begins with a position."""
        padded = func.lpad(cast(position, Text), 20, "0", type_=Text())
        marked = (padded + cast(self.or_null(node), Text)).collate("C")
        found = func.substr(func.max(marked) if last else func.min(marked), 21)
        return cast(found, JSONB)

    def to_json_text(self, node: Node) -> ColumnElement[Any]:
        return cast(node, Text)

    def size_of(self, written: Sequence[ColumnElement[Any]]) -> ColumnElement[int]:
        sizes = [func.coalesce(func.octet_length(value), 0) for value in written]
        return reduce(operator.add, sizes, literal(0))

    def by_index(self, node: Node, key: str, values: Sequence[Any], test: Test) -> Test:
        """Ask the GIN indexes of `tags` and `labels`, which know what a document contains.

        Where it contains a text, a number or a boolean, it has just that; a list may have more.
        """
        if len(values) > _MOST_INDEXED_VALUES:
            return test
        held: list[Any] = [[value] for value in values]
        for step in key.split(".")[1:]:
            held = [{step: inner} for inner in (*values, *held)]
        contained = node.op("@>", is_comparison=True)
        found = or_(*(contained(literal(one, JSONB())) for one in held))
        is_plain = not any(isinstance(value, list | dict) for value in values)
        # Of a document that is not there, nothing is known, not even that it contains nothing.
        return and_(found, node.is_not(None) if is_plain else test)

    def contains(self, text: ColumnElement[str], part: str) -> Test:
        """Look for the part, by the trigrams of an index where there is one."""
        return text.contains(part, autoescape=True)

    def matches(self, text: ColumnElement[str], sqlite: str, postgresql: str) -> Test:
        del sqlite
        found = text.op("~")(cast(postgresql, Text))
        return func.coalesce(found, literal(value=False))
