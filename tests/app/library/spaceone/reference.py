"""What SpaceONE's query language means, over Python objects: as plain as can be."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII
MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
ORDERS = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
NEGATED = {"not": "eq", "not_in": "in", "not_contain": "contain", "not_contain_in": "contain_in"}
Widget = Mapping[str, Any]


def written(value: Any) -> str:
    """Write a value so that equal values are equal texts."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k!r}:{written(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value)
    return repr(float(value) + 0.0)  # there is one zero


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def member(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return MISSING


def value_at(row: Widget, key: str) -> Any:
    root, *steps = key.split(".")
    value = row[root]
    for step in steps:
        value = member(value, step)
    return value


def reached(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield all that the steps lead to, through the elements of lists."""
    if not steps:
        if value is not MISSING:
            yield value
        return
    through = isinstance(value, list) and not steps[0].isdigit()
    for one in value if through else [value]:
        if not (through and isinstance(one, list)):
            yield from reached(member(one, steps[0]), steps[1:])


def elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def holds(row: Widget, condition: Mapping[str, Any]) -> bool:
    operator = condition["o"] or "eq"
    if operator in NEGATED:
        return not holds(row, {**condition, "o": NEGATED[operator]})
    root, *steps = condition["k"].split(".")
    ends = list(reached(row[root], steps))
    found = [element for end in ends for element in elements(end)]
    value = condition["v"]
    if operator == "exists":
        return bool(ends) is value
    if operator in ORDERS:
        alike = [one for one in found if is_alike(one, value)]
        return any(ORDERS[operator](one, value) for one in alike)
    values = value if operator in ("in", "contain_in", "regex_in") else [value]
    texts = [one.casefold() for one in found if isinstance(one, str)]
    if operator.startswith("contain"):
        return any(part.casefold() in text for part in values for text in texts)
    if operator.startswith("regex"):
        return any(re.search(p, t, FLAGS) for p in values for t in texts)
    same = {written(one) for one in found}
    return any(written(one) in same or (one is None and not ends) for one in values)


def is_alike(one: Any, other: Any) -> bool:
    return (isinstance(one, str) and isinstance(other, str)) or (
        is_number(one) and is_number(other)
    )


def searched(rows: Sequence[Widget], query: Mapping[str, Any]) -> list[Widget]:
    every, some = query.get("filter", []), query.get("filter_or", [])
    keyword = query.get("keyword", "").strip().casefold()
    return [
        row
        for row in rows
        if all(holds(row, condition) for condition in every)
        and (not some or any(holds(row, condition) for condition in some))
        and any(keyword in row[key].casefold() for key in ("custom_widget_id", "title"))
    ]


def rank(value: Any) -> tuple[int, float, str]:
    if value is MISSING or value is None:
        return (0, 0, "")
    if isinstance(value, bool):
        return (5, value, "")
    if is_number(value):
        return (1, float(value), "")
    if isinstance(value, str):
        return (2, 0, value)
    return (3 if isinstance(value, dict) else 4, 0, "")


def first(value: Any) -> Any:
    """Return what a value is sorted by."""
    if not isinstance(value, list):
        return value
    return value[0] if value else MISSING


def in_order(rows: Sequence[Widget], orders: Sequence[Mapping[str, Any]]) -> list[Widget]:
    rows = list(rows)
    for order in reversed(orders):
        down = order.get("desc", False)
        key = order["key"]
        # `reverse` would turn those that are equal around.
        ranks = sorted({rank(first(value_at(row, key))) for row in rows}, reverse=down)
        rows.sort(key=lambda row: ranks.index(rank(first(value_at(row, key)))))
    return rows


def listed(rows: Sequence[Widget], query: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the ids of a page, and the number of all."""
    found = sorted(searched(rows, query), key=lambda row: row["custom_widget_id"])
    found = in_order(found, query.get("sort", {}).get("keys") or [{"key": "title"}])
    return [row["custom_widget_id"] for row in paged(found, query)], len(found)


def paged(rows: Sequence[Any], query: Mapping[str, Any]) -> Sequence[Any]:
    page = query.get("page") or {}
    start = max(1, page.get("start", 1)) - 1
    return rows[start : start + page["limit"]] if page.get("limit") else rows


def different(rows: Sequence[Widget], key: str) -> list[Any]:
    root, *steps = key.split(".")
    found: dict[str, Any] = {}
    for row in rows:
        for end in reached(row[root], steps):
            found.update({written(one): one for one in elements(end)})
    return sorted(found.values(), key=rank)


def staged(rows: Sequence[Widget], stages: Sequence[Mapping[str, Any]]) -> list[Widget]:
    keys: list[str] = []
    now: list[Any] = list(rows)
    for stage in stages:
        ((name, asked),) = stage.items()
        match name:
            case "unwind":
                now = [unwound for row in now for unwound in unwind(row, asked["path"])]
            case "count":
                now, keys = [{asked["name"]: len(now)}], []
            case "sort":
                now = in_order(now, asked["keys"])
            case "limit":
                now = now[:asked]
            case "skip":
                now = now[asked:]
            case "group":
                now = group(now, asked.get("keys", []), asked.get("fields", []))
                keys = [key["name"] for key in asked.get("keys", [])]
            case "project":
                kept = [] if asked.get("exclude_keys") else keys
                now = [project(row, asked["fields"], kept) for row in now]
                keys = kept
    return [
        {name: None if value is MISSING else value for name, value in row.items()} for row in now
    ]


def unwind(row: Widget, path: str) -> list[Widget]:
    root, *steps = path.split(".")
    value = value_at(row, path)
    if value is MISSING or value is None:
        return []
    return [{**row, root: replaced(row[root], steps, one)} for one in elements(value)]


def replaced(value: Any, steps: Sequence[str], inner: Any) -> Any:
    if not steps:
        return inner
    return {**value, steps[0]: replaced(value[steps[0]], steps[1:], inner)}


def project(row: Widget, fields: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Widget:
    made = {key: row[key] for key in keys}
    for field in fields:
        value = value_at(row, field["key"])
        if field.get("operator") == "size":
            value = len(value) if isinstance(value, list) else None
        made[field["name"]] = value
    return made


def group(rows: Sequence[Widget], keys: Sequence[Any], fields: Sequence[Any]) -> list[Widget]:
    groups: dict[str, tuple[dict[str, Any], list[Widget]]] = {}
    for row in rows:
        named = {key["name"]: formatted(row, key) for key in keys}
        groups.setdefault(written(named), (named, []))[1].append(row)
    return [
        {**named, **{field["name"]: told(members, field) for field in fields}}
        for named, members in groups.values()
    ]


def formatted(row: Widget, key: Mapping[str, Any]) -> Any:
    value = value_at(row, key["key"])
    if value is MISSING:
        return None
    if "date_format" not in key:
        return value
    parts = {"%Y": value[:4], "%m": value[5:7], "%d": value[8:10], "%H": value[11:13], "%%": "%"}
    if key["date_format"] in ("year", "month", "day"):
        return int(parts[{"year": "%Y", "month": "%m", "day": "%d"}[key["date_format"]]])
    return re.sub("%.", lambda token: parts[token[0]], key["date_format"])


def told(rows: Sequence[Widget], field: Mapping[str, Any]) -> Any:
    conditions = [{"o": "", **condition} for condition in field.get("conditions", [])]
    rows = [row for row in rows if all(holds(row, condition) for condition in conditions)]
    if field["operator"] == "count":
        return len(rows)
    if "fields" in field:
        collect_list = [
            {one["name"]: value_at(row, one["key"]) for one in field["fields"]} for row in rows
        ]
        return [{n: None if v is MISSING else v for n, v in one.items()} for one in collect_list]
    values = [value_at(row, field["key"]) for row in rows]
    if field["operator"] in ("first", "last"):
        value = values[0 if field["operator"] == "first" else -1]
        return None if value is MISSING else value
    return AGGREGATES[field["operator"]]([value for value in values if value is not MISSING])


def numbers_of(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if is_number(value)]


def scalars_of(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None and not isinstance(v, dict | list)]


def average(values: Sequence[Any]) -> Any:
    numbers = numbers_of(values)
    return sum(numbers) / len(numbers) if numbers else None


AGGREGATES: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "sum": lambda values: sum(numbers_of(values)),
    "average": average,
    "max": lambda values: max(scalars_of(values), key=rank, default=None),
    "min": lambda values: min(scalars_of(values), key=rank, default=None),
    "push": list,
    "size": lambda values: len({written(value) for value in values}),
    "add_to_set": lambda values: sorted(
        {written(value): value for value in values}.values(), key=as_sent
    ),
}


def as_sent(value: Any) -> str:
    """Write a value as an answer has it: a set is in the order of these."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if is_number(value) and float(value).is_integer() and abs(value) <= 2**53:
        return int(value)
    return value
