"""Conditions as SQL: what each operator means.

A `not…` operator matches exactly the rest, also the widgets that do not have the key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Any, Final

from sqlalchemy import and_, false, func, not_, or_, true

from app.database.columns import canonical, folded
from app.library.core.models import CustomWidgetRow
from app.library.core.sqlite_index import is_one_of, unindexed
from app.library.spaceone.query.ast import Condition, Selection
from app.library.spaceone.query.datetimes import read_datetime, read_difference
from app.library.spaceone.query.json_backend import JsonSql, Reader, Test
from app.library.spaceone.query.keys import (
    DatetimeColumn,
    JsonPath,
    Target,
    TextColumn,
    resolve_key,
    some_node,
    some_value,
)
from app.library.spaceone.query.limits import (
    MOST_CONDITIONS,
    MOST_PATTERNS,
    MOST_TEXTS,
    MOST_VALUES,
    query_error,
)
from app.library.spaceone.query.regexes import Pattern, read_pattern

NEGATED: Final[Mapping[str, str]] = {
    "not": "eq",
    "not_in": "in",
    "not_contain": "contain",
    "not_contain_in": "contain_in",
}
ORDERS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
}
LISTS: Final = ("in", "contain_in", "regex_in")
DATETIME_READERS: Final = ("datetime", "timediff")
OPERATORS: Final = (
    "eq", "not", "in", "not_in", "contain", "not_contain", "contain_in", "not_contain_in",
    "lt", "lte", "gt", "gte", "exists", "regex", "regex_in",
    *(f"{reader}_{order}" for reader in DATETIME_READERS for order in ORDERS),
)  # fmt: skip
# The operators for values that are not columns, such as those of a group.
PLAIN: Final = ("eq", "not", "in", "not_in", "lt", "lte", "gt", "gte", "exists")


class Filters:
    """Makes the SQL of the conditions of one query, for one database and at one time."""

    def __init__(self, json: JsonSql, now: datetime) -> None:
        self._json = json
        self._now = now

    def search(self, search: Selection, ids: str | None = None) -> Test:
        """Test whether a widget is one of those that are searched for; raises InvalidInput.

        `ids` are those among which SQLite has to look, where its index knows them.
        """
        conditions = (*search.every, *search.some)
        if len(conditions) > MOST_CONDITIONS:
            raise query_error(f"has more than {MOST_CONDITIONS} conditions", "filter")
        tests = [self.test(condition) for condition in search.every]
        if search.some:
            tests.append(or_(*map(self.test, search.some)))
        if search.keyword:
            tests.append(self._has_keyword(search.keyword))
        row = CustomWidgetRow
        if ids is None:
            return and_(row.domain_id == search.domain_id, *tests)
        domain = unindexed(row.domain_id.expression) == search.domain_id
        return and_(is_one_of(row.id.expression, ids), domain, *tests)

    def test(self, condition: Condition) -> Test:
        """Test one condition of a widget; raises InvalidInput."""
        return self.at(resolve_key(condition.key, condition.where, self._json), condition)

    def at(self, target: Target, condition: Condition) -> Test:
        """Test one condition of the values at a target."""
        operator = condition.operator or "eq"
        if operator not in OPERATORS:
            raise query_error(
                f"has the operator {operator!r}: there are {', '.join(OPERATORS)}", condition.where
            )
        if operator in NEGATED:
            return not_(self.at(target, replace(condition, operator=NEGATED[operator])))
        _check_value(operator, condition)
        return self._test(target, condition, operator)

    def _test(self, target: Target, condition: Condition, operator: str) -> Test:
        name, _, order = operator.partition("_")
        values = condition.value if operator in LISTS else [condition.value]
        match name:
            case "datetime" | "timediff":
                return self._compare_datetimes(target, condition, name, order)
            case "lt" | "lte" | "gt" | "gte":
                return self._ordered(target, condition, ORDERS[operator])
            case "exists":
                there = self._exists(target)
                return there if condition.value else not_(there)
            case "contain":
                return self._contains(target, condition, values)
            case "regex":
                return self._matches(target, condition, values)
        return self._equals(target, condition, values)

    def _has_keyword(self, keyword: str) -> Test:
        part = folded(keyword)
        columns = (CustomWidgetRow.id.expression, CustomWidgetRow.title_folded.expression)
        return or_(*(self._json.contains(column, part) for column in columns))

    def _equals(self, target: Target, condition: Condition, values: Sequence[Any]) -> Test:
        texts = [value for value in values if isinstance(value, str)]
        match target:
            case TextColumn():
                return target.column.in_(texts)
            case DatetimeColumn():
                return target.column.in_([_datetime(text, condition) for text in texts])
        same = [_canonical(value, condition) for value in values if value is not None]
        tests = [self._some(target, lambda value: value.equals_any(same))] if same else []
        if same and target.indexed:
            tests = [self._json.by_index(target.root, condition.key, same, *tests)]
        if None in values:
            tests.append(self._some(target, lambda value: value.is_null))
            tests.append(not_(some_node(target.root, target.steps, self._json)))
        return or_(false(), *tests)

    def _ordered(
        self, target: Target, condition: Condition, compare: Callable[[Any, Any], Any]
    ) -> Test:
        value = condition.value
        if isinstance(target, DatetimeColumn):
            if not isinstance(value, str):
                raise query_error("compares a datetime: needs ISO 8601 as a text", condition.where)
            return compare(target.column, _datetime(value, condition))  # type: ignore[no-any-return]
        if isinstance(target, TextColumn):
            return compare(target.column, value) if isinstance(value, str) else false()
        if isinstance(value, str):
            return self._some(target, lambda found: compare(found.text, value))
        number = float(_canonical(value, condition))
        return self._some(target, lambda found: compare(found.number, number))

    def _compare_datetimes(
        self, target: Target, condition: Condition, reader: str, order: str
    ) -> Test:
        if not isinstance(target, DatetimeColumn):
            raise query_error(
                f"has {condition.operator}, which is for created_at and updated_at", condition.where
            )
        read = _datetime if reader == "datetime" else self._difference
        test: Test = ORDERS[order](target.column, read(condition.value, condition))
        return test

    def _difference(self, value: Any, condition: Condition) -> datetime:
        try:
            return read_difference(value, self._now)
        except ValueError as error:
            raise query_error(
                f"has the value {value!r}, which {error}: write now, now-1d/d, now/w+2h",
                condition.where,
            ) from None

    def _exists(self, target: Target) -> Test:
        return (
            some_node(target.root, target.steps, self._json)
            if isinstance(target, JsonPath)
            else true()
        )

    def _contains(self, target: Target, condition: Condition, values: Sequence[str]) -> Test:
        wanted = [folded(value) for value in values]
        return self._folded(
            target,
            condition,
            lambda text: or_(false(), *(self._json.contains(text, part) for part in wanted)),
        )

    def _matches(self, target: Target, condition: Condition, values: Sequence[str]) -> Test:
        patterns = [_pattern(value, condition) for value in values]
        return self._folded(
            target,
            condition,
            lambda text: or_(
                false(), *(self._json.matches(text, p.sqlite, p.postgresql) for p in patterns)
            ),
        )

    def _folded(self, target: Target, condition: Condition, test: Callable[[Any], Test]) -> Test:
        """Test texts in any case."""
        if isinstance(target, TextColumn):
            return test(target.folded)
        if isinstance(target, JsonPath) and target.folded is not None:
            return some_value(
                target.folded, target.steps, self._json, lambda value: test(value.text)
            )
        raise query_error(
            f"has {condition.operator}, which is for texts: {condition.key} is not a text",
            condition.where,
        )

    def _some(self, target: JsonPath, test: Callable[[Reader], Test]) -> Test:
        return some_value(
            target.root, target.steps, self._json, lambda value: func.coalesce(test(value), false())
        )


def _check_value(operator: str, condition: Condition) -> None:
    """Refuse a value that is not of the operator's kind."""
    value, wanted = condition.value, _WANTED.get(operator, "")
    if operator in LISTS:
        _check_list(operator, condition)
    elif isinstance(value, list):
        raise query_error(
            f"has {operator} with a list: {operator} takes one value", condition.where
        )
    elif operator == "exists" and not isinstance(value, bool):
        raise query_error("has exists without true or false", condition.where)
    elif operator in ORDERS and (
        isinstance(value, bool) or not isinstance(value, str | float | int)
    ):
        raise query_error(
            f"has {operator} with a value that is neither a text nor a number", condition.where
        )
    elif wanted and not isinstance(value, str):
        raise query_error(f"has {operator} without a text", condition.where)


_WANTED: Final[Mapping[str, str]] = {
    operator: "text"
    for operator in OPERATORS
    if operator in ("contain", "regex") or operator.startswith(DATETIME_READERS)
}


def _check_list(operator: str, condition: Condition) -> None:
    values = condition.value
    if not isinstance(values, list):
        raise query_error(f"has {operator} without a list", condition.where)
    most = {"in": MOST_VALUES, "regex_in": MOST_PATTERNS}.get(operator, MOST_TEXTS)
    if len(values) > most:
        raise query_error(f"has {operator} with more than {most} values", condition.where)
    if operator != "in" and not all(isinstance(value, str) for value in values):
        raise query_error(f"has {operator} with a value that is not a text", condition.where)


def _canonical(value: Any, condition: Condition) -> Any:
    try:
        return canonical(value)
    except OverflowError:
        raise query_error("has a number that is too large", condition.where) from None


def _datetime(value: str, condition: Condition) -> datetime:
    try:
        return read_datetime(value)
    except ValueError:
        raise query_error(
            f"has the value {value!r}, which is not ISO 8601, such as 2024-01-15T00:00:00Z",
            condition.where,
        ) from None


def _pattern(value: str, condition: Condition) -> Pattern:
    try:
        return read_pattern(value)
    except ValueError as error:
        raise query_error(f"has a regular expression that {error}", condition.where) from None
