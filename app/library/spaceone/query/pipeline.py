"""Statistics as one statement: the stages in turn, or the different values at a key."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from app.library.spaceone.query.ast import (
    CountRows,
    GroupField,
    GroupRows,
    Limit,
    ProjectFields,
    Skip,
    Sort,
    Stage,
    Unwind,
)
from app.library.spaceone.query.filters import Filters
from app.library.spaceone.query.groups import grouped, matching
from app.library.spaceone.query.json_backend import JsonSql, Test
from app.library.spaceone.query.keys import joined, last_elements
from app.library.spaceone.query.limits import MOST_KEYS_AND_FIELDS, MOST_STAGES, query_error
from app.library.spaceone.query.stages import (
    NamedValue,
    Rows,
    counted,
    cut,
    find,
    first_rows,
    ordering,
    projected,
    rows_of,
    sorted_rows,
    unwound,
)

AGGREGATE: Final = "query.aggregate"


def pipeline(stages: Sequence[Stage], test: Test, json: JsonSql, filters: Filters) -> Rows:
    """Make the rows that the stages come to; raises InvalidInput, which names the stage."""
    if len(stages) > MOST_STAGES:
        raise query_error(f"has more than {MOST_STAGES} stages", AGGREGATE)
    _check_size(stages)
    rows = first_rows(test, json)
    for stage in stages:
        rows = _after(rows, stage, json, filters)
    return rows


def _check_size(stages: Sequence[Stage]) -> None:
    terms = [term for stage in stages for term in _keys_and_fields(stage)]
    fields = [term for term in terms if isinstance(term, GroupField)]
    conditions = [condition for field in fields for condition in field.conditions]
    count = len(terms) + len(conditions) + sum(len(field.fields) for field in fields)
    if count > MOST_KEYS_AND_FIELDS:
        limit = f"has more than {MOST_KEYS_AND_FIELDS} keys, fields and conditions"
        raise query_error(limit, AGGREGATE)


def _keys_and_fields(stage: Stage) -> Sequence[Any]:
    match stage:
        case GroupRows():
            return (*stage.keys, *stage.fields)
        case ProjectFields():
            return stage.fields
        case Sort():
            return stage.orders
        case Unwind():
            return stage.conditions
    return ()


def _after(rows: Rows, stage: Stage, json: JsonSql, filters: Filters) -> Rows:
    match stage:
        case Unwind():
            return matching(unwound(rows, stage, json), stage.conditions, filters)
        case GroupRows():
            return grouped(rows, stage, json, filters)
        case CountRows():
            return counted(rows, stage, json)
        case Sort():
            return sorted_rows(rows, stage, json)
        case Limit() | Skip():
            return cut(rows, stage)
        case ProjectFields():
            return projected(rows, stage, json)


def distinct_rows(key: str, test: Test, json: JsonSql) -> Rows:
    """Make rows of the different values at a key, and of the elements of lists, in their order."""
    rows = first_rows(test, json)
    name, steps = find(key, rows, "query.distinct")
    tables, last = last_elements(rows.columns[name].node, steps, json)
    values = (
        select(last.element.node.label("value"))
        .select_from(joined(rows.source, *tables))
        .distinct()
        .cte()
    )
    node = values.c.value
    position = func.row_number().over(order_by=ordering(node, json, descending=False))
    return rows_of({"value": NamedValue(node)}, select().select_from(values), position)
