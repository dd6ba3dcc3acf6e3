"""SQLite's index for a search: for some conditions, the widgets that may meet them.

On PostgreSQL the planner does this by itself: see `by_index` in json_postgresql.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, null, select, union

from app.database.columns import folded
from app.database.queries import Query
from app.library.core.models import CustomWidgetRow
from app.library.core.sqlite_index import Candidates, counted, few, is_exact, titled, valued
from app.library.spaceone.query.ast import Condition, Selection


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the index finds: `ids` as `few` gives them; `total` where they are too many for that.

    Either is None where the index does not know.
    """

    ids: str | None = None
    total: int | None = None


def narrow(query: Query, search: Selection) -> Narrowing:
    """Ask the index for the widgets of a search, or how many there are."""
    matching = list(_candidates(search))
    candidates = [each for each in matching if each is not None]
    ids = few(query, candidates)
    if ids is not None or not candidates or search.some or len(candidates) < len(matching):
        return Narrowing(ids)
    return Narrowing(total=counted(query, candidates, None)[0])


def _candidates(search: Selection) -> Iterator[Candidates | None]:
    """Select the widgets that meet each condition of the search; None where the index cannot."""
    for condition in search.every:
        texts = _texts(condition)
        if texts and _is_title(condition):
            yield titled(search.domain_id, [folded(text) for text in texts])
        elif texts and _is_indexed(condition):
            yield valued(search.domain_id, condition.key, texts)
            if not is_exact(texts):
                yield None
        else:
            yield None
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
    by_id = select(row.id, null()).where(row.domain_id == domain_id, func.instr(row.id, part) > 0)
    return union(titled(domain_id, [part]), by_id)
