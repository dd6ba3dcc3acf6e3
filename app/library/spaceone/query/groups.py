"""The stage `group`: a row for each group, with its aggregates."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Text,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    select,
)

from app.library.spaceone.query.ast import Condition, GroupField, GroupKey, GroupRows
from app.library.spaceone.query.filters import PLAIN, Filters
from app.library.spaceone.query.json_backend import JsonSql, Node, Test
from app.library.spaceone.query.keys import JsonPath
from app.library.spaceone.query.limits import query_error
from app.library.spaceone.query.stages import POSITION, NamedValue, Rows, find, rows_of, value_at

Aggregate = Callable[[JsonSql, ColumnElement[Any], ColumnElement[Any]], Node]
# Where the parts of `2024-01-15T00:00:00.000Z` are.
_DATE_PARTS: Final = {
    "%Y": (1, 4),
    "%m": (6, 2),
    "%d": (9, 2),
    "%H": (12, 2),
    "%M": (15, 2),
    "%S": (18, 2),
    "%L": (21, 3),
}
_NUMBERS: Final = {"year": "%Y", "month": "%m", "day": "%d"}
_TOKEN: Final = re.compile(r"%.?|[^%]+", re.DOTALL)


def _sum(json: JsonSql, node: Node, _: Any) -> Node:
    return json.of_number(func.coalesce(func.sum(json.read(node).number), 0))


def _average(json: JsonSql, node: Node, _: Any) -> Node:
    # PostgreSQL's own average overflows early: it also adds up squares.
    number = json.read(node).number
    return json.of_number(func.sum(number) / func.count(number))


def _extreme(choose: Any, *, last: bool) -> Aggregate:
    """Find the least or the greatest: numbers are less than texts, and those than booleans."""

    def aggregate(json: JsonSql, node: Node, _: Any) -> Node:
        value = json.read(node)
        number, text, boolean = choose(value.number), choose(value.text), choose(value.boolean)
        kinds = [
            (number.is_not(None), json.of_number(number)),
            (text.is_not(None), json.of_text(text)),
            (boolean.is_not(None), json.of_boolean(boolean)),
        ]
        return json.or_null(case(*(reversed(kinds) if last else kinds)))

    return aggregate


AGGREGATES: Final[Mapping[str, Aggregate]] = {
    "count": lambda json, node, _: json.of_number(func.count(node)),
    "sum": _sum,
    "average": _average,
    "max": _extreme(func.max, last=True),
    "min": _extreme(func.min, last=False),
    "first": lambda json, node, position: json.first_or_last(node, position, last=False),
    "last": lambda json, node, position: json.first_or_last(node, position, last=True),
    "add_to_set": lambda json, node, _: json.collect_set(node),
    "push": lambda json, node, position: json.collect_list(node, position),
    "size": lambda json, node, _: json.of_number(func.count(distinct(node))),
}
CONDITIONAL: Final = ("count", "sum", "average")
_ONE: Final = literal(1)


def grouped(rows: Rows, stage: GroupRows, json: JsonSql, filters: Filters) -> Rows:
    """Make a row of each group, in the order of their first rows."""
    keys = {key.name: _group_key(key, rows, json) for key in stage.keys}
    fields = {field.name: field for field in stage.fields if field.name not in keys}
    inner = _arguments(rows, keys, fields, json, filters)
    named = {
        name: NamedValue(inner.c[f"k{number}"], keys[name].is_datetime)
        for number, name in enumerate(keys)
    }
    statement = select().select_from(inner).group_by(*(value.node for value in named.values()))
    if not keys:
        statement = statement.having(func.count() > 0)
    for number, (name, field) in enumerate(fields.items()):
        aggregate = AGGREGATES[field.operator]
        node = aggregate(json, inner.c[f"a{number}"], inner.c[POSITION])
        named[name] = NamedValue(node, _is_datetime(field, rows), field.operator == "add_to_set")
    made = rows_of(named, statement, func.min(inner.c[POSITION]), tuple(keys))
    columns = {
        name: replace(value, node=json.in_order(value.node)) if value.unordered else value
        for name, value in made.columns.items()
    }
    return replace(made, columns=columns)


def _arguments(
    rows: Rows,
    keys: Mapping[str, NamedValue],
    fields: Mapping[str, GroupField],
    json: JsonSql,
    filters: Filters,
) -> CTE:
    """Write the keys and what is aggregated as columns: so grouping names, and repeats nothing."""
    columns = [
        *(json.or_null(key.node).label(f"k{number}") for number, key in enumerate(keys.values())),
        *(
            _argument(field, rows, json, filters).label(f"a{number}")
            for number, field in enumerate(fields.values())
        ),
    ]
    statement = select(*columns, rows.position.label(POSITION)).select_from(rows.source)
    # SQLite joins the texts of a group in the order in which the rows come.
    return statement.order_by(rows.position).cte()


def _argument(field: GroupField, rows: Rows, json: JsonSql, filters: Filters) -> ColumnElement[Any]:
    if field.operator not in AGGREGATES:
        raise query_error(
            f"has the operator {field.operator!r}: there are {', '.join(AGGREGATES)}", field.where
        )
    if field.fields and field.operator != "push":
        raise query_error("has fields, which are for push", field.where)
    if not field.conditions:
        return _value(field, rows, json)
    if field.operator not in CONDITIONAL:
        raise query_error(f"has conditions, which are for {', '.join(CONDITIONAL)}", field.where)
    tests = [_test(condition, rows, filters) for condition in field.conditions]
    return case((and_(*tests), _value(field, rows, json)))


def matching(rows: Rows, conditions: Sequence[Condition], filters: Filters) -> Rows:
    """Keep the rows that meet all conditions."""
    if not conditions:
        return rows
    tests = [_test(condition, rows, filters) for condition in conditions]
    statement = select().select_from(rows.source).where(*tests)
    return rows_of(rows.columns, statement, rows.position, rows.keys)


def _value(field: GroupField, rows: Rows, json: JsonSql) -> ColumnElement[Any]:
    if field.operator == "count":
        return _ONE
    if field.fields:
        pairs = [(name, value_at(key, rows, json, field.where).node) for key, name in field.fields]
        return json.of_fields(pairs)
    if not field.key:
        raise query_error(f"needs a key: {field.operator} is of a value", field.where)
    return value_at(field.key, rows, json, field.where).node


def _test(condition: Condition, rows: Rows, filters: Filters) -> Test:
    if (condition.operator or "eq") not in PLAIN:
        raise query_error(
            f"has the operator {condition.operator!r}: conditions take {', '.join(PLAIN)}",
            condition.where,
        )
    name, steps = find(condition.key, rows, condition.where)
    return filters.at(JsonPath(rows.columns[name].node, None, steps), condition)


def _is_datetime(field: GroupField, rows: Rows) -> bool:
    column = rows.columns.get(field.key)
    return field.operator in ("first", "last", "max", "min") and bool(column and column.is_datetime)


def _group_key(key: GroupKey, rows: Rows, json: JsonSql) -> NamedValue:
    value = value_at(key.key, rows, json, key.where)
    if not key.date_format:
        return value
    if not value.is_datetime:
        raise query_error(
            "has a date_format, which is for created_at and updated_at: "
            f"{key.key} is not a datetime",
            key.where,
        )
    written = json.read(value.node).text
    if key.date_format in _NUMBERS:
        return NamedValue(
            json.of_number(cast(_date_part(written, _NUMBERS[key.date_format]), Integer))
        )
    return NamedValue(json.of_text(_format_date(written, key)))


def _format_date(written: ColumnElement[str], key: GroupKey) -> ColumnElement[str]:
    formatted: ColumnElement[str] = literal("", Text())
    for token in _TOKEN.findall(key.date_format):
        if token.startswith("%") and token not in ("%%", *_DATE_PARTS):
            supported = ", ".join([*_DATE_PARTS, "%%", *_NUMBERS])
            raise query_error(f"has {token} in its date_format: there are {supported}", key.where)
        text = (
            _date_part(written, token)
            if token in _DATE_PARTS
            else literal(token.replace("%%", "%"), Text())
        )
        formatted = formatted + text
    return formatted


def _date_part(written: ColumnElement[str], token: str) -> ColumnElement[str]:
    return func.substr(written, *_DATE_PARTS[token], type_=Text())
