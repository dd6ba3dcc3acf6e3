"""Makes a syntax tree of a query that the schemas have loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.library.spaceone.query.ast import (
    Condition,
    CountRows,
    GroupField,
    GroupKey,
    GroupRows,
    Limit,
    Listing,
    Order,
    Page,
    ProjectField,
    ProjectFields,
    Selection,
    Skip,
    Sort,
    Stage,
    Statistics,
    Unwind,
)
from app.library.spaceone.query.keys import MINIMAL
from app.library.spaceone.query.limits import MOST_ORDERS, query_error

Loaded = Mapping[str, Any]
QUERY: Final = "$.query"
EXACT: Final = ("custom_widget_id", "widget_name", "title", "user_id")
PROJECTIONS: Final = ("", "size")


def read_listing(loaded: Loaded) -> Listing:
    """Read a query of `list`; raises InvalidInput."""
    query = loaded.get("query") or {}
    exact = tuple(
        Condition(name, "eq", loaded[name], f"$.{name}") for name in EXACT if loaded.get(name)
    )
    only = tuple(query.get("only_") or ()) or (MINIMAL if query.get("minimal") else None)
    return Listing(
        search=_search(query, loaded["domain_id"], exact),
        orders=_orders(query["sort"], f"{QUERY}.sort") if query.get("sort") else (),
        page=_page(query),
        only=only,
        count_only=bool(query.get("count_only")),
        unwind=_list_unwind(query["unwind"]) if query.get("unwind") else None,
    )


def read_statistics(loaded: Loaded) -> Statistics:
    """Read a query of `stat`; raises InvalidInput."""
    query = loaded["query"]
    stages = query.get("aggregate") or ()
    return Statistics(
        search=_search(query, loaded["domain_id"]),
        distinct=query.get("distinct") or None,
        stages=tuple(
            _stage(stage, f"{QUERY}.aggregate[{number}]") for number, stage in enumerate(stages)
        ),
        page=_page(query),
    )


def _search(query: Loaded, domain_id: str, exact: tuple[Condition, ...] = ()) -> Selection:
    every = _conditions(query.get("filter"), f"{QUERY}.filter")
    some = _conditions(query.get("filter_or"), f"{QUERY}.filter_or")
    return Selection(domain_id, exact + every, some, (query.get("keyword") or "").strip())


def _conditions(given: Sequence[Loaded] | None, where: str) -> tuple[Condition, ...]:
    return tuple(_condition(each, f"{where}[{number}]") for number, each in enumerate(given or ()))


def _condition(given: Loaded, where: str) -> Condition:
    value = given.get("v") if given.get("value") is None else given["value"]
    operator = given.get("operator") or given.get("o") or ""
    return Condition(_key(given, where), operator, value, where)


def _key(given: Loaded, where: str) -> str:
    key: str = given.get("key") or given.get("k") or ""
    if not key:
        raise query_error("needs a key", where)
    return key


def _name(given: Loaded, where: str) -> str:
    name: str = given.get("name") or given.get("n") or ""
    if not name:
        raise query_error("needs a name", where)
    return name


def _page(query: Loaded) -> Page:
    page = query.get("page") or {}
    return Page(max(1, page.get("start") or 1), page.get("limit") or None)


def _orders(sort: Loaded, where: str) -> tuple[Order, ...]:
    keys = sort.get("keys") or ([sort] if sort.get("key") or sort.get("desc") else [])
    if len(keys) > MOST_ORDERS:
        raise query_error(f"has more than {MOST_ORDERS} keys", where)
    return tuple(Order(_key(each, where), bool(each.get("desc")), where) for each in keys)


def _stage(given: Loaded, where: str) -> Stage:
    ((name, value),) = ((name, value) for name, value in given.items() if value is not None)
    return _STAGES[name](value, f"{where}.{name}")


def _unwind(given: Loaded, where: str) -> Unwind:
    return Unwind(_key({"key": given.get("path")}, f"{where}.path"), where)


def _list_unwind(given: Loaded) -> Unwind:
    where = f"{QUERY}.unwind"
    conditions = _conditions(given.get("filter"), f"{where}.filter")
    return replace(_unwind(given, where), conditions=conditions)


def _group(given: Loaded, where: str) -> GroupRows:
    keys = tuple(
        GroupKey(_key(each, path), _name(each, path), each.get("date_format") or "", path)
        for each, path in _numbered(given.get("keys"), f"{where}.keys")
    )
    fields = tuple(
        _group_field(each, path)
        for each, path in _numbered(given.get("fields_"), f"{where}.fields")
    )
    if not keys and not fields:
        raise query_error("needs keys or fields", where)
    return GroupRows(keys, fields, where)


def _group_field(given: Loaded, where: str) -> GroupField:
    return GroupField(
        name=_name(given, where),
        operator=given.get("operator") or given.get("o") or "",
        key=given.get("key") or given.get("k") or "",
        fields=tuple(
            (_key(each, path), _name(each, path))
            for each, path in _numbered(given.get("fields_"), f"{where}.fields")
        ),
        conditions=_conditions(given.get("conditions"), f"{where}.conditions"),
        where=where,
    )


def _count(given: Loaded, where: str) -> CountRows:
    return CountRows(_name(given, where), where)


def _sort(given: Loaded, where: str) -> Sort:
    orders = _orders(given, where)
    if not orders:
        raise query_error("needs a key", where)
    return Sort(orders, where)


def _project(given: Loaded, where: str) -> ProjectFields:
    fields = tuple(
        _project_field(each, path)
        for each, path in _numbered(given.get("fields_"), f"{where}.fields")
    )
    if not fields:
        raise query_error("needs fields", where)
    return ProjectFields(fields, bool(given.get("exclude_keys")), where)


def _project_field(given: Loaded, where: str) -> ProjectField:
    operator = given.get("operator") or given.get("o") or ""
    if operator not in PROJECTIONS:
        raise query_error(f"has the operator {operator!r}: there is size, or none", where)
    return ProjectField(_key(given, where), _name(given, where), operator, where)


def _numbered(given: Sequence[Loaded] | None, where: str) -> Sequence[tuple[Loaded, str]]:
    return [(each, f"{where}[{number}]") for number, each in enumerate(given or ())]


_STAGES: Final[Mapping[str, Callable[[Any, str], Stage]]] = {
    "unwind": _unwind,
    "group": _group,
    "count": _count,
    "sort": _sort,
    "project": _project,
    "limit": Limit,
    "skip": Skip,
}
