"""The query language: both databases answer as the plain reference does, whatever is asked."""

import json
import math
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from app.database.store import Store
from app.library.core import sqlite_index
from app.library.core.callers import Caller, Person
from app.library.core.models import CustomWidgetRow
from app.library.http.schema import load
from app.library.spaceone.api import info
from app.library.spaceone.query.filters import PLAIN
from app.library.spaceone.query_reader import read_listing, read_statistics
from app.library.spaceone.records import CustomWidgetDraft
from app.library.spaceone.schemas import CustomWidgetQuery, CustomWidgetStatQuery
from app.library.spaceone.store import CustomWidgets
from tests.app.library.spaceone import reference
from tests.databases import Server

DOMAIN = "domain-1"
ALICE = Person(uuid4(), "alice@example.com", "Alice")
CALLER = Caller(ALICE, frozenset(), frozenset({DOMAIN, "domain-2"}), "jti")
START = datetime(2024, 1, 30, 22, 59, 58, 123000, tzinfo=UTC)
STEP = timedelta(hours=13, seconds=1)

# A title, options, labels, tags and settings; keys that are missing, of another kind, or strange.
DATA: list[tuple[str, Any, list[Any], Any, Any]] = [
    (
        "Alpha",
        {"n": 1, "s": "a", "l": [1, 2, "x"], "o": {"x": 1, "y": "é"}},
        ["prod"],
        {"team": "a"},
        {},
    ),
    (
        "beta",
        {"n": 1.0, "s": "A", "l": [], "o": {"x": 2.5}},
        ["prod", "Dev"],
        {"team": "A"},
        {"size": 3},
    ),
    ("Größe", {"n": 2.5, "s": "Straße", "l": None, "o": {}}, [], {"team": None}, {"size": 10}),
    ("GRÖSSE", {"n": "1", "s": 1, "l": "x", "o": []}, [1, None, True], {}, {"size": "10"}),
    ("it's", {"a'b": 1, 'a"b': 2, "a\\b": 3, "é": "é", "": 4}, ["it's"], {"a'b": "c"}, {"a%": 1}),
    (
        "50%_x",
        {"n": True, "s": "50%_x", "l": [[1], {"v": 1}]},
        [{"k": 1}],
        {"team": ["a", "b"]},
        {},
    ),
    (
        "5012x",
        {"n": False, "s": "", "objs": [{"v": 1}, {"v": "w"}, {}, 3]},
        ["prod"],
        {"team": {}},
        {},
    ),
    (
        "mö\nre",
        {"n": None, "s": None, "objs": [{"v": [1, 2]}, {"v": None}]},
        [2.5],
        {"team": "b"},
        {},
    ),
    (
        "1e20",
        {"n": 1e20, "s": "1", "o": {"x": 10**20}},
        [1e20, -1],
        {"team": "ΣΑΣ"},
        {"size": -0.0},
    ),
    (
        "한국어",
        {"n": -3, "s": "한국어", "o": {"y": "E\u0301", "x": 0.1}},
        ["한", "a"],
        {"team": "σας"},
        {},
    ),
    (
        "",
        {"n": 2**53, "l": [{"a": {"b": [{"c": 1}, {"c": 2}]}}], "0": "zero"},
        [],
        {"team": "a"},
        {},
    ),
    (
        "🎉 K",
        {"n": 0.30000000000000004, "l": [0.1, 0.2], "s": '\x01\t"\\'},
        ["K", "k"],
        {},
        {"size": 3},
    ),
]


class Rows(list[Any]):
    def __repr__(self) -> str:
        return "Rows(…)"


@pytest.fixture(scope="module")
def sqlite_widgets(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CustomWidgets]:
    file = tmp_path_factory.mktemp("queries") / "library.db"
    shutil.copy(sqlite_template, file)
    yield from filled(f"sqlite:///{file}")


@pytest.fixture(scope="module")
def postgresql_widgets(postgresql_server: Server) -> Iterator[CustomWidgets]:
    with postgresql_server.database() as url:
        yield from filled(url)


@pytest.fixture(scope="module")
def both(
    sqlite_widgets: CustomWidgets, postgresql_widgets: CustomWidgets
) -> tuple[CustomWidgets, CustomWidgets]:
    return sqlite_widgets, postgresql_widgets


def filled(url: str) -> Iterator[CustomWidgets]:
    store = Store(url)
    # What is asked here is what is found, on however busy a machine.
    widgets = CustomWidgets(store, now=lambda: START + 20 * STEP, seconds=60)
    for number, (title, options, labels, tags, more) in enumerate(DATA):
        document = {"options": options, "labels": labels, "tags": tags, "settings": more}
        draft = CustomWidgetDraft(DOMAIN, f"W{number % 3}", title, "v1", document)
        made = CustomWidgets(store, now=lambda at=START + number * STEP: at)  # type: ignore[misc]
        widget = made.create(CALLER, draft)
        # Ids that are alike on both databases, since they settle ties.
        with store.writing() as session:
            row = session.get_one(CustomWidgetRow, widget.id)
            row.id = f"custom-widget-{number * 7 % 12:012x}"
    yield widgets
    store.close()


@pytest.fixture(scope="module")
def rows(sqlite_widgets: CustomWidgets) -> list[dict[str, Any]]:
    kept = [info(widget) for widget in sqlite_widgets.all()]
    return Rows(sorted(kept, key=lambda row: row["created_at"]))


TEXTS = st.sampled_from(
    ["a", "A", "x", "prod", "dev", "1", "", "Größe", "GRÖSSE", "it's", "50%", "%", "_", "É", "한",
     "σας", "ß", "🎉", "'; DROP TABLE users; --", "custom-widget-0", "W1", "w1", "v1", "\\", '"',
     "\x01", "K", "alice", DOMAIN]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), TEXTS,
    st.sampled_from([0, 1, 1.0, 2.5, -3, 10, 1e20, 0.1, 0.30000000000000004, 2**53, -0.0, 2]),
    st.integers(), st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
OBJECTS = st.sampled_from([{}, {"v": 1}, {"x": 1, "y": "é"}, {"y": "é", "x": 1.0}, {"k": 1}])
TEXT_COLUMNS = ["custom_widget_id", "widget_name", "title", "version", "user_id", "domain_id"]
PATHS = [
    "options", "options.n", "options.s", "options.l", "options.o", "options.o.x", "options.o.y",
    "options.objs.v", "options.l.0", "options.l.v", "options.l.a.b.c", "options.a'b",
    'options.a"b', "options.a\\b", "options.é", "options.0", "options.none.of.it", "labels",
    "labels.0", "labels.k", "tags", "tags.team", "tags.a'b", "settings.size", "settings.a%",
    "inherit_options", "options.n.x", "options.l.99999999999",
]  # fmt: skip
KEYS = st.sampled_from(TEXT_COLUMNS + PATHS) | st.sampled_from(PATHS)
PATTERNS = st.sampled_from(
    [
        "^a",
        "a$",
        "^$",
        ".",
        "^.{2,3}$",
        "[a-c]",
        "[^a-z]",
        r"\d+",
        r"\D",
        r"^\w+$",
        r"\s",
        "prod|dev",
        "(it's|x)+",
        "GRÖSSE",
        "gr(ö|o)",
        "한",
        "50%",
        r"\.",
        r"\bk\b",
        "[A-Z]",
        "[é-ü]",
        "x{2}",
        "^[^x]*$",
        r"[\d'-]",
        "(?:a|b)*?c",
        r"\\",
        r"m.*re",
        "",
        "a|",
    ]
)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    key = draw(KEYS)
    operator = draw(
        st.sampled_from(
            ["", "eq", "not", "in", "not_in", "lt", "lte", "gt", "gte", "exists", "contain",
             "not_contain", "contain_in", "not_contain_in", "regex", "regex_in"]
        )
    )  # fmt: skip
    match operator:
        case "in" | "not_in":
            value: Any = draw(st.lists(SCALARS | OBJECTS, max_size=4))
        case "contain_in" | "not_contain_in":
            value = draw(st.lists(TEXTS, max_size=3))
        case "regex_in":
            value = draw(st.lists(PATTERNS, max_size=3))
        case "regex":
            value = draw(PATTERNS)
        case "contain" | "not_contain":
            value = draw(TEXTS)
        case "exists":
            value = draw(st.booleans())
        case "lt" | "lte" | "gt" | "gte":
            value = draw(SCALARS.filter(lambda one: one is not None and not isinstance(one, bool)))
        case _:
            value = draw(SCALARS | OBJECTS)
    return {"k": key, "v": value, "o": operator}


ORDERS = st.lists(
    st.fixed_dictionaries(
        {"key": st.sampled_from([*TEXT_COLUMNS, *PATHS, "created_at"]), "desc": st.booleans()}
    ),
    max_size=3,
)
PAGES = st.fixed_dictionaries(
    {}, optional={"start": st.integers(0, 14), "limit": st.integers(0, 14)}
)
SEARCHES = st.fixed_dictionaries(
    {},
    optional={
        "filter": st.lists(conditions(), max_size=3),
        "filter_or": st.lists(conditions(), max_size=3),
        "keyword": st.sampled_from(["", "größe", "0b", "5", " x ", "CUSTOM", "'"]),
        "page": PAGES,
    },
)


# How many widgets SQLite's index may narrow a search down to: none, some, all that there are.
MOST = st.sampled_from([0, 3, sqlite_index.MOST])


@given(query=SEARCHES, orders=ORDERS, most=MOST)
def test_list_answers_as_the_reference_does(
    both: tuple[CustomWidgets, ...],
    rows: list[Any],
    query: dict[str, Any],
    orders: list[Any],
    most: int,
) -> None:
    asked = {**query, "sort": {"keys": orders}} if orders else query
    expected = reference.listed(rows, asked)
    loaded = load(CustomWidgetQuery(), {"domain_id": DOMAIN, "query": asked})
    for widgets in both:
        with (
            patch.object(sqlite_index, "MOST", most),
            widgets.find(CALLER, read_listing(loaded)) as found,
        ):
            assert ([widget.id for widget, _ in found.widgets], found.total) == expected


ROOTS = ["widget_name", "title", "version", "labels", "options", "tags", "settings", "created_at"]
AGGREGATES = [
    "count",
    "sum",
    "average",
    "max",
    "min",
    "first",
    "last",
    "add_to_set",
    "push",
    "size",
]


@st.composite
def groups(draw: st.DrawFn, keys: st.SearchStrategy[str]) -> dict[str, Any]:
    """A group whose names are a, b, … for keys and f0, f1, … for fields."""
    grouped = [
        {"key": key, "name": name}
        for key, name in zip(draw(st.lists(keys, max_size=2)), "ab", strict=False)
    ]
    fields = []
    for number in range(draw(st.integers(0 if grouped else 1, 4))):
        operator = draw(st.sampled_from(AGGREGATES))
        field: dict[str, Any] = {"name": f"f{number}", "operator": operator}
        if operator == "push" and draw(st.booleans()):
            field["fields"] = [{"key": draw(keys), "name": name} for name in ("p", "q's")]
        else:
            field["key"] = draw(keys)
        if operator in ("count", "sum", "average") and draw(st.booleans()):
            value = draw(SCALARS.filter(lambda one: one is not None and not isinstance(one, bool)))
            compared = draw(st.sampled_from(["eq", "not", "lt", "lte", "gt", "gte"]))
            field["conditions"] = [{"k": draw(keys), "v": value, "o": compared}]
        fields.append(field)
    return {"keys": grouped, "fields": fields}


@st.composite
def pipelines(draw: st.DrawFn) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = []
    names = ROOTS + PATHS
    for _ in range(draw(st.integers(1, 4))):
        keys = st.sampled_from(names)
        kind = draw(
            st.sampled_from(["unwind", "group", "sort", "limit", "skip", "project", "count"])
        )
        match kind:
            case "unwind":
                paths = [name for name in names if not set('0"\\').intersection(name)]
                stages.append({"unwind": {"path": draw(st.sampled_from(paths or names))}})
            case "group":
                made = draw(groups(keys))
                stages.append({"group": made})
                names = [one["name"] for one in (*made["keys"], *made["fields"])]
            case "sort":
                orders = st.fixed_dictionaries({"key": keys}, optional={"desc": st.booleans()})
                stages.append({"sort": {"keys": draw(st.lists(orders, min_size=1, max_size=2))}})
            case "limit" | "skip":
                stages.append({kind: draw(st.integers(1, 8))})
            case "project":
                chosen = draw(st.lists(keys, min_size=1, max_size=3))
                fields = [{"key": key, "name": f"n{i}"} for i, key in enumerate(chosen)]
                if draw(st.booleans()):
                    fields[0]["operator"] = "size"
                stages.append({"project": {"fields": fields, "exclude_keys": True}})
                names = [field["name"] for field in fields]
            case "count":
                stages.append({"count": {"name": "total"}})
                names = ["total"]
    return stages


def close(one: Any, other: Any) -> bool:
    """Compare two answers: sums of doubles may differ in their last bits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return set(one) == set(other) and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if reference.is_number(one) and reference.is_number(other):
        return math.isclose(one, other, rel_tol=1e-12)
    return type(one) is type(other) and bool(one == other)


@given(query=SEARCHES, stages=pipelines())
def test_stat_answers_as_the_reference_does(
    both: tuple[CustomWidgets, ...], rows: list[Any], query: dict[str, Any], stages: list[Any]
) -> None:
    expected = reference.staged(reference.searched(rows, query), stages)
    asked = {"domain_id": DOMAIN, "query": {**query, "aggregate": stages}}
    for widgets in both:
        loaded = load(CustomWidgetStatQuery(), asked)
        with widgets.statistics(CALLER, read_statistics(loaded)) as found:
            values = [*map(json.loads, found.values)]
        page = list(reference.paged(expected, query))
        assert close(values, page), (values, page)
        assert found.total == (len(expected) if query.get("page", {}).get("limit") else None)


@given(
    query=SEARCHES,
    orders=ORDERS,
    path=st.sampled_from([one for one in ROOTS + PATHS if not set('0"\\').intersection(one)]),
    wanted=st.lists(conditions().filter(lambda one: (one["o"] or "eq") in PLAIN), max_size=2),
)
def test_list_unwinds_as_the_reference_does(
    both: tuple[CustomWidgets, ...],
    rows: list[Any],
    query: dict[str, Any],
    orders: list[Any],
    path: str,
    wanted: list[Any],
) -> None:
    unwound = reference.staged(reference.searched(rows, query), [{"unwind": {"path": path}}])
    kept = [row for row in unwound if all(reference.holds(row, one) for one in wanted)]
    expected = reference.in_order(kept, orders or [{"key": "title"}])
    asked = {**query, "sort": {"keys": orders}, "unwind": {"path": path, "filter": wanted}}
    loaded = load(CustomWidgetQuery(), {"domain_id": DOMAIN, "query": asked})
    listing = read_listing(loaded)
    assert listing.unwind is not None
    for widgets in both:
        with widgets.find_unwound(CALLER, listing.unwind, listing) as found:
            values = [*map(json.loads, found.values)]
        assert close(values, list(reference.paged(expected, query)))
        assert found.total == len(expected)


@given(query=SEARCHES, key=st.sampled_from([*TEXT_COLUMNS, *PATHS, "created_at"]))
def test_distinct_answers_as_the_reference_does(
    both: tuple[CustomWidgets, ...], rows: list[Any], query: dict[str, Any], key: str
) -> None:
    expected = reference.different(reference.searched(rows, query), key)
    asked = {"domain_id": DOMAIN, "query": {**query, "distinct": key}}
    # Objects and lists are in no order among themselves.
    plain = [value for value in expected if not isinstance(value, dict | list)]
    for widgets in both:
        loaded = load(
            CustomWidgetStatQuery(), {**asked, "query": {**query, "distinct": key, "page": {}}}
        )
        with widgets.statistics(CALLER, read_statistics(loaded)) as found:
            values = [*map(json.loads, found.values)]
        assert [v for v in values if not isinstance(v, dict | list)] == plain
        assert sorted(map(reference.written, values)) == sorted(map(reference.written, expected))
