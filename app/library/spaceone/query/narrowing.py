"""What is known of a search before it is run: how many widgets it finds, and on SQLite which.

On PostgreSQL the planner finds them by itself: see `by_index` in json_postgresql.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ScalarSelect, func, select, union

from app.database.columns import folded
from app.database.queries import Query
from app.library.core.kept_counts import is_kept, kept_count
from app.library.core.models import CustomWidgetRow
from app.library.core.sqlite_index import Candidates, few, titled, valued
from app.library.spaceone.query.ast import Condition, Selection


def kept_total(search: Selection) -> ScalarSelect[Any] | None:
    """Return how many widgets a search finds, where that is kept."""
    if search.some or search.keyword or len(search.every) > 1:
        return None
    if not search.every:
        return kept_count(search.domain_id, CustomWidgetRow.__tablename__)
    condition = search.every[0]
    texts = _texts(condition)
    is_one = len(texts) == 1 and _is_indexed(condition) and is_kept(condition.key, texts[0])
    return kept_count(search.domain_id, condition.key, texts[0]) if is_one else None


def narrow(query: Query, search: Selection) -> str | None:
    """Ask SQLite's index for the widgets that a search may find, as `few` does."""
    return few(query, _candidates(search))


def _candidates(search: Selection) -> Iterator[Candidates]:
    """Select the widgets that meet each condition of the search that the index knows."""
    for condition in search.every:
        texts = _texts(condition)
        if texts and _is_title(condition):
            yield titled(search.domain_id, [folded(text) for text in texts])
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
    return union(titled(domain_id, [part]), by_id)
