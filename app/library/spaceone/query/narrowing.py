"""What SQLite's index knows of a search: for some conditions, the widgets that may meet them.

On PostgreSQL the planner does this by itself: see `may_contain` in json_postgresql.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, select, union_all

from app.library.core.columns import folded
from app.library.core.models import CustomWidgetRow
from app.library.core.sqlite_index import Candidates, titled, valued
from app.library.spaceone.query.ast import Condition, Search


def candidates(search: Search) -> Iterator[Candidates]:
    """Select, for each condition that all widgets must meet and the index knows of, who may."""
    for condition in search.every:
        texts = _texts(condition)
        if texts and _is_title(condition):
            yield titled([folded(text) for text in texts])
        elif texts and _is_indexed(condition):
            yield valued(search.domain_id, condition.key, texts)
    if search.keyword:
        yield _with_keyword(search.domain_id, folded(search.keyword))


def _texts(condition: Condition) -> Sequence[str]:
    """Return the texts of which a widget has one; none where another value would do, too."""
    value: Any = condition.value
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(each, str) for each in values) else ()


def _is_title(condition: Condition) -> bool:
    return condition.key == "title" and condition.operator in ("contain", "contain_in")


def _is_indexed(condition: Condition) -> bool:
    root, _, name = condition.key.partition(".")
    is_indexed = condition.key == "labels" or (root == "tags" and name != "" and "." not in name)
    return is_indexed and condition.operator in ("", "eq", "in")


def _with_keyword(domain_id: str, part: str) -> Candidates:
    """Select by title, and by id: each id of the domain is looked at."""
    row = CustomWidgetRow
    by_id = select(row.id).where(row.domain_id == domain_id, func.instr(row.id, part) > 0)
    both = union_all(titled([part]), by_id).subquery()
    return select(both.c.widget_id).distinct()
