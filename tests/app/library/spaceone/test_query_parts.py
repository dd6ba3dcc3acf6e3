"""The parsers of the query language, and its limits."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import regex
from flask import Flask
from hypothesis import given, strategies as st
from sqlalchemy import text as sql_text

from app.database.columns import canonical, to_json
from app.database.connections import PATTERN_FLAGS
from app.database.store import Store
from app.errors import InvalidInput
from app.library.http.context import Library
from app.library.spaceone import api
from app.library.spaceone.query import limits
from app.library.spaceone.query.datetimes import read_datetime, read_difference
from app.library.spaceone.query.keys import MINIMAL
from app.library.spaceone.query.regexes import HEAVIEST, LONGEST, read_pattern
from app.library.spaceone.store import CustomWidgets
from tests.app.library.spaceone.test_api import GIVEN, Ask, Post, ask, post, refused

__all__ = ["ask", "post", "refused"]

NOW = datetime(2024, 5, 16, 13, 14, 15, 678000, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("now", "2024-05-16T13:14:15.678"),
        (" now ", "2024-05-16T13:14:15.678"),
        ("now-1d/d", "2024-05-15T00:00:00"),
        ("now/d-1d", "2024-05-15T00:00:00"),
        ("now/d - 14d", "2024-05-02T00:00:00"),
        ("now - 5d", "2024-05-11T13:14:15.678"),
        ("now/w", "2024-05-13T00:00:00"),
        ("now/m+1w", "2024-05-08T00:00:00"),
        ("now+90m-30s+1h", "2024-05-16T15:43:45.678"),
    ],
)
def test_a_difference_is_read_in_turn(given: str, expected: str) -> None:
    assert read_difference(given, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "given", ["", "1d", "now-", "now-1", "now-1y", "now/h", "now-1d/", "nowx", "now" + "-1d" * 9,
              "now-999999w", "now-\uff11d", "now-1d\0"]
)  # fmt: skip
def test_another_difference_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_difference(given, NOW)


@given(st.text(max_size=20) | st.from_regex(r"now([/+-]\d{0,7}[smhdw]){0,9}", fullmatch=True))
def test_whatever_is_given_is_a_moment_or_refused(given: str) -> None:
    for read in (read_datetime, lambda text: read_difference(text, NOW)):
        with suppress(ValueError):
            assert read(given).utcoffset() == timedelta()


def test_a_moment_without_an_offset_is_utc() -> None:
    assert read_datetime("2024-05-16T13:14:15.678") == read_datetime(
        "2024-05-16T15:14:15.678+02:00"
    )
    assert read_datetime("2024-05-16") == datetime(2024, 5, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "(",
        ")",
        "[",
        "[a",
        "a)",
        "(?i)a",
        "(?=a)",
        "(?<=a)b",
        r"(a)\1",
        r"\p{L}",
        r"\x41",
        "[[:alpha:]]",
        "*a",
        "a**",
        "a*+",
        "^*",
        "a{2}{3}",
        "a{3,2}",
        "a{256}",
        "[z-a]",
        r"[\D]",
        r"[\d-z",
        "\\",
        "((a{99}){99}){99}",
        "(?P<n>a)",
        "x" * (LONGEST + 1),
    ],
)
def test_a_pattern_that_the_databases_read_differently_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_pattern(given)


@pytest.mark.parametrize(
    ("given", "found", "not_found"),
    [
        (r"\bdisk\b", "a disk fills", "a diskette"),
        (r"\Bette", "diskette", "ette"),
        (r"^\d+\D\w\s$", "12-a ", "12-- "),
        (r"^[\w.]+\t$", "a.b\t", "a.b "),
        ("^[A-F]$", "b", "g"),
        ("^[4-C]$", "a", "d"),
        ("^[À-Ü]$", "ä", "a"),
        (r"^[\]-]$", "-", "a"),
    ],
)
def test_an_expression_finds_what_it_says(given: str, found: str, not_found: str) -> None:
    pattern = regex.compile(read_pattern(given).sqlite, PATTERN_FLAGS)
    assert pattern.search(found)
    assert not pattern.search(not_found)


# That `[[` may one day begin a set within a set is no matter here.
@pytest.mark.filterwarnings("ignore:Possible (nested set|set):FutureWarning")
@given(st.text(alphabet=r"aB1é-^.|()[]{}*+?,\dwsbß ", max_size=12))
def test_what_is_read_means_what_python_s_own_engine_says(given: str) -> None:
    try:
        pattern = read_pattern(given)
    except ValueError:
        return
    found = regex.compile(pattern.sqlite, PATTERN_FLAGS)
    try:
        re.compile(given.casefold())
    except re.error:
        return  # a range such as `[B-^]`, which small letters turn around
    # Whether `\B` is found in an empty text, Python's engine says otherwise since 3.14.
    empty = () if r"\B" in given else ("",)
    for text in (*empty, "a", "b", "ab", "1", "é", "a-b", "ss", "\n", "d{2}"):
        own = re.search(
            given.casefold() if "\\" not in given else given,
            text,
            re.IGNORECASE | re.DOTALL | re.ASCII,
        )
        if given.isascii():
            assert bool(found.search(text)) == bool(own), text


@pytest.mark.parametrize(
    ("pattern", "count"), [("[äöüß]", 1), ("stra[ß]e$", 1), ("[^ß]", 1), ("[ẞx]{2}", 0)]
)
def test_a_class_finds_a_letter_that_folds_to_two(ask: Ask, pattern: str, count: int) -> None:
    ask("create", **(GIVEN | {"title": "Straße"}))
    query = {"filter": [{"k": "title", "v": pattern, "o": "regex"}]}
    assert ask("list", query=query)["total_count"] == count


def test_what_is_read_is_never_heavy() -> None:
    with pytest.raises(ValueError, match="repeats too much"):
        read_pattern("[ßŉǰΐΰևẖẗẘẙẚ]{255}")
    assert HEAVIEST <= 2000
    with pytest.raises(ValueError, match="repeats too much"):
        read_pattern("(a{50}){50}")


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-2**70, 2**70) | st.text(max_size=3)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=2), inner, max_size=3),
))  # fmt: skip
def test_canonical_is_a_fixed_point_and_equal_to_what_was_given(document: Any) -> None:
    once = canonical(document)
    assert to_json(canonical(once)) == to_json(once)
    as_doubles = to_json(canonical(document))
    assert as_doubles == to_json(once)


def test_a_pattern_that_takes_long_is_stopped(post: Post, ask: Ask, library: Library) -> None:
    ask("create", **(GIVEN | {"options": {"x": "a" * 60_000 + "!"}}))
    query = {"filter": [{"k": "options.x", "v": "(?:a|aa)+b", "o": "regex"}]}
    answer = post("list", {"domain_id": "domain-1", "query": query})
    if library.store.dialect == "postgresql":  # whose engine takes no detours
        assert answer.get_json()["total_count"] == 0
        return
    detail = answer.get_json()["detail"]
    assert (answer.status_code, detail["code"]) == (400, "ERROR_DB_QUERY")
    assert "takes too long" in detail["message"]


def test_patterns_that_take_long_together_are_stopped(sqlite_url: str) -> None:
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200) "
    asked = f"{many} SELECT sum(regexp('(?:a|aa)+b', '{'a' * 24}' || x)) FROM n"
    store = Store(sqlite_url)
    with (
        pytest.raises(InvalidInput, match="takes too long"),
        store.reading() as session,
        limits.bounded(session, 0.1) as query,
    ):
        query.scalar(sql_text(asked.replace(":", "\\:")))
    with store.reading() as session:
        found = session.connection().exec_driver_sql("SELECT regexp('b', 'abc')")
        assert found.scalar() == 1
    store.close()


def test_what_takes_longer_than_it_may_is_stopped(store: Store) -> None:
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        if store.dialect == "sqlite"
        else "SELECT pg_sleep(30)"
    )
    with (
        pytest.raises(InvalidInput, match=r"takes more than 0\.1 s") as caught,
        store.reading() as session,
        limits.bounded(session, 0.1) as query,
    ):
        query.scalar(sql_text(endless))
    assert caught.value.rule == "query"
    with store.reading() as session, limits.bounded(session) as query:
        assert query.scalar(sql_text("SELECT 1")) == 1


@pytest.fixture
def _patient(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give queries a minute: what is run is asked, not how fast this machine is."""
    monkeypatch.setattr(api, "widgets", lambda: CustomWidgets(library.store, seconds=60))


@pytest.mark.usefixtures("_patient")
def test_the_largest_query_is_run(ask: Ask) -> None:
    ask("create", **GIVEN)
    deep = "options" + ".x" * 7 + ".0.1"
    conditions = [
        {"k": deep, "v": ["x"] * 100, "o": "not_contain_in"},
        {"k": deep, "v": [*["x", 1, 2.5, None, {"a": 1}] * 200], "o": "not_in"},
    ]
    query = {"filter": conditions * 4 + [{"k": deep, "v": 1, "o": "not"}] * 42}
    assert ask("list", query={**query, "sort": {"key": deep}})["total_count"] == 0


def test_the_longest_pipeline_is_run(ask: Ask) -> None:
    ask("create", **GIVEN)
    group = {"group": {"keys": [{"key": "title", "name": "title"}]}}
    first = {"group": {"keys": [{"key": "title", "name": "title"}],
                       "fields": [{"name": "n", "operator": "count"}]}}  # fmt: skip
    stages = [{"sort": {"key": "title"}}, {"skip": 0}, {"limit": 5}] * 6
    answer = ask("stat", query={"aggregate": [*stages, first, group]})
    assert answer == {"results": [{"title": GIVEN["title"]}]}


NAMES = [
    "'; DROP TABLE custom_widgets; --",
    'x"',
    "a.b",
    "%s",
    ":name",
    "",
    "position",
    "c0",
    "é\\",
]


@pytest.mark.parametrize("name", [name for name in NAMES if name])
def test_a_name_of_the_caller_s_is_only_a_name(ask: Ask, library_app: Flask, name: str) -> None:
    ask("create", **(GIVEN | {"options": {name: 1}}))
    group = {"keys": [{"key": "title", "name": name}],
             "fields": [{"key": "labels", "name": f"{name}2", "operator": "push"}]}  # fmt: skip
    answer = ask("stat", query={"aggregate": [{"group": group}, {"sort": {"key": name}}]})
    assert answer["results"] == [{name: GIVEN["title"], f"{name}2": [GIVEN["labels"]]}]
    if "." not in name:
        query = {"filter": [{"k": f"options.{name}", "v": 1}], "sort": {"key": f"options.{name}"}}
        assert ask("list", query=query)["total_count"] == 1


def test_groups_tell_of_dates_sums_and_conditions(ask: Ask) -> None:
    for title, number in (("a", 1), ("b", 2), ("c", "x")):
        ask("create", **(GIVEN | {"title": title, "options": {"n": number}}))
    today = ask("list")["results"][0]["created_at"]
    fields = [
        {"name": "all", "operator": "count"},
        {"n": "sum", "k": "options.n", "o": "sum"},
        {"name": "average", "key": "options.n", "operator": "average"},
        {"name": "large", "operator": "count",
         "conditions": [{"key": "options.n", "value": 1, "operator": "gt"}]},
        {"name": "titles", "key": "title", "operator": "push"},
        {"name": "last", "key": "created_at", "operator": "last"},
    ]  # fmt: skip
    keys = [{"key": "created_at", "name": "date", "date_format": "%Y-%m-%d at %H%%"},
            {"key": "created_at", "name": "year", "date_format": "year"}]  # fmt: skip
    (row,) = ask("stat", query={"aggregate": [{"group": {"keys": keys, "fields": fields}}]})[
        "results"
    ]
    assert TIME.fullmatch(row.pop("last"))
    assert row == {
        "date": f"{today[:10]} at {today[11:13]}%", "year": int(today[:4]), "all": 3, "sum": 3,
        "average": 1.5, "large": 1, "titles": ["a", "b", "c"],
    }  # fmt: skip


def test_a_group_collects_values_once_and_parts_of_each_row(ask: Ask) -> None:
    for title, kind in (("b", "x"), ("a", "y"), ("c", "x")):
        ask("create", **(GIVEN | {"title": title, "options": {"kind": kind, "n": len(title)}}))
    fields = [
        {"name": "kinds", "key": "options.kind", "operator": "add_to_set"},
        {"name": "first", "key": "title", "operator": "first"},
        {"name": "greatest", "key": "title", "operator": "max"},
        {"name": "rows", "operator": "push",
         "fields": [{"key": "title", "name": "t"}, {"key": "options.none", "name": "none"}]},
    ]  # fmt: skip
    sort = {"sort": {"key": "title"}}
    (row,) = ask("stat", query={"aggregate": [sort, {"group": {"fields": fields}}]})["results"]
    assert sorted(row.pop("kinds")) == ["x", "y"]
    rows = [{"t": title, "none": None} for title in "abc"]
    assert row == {"first": "a", "greatest": "c", "rows": rows}


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({"operator": "median", "key": "title"}, "has the operator 'median'"),
        ({"operator": "sum", "fields": [{"key": "title", "name": "t"}]}, "which are for push"),
        (
            {
                "operator": "max",
                "key": "title",
                "conditions": [{"k": "title", "v": "a", "o": "eq"}],
            },
            "has conditions, which are for",
        ),
        ({"operator": "sum"}, "needs a key: sum is of a value"),
    ],
)
def test_a_field_of_a_group_that_cannot_be_made_says_why(
    post: Post, field: dict[str, Any], told: str
) -> None:
    query = {"aggregate": [{"group": {"fields": [{"name": "n", **field}]}}]}
    detail = post("stat", {"domain_id": "domain-1", "query": query}).get_json()["detail"]
    assert detail["code"] == "ERROR_DB_QUERY"
    assert told in detail["message"]


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.usefixtures("_patient")
def test_a_result_that_is_too_large_is_refused(post: Post, ask: Ask) -> None:
    ask("create", **(GIVEN | {"options": {"big": "x" * 700_000, "n": [*range(120)]}}))
    query = {"aggregate": [{"unwind": {"path": "options.n"}}]}
    answer = post("stat", {"domain_id": "domain-1", "query": query})
    detail = answer.get_json()["detail"]
    assert (answer.status_code, detail["code"]) == (400, "ERROR_DB_QUERY")
    assert "comes to more than" in detail["message"]


def test_a_text_that_grows_too_long_is_refused(post: Post, ask: Ask) -> None:
    ask("create", **(GIVEN | {"options": {"big": "x" * 700_000, "n": [*range(400)]}}))
    pushed = {"name": "p", "key": "options", "operator": "push"}
    stages = [{"unwind": {"path": "options.n"}}, {"group": {"fields": [pushed]}}]
    more = [{"project": {"fields": [{"key": "p", "name": "n", "operator": "size"}]}}]
    query = {"aggregate": [*stages, *more]}
    answer = post("stat", {"domain_id": "domain-1", "query": query})
    detail = answer.get_json()["detail"]
    assert (answer.status_code, detail["code"]) == (400, "ERROR_DB_QUERY")


AVERAGE = {"name": "average", "key": "options.n", "operator": "average"}
SUM = {"name": "sum", "key": "options.n", "operator": "sum"}


@pytest.mark.parametrize("field", [AVERAGE, SUM], ids=["average", "sum"])
@pytest.mark.parametrize("more", [[], [{"sort": {"key": "n"}}]], ids=["last", "sorted"])
def test_a_sum_that_no_double_holds_is_refused(
    ask: Ask, post: Post, field: dict[str, Any], more: list[Any]
) -> None:
    for _ in range(2):
        ask("create", **(GIVEN | {"options": {"n": 1e308}}))
    stages = [{"group": {"fields": [field | {"name": "n"}]}}, *more]
    answer = post("stat", {"domain_id": "domain-1", "query": {"aggregate": stages}})
    detail = answer.get_json()["detail"]
    assert (answer.status_code, detail["code"]) == (400, "ERROR_DB_QUERY")
    assert "too large" in detail["message"]


@pytest.mark.parametrize(
    ("numbers", "total"), [([1e300, 1], 1e300), ([2**53] * 2000, 2000 * 2**53)]
)
def test_large_numbers_are_added_as_doubles(ask: Ask, numbers: list[Any], total: float) -> None:
    ask("create", **(GIVEN | {"options": {"n": numbers}}))
    stages = [{"unwind": {"path": "options.n"}}, {"group": {"fields": [SUM, AVERAGE]}}]
    (row,) = ask("stat", query={"aggregate": stages})["results"]
    assert row == {"sum": total, "average": total / len(numbers)}


@pytest.mark.parametrize("two", [2, 2.0, "2", "2.0", "2e0", "02"])
def test_a_number_may_be_written_as_protobuf_s_json_has_it(ask: Ask, two: Any) -> None:
    for title in "abcd":
        ask("create", **(GIVEN | {"title": title}))
    page = {"start": two, "limit": two}
    listed = ask("list", query={"page": page})
    assert [one["title"] for one in listed["results"]] == ["b", "c"]
    stages = [{"sort": {"key": "title"}}, {"skip": two}, {"limit": two}]
    stages += [{"project": {"fields": [{"key": "title", "name": "t"}]}}]
    assert ask("stat", query={"aggregate": stages})["results"] == [{"t": "c"}, {"t": "d"}]
    assert ask("stat", query={"distinct": "title", "page": page})["results"] == ["b", "c"]


def test_a_list_is_sorted_by_its_first_element(ask: Ask) -> None:
    for title, labels in (("a", [3, 1]), ("b", [2, 9]), ("c", ["x"]), ("d", []), ("e", [10])):
        ask("create", **(GIVEN | {"title": title, "labels": labels}))
    sort = {"key": "labels"}
    listed = ask("list", query={"sort": sort, "only": ["title"]})["results"]
    assert [one["title"] for one in listed] == ["d", "b", "a", "e", "c"]
    project = {"project": {"fields": [{"key": "title", "name": "t"}]}}
    found = ask("stat", query={"aggregate": [{"sort": sort | {"desc": True}}, project]})
    assert [one["t"] for one in found["results"]] == ["c", "e", "a", "b", "d"]


def test_conditions_leave_out_of_an_average_what_does_not_meet_them(ask: Ask) -> None:
    for number in (1, 2, 6, "x"):
        ask("create", **(GIVEN | {"options": {"n": number}}))
    above = [{"key": "options.n", "value": 1, "operator": "gt"}]
    none = [{"key": "options.n", "value": 9, "operator": "gt"}]
    fields = [AVERAGE | {"conditions": above}, AVERAGE | {"name": "none", "conditions": none}]
    (row,) = ask("stat", query={"aggregate": [{"group": {"fields": fields}}]})["results"]
    assert row == {"average": 4, "none": None}


def test_list_unwinds(ask: Ask) -> None:
    for title, items in (("b", [{"n": 1}, {"n": 2}]), ("a", []), ("c", {"n": 3})):
        ask("create", **(GIVEN | {"title": title, "options": {"items": items}}))
    unwind = {"path": "options.items"}
    only = ["title", "options.items.n"]
    listed = ask("list", query={"unwind": unwind, "only": only})
    assert listed == {
        "results": [
            {"title": title, "options": {"items": {"n": number}}}
            for title, number in (("b", 1), ("b", 2), ("c", 3))
        ],
        "total_count": 3,
    }
    two = [{"key": "options.items.n", "value": 2, "operator": "gte"}]
    found = ask("list", query={"unwind": unwind | {"filter": two}, "minimal": True})
    assert [one["title"] for one in found["results"]] == ["b", "c"]
    assert list(found["results"][0]) == list(MINIMAL)
    counted = ask("list", query={"unwind": unwind, "count_only": True})
    assert counted == {"results": [], "total_count": 3}
    page = {"start": 2, "limit": 1}
    second = ask("list", query={"unwind": unwind, "page": page, "only": ["options"]})
    assert second == {"results": [{"options": {"items": {"n": 2}}}], "total_count": 3}


def test_a_label_that_is_unwound_is_a_list_of_one(ask: Ask) -> None:
    ask("create", **(GIVEN | {"labels": ["x", ["y"], None]}))
    listed = ask("list", query={"unwind": {"path": "labels"}})["results"]
    assert [one["labels"] for one in listed] == [["x"], [["y"]], [None]]
    assert listed[0]["options"] == GIVEN["options"]


def test_a_page_of_statistics_tells_the_number_of_all(ask: Ask) -> None:
    for title in "cab":
        ask("create", **(GIVEN | {"title": title}))
    answer = ask("stat", query={"distinct": "title", "page": {"start": 2, "limit": 1}})
    assert answer == {"results": ["b"], "total_count": 3}
    assert ask("stat", query={"distinct": "labels"}) == {"results": ["cost", "prod"]}
    stages = [{"group": {"keys": [{"key": "title", "name": "t"}]}}, {"sort": {"key": "t"}}]
    answer = ask("stat", query={"aggregate": stages, "page": {"start": 3, "limit": 5}})
    assert answer == {"results": [{"t": "c"}], "total_count": 3}


def test_moments_are_compared_as_moments(ask: Ask) -> None:
    at = ask("create", **GIVEN)["created_at"]
    for operator, value, count in [
        ("datetime_gte", at, 1), ("datetime_gt", at, 0), ("datetime_lte", f"{at[:-1]}+00:00", 1),
        ("datetime_lt", "2000-01-01", 0), ("timediff_gt", "now-1d/d", 1),
        ("timediff_lt", "now/d-1d", 0),
        ("timediff_lte", "now+1h", 1), ("timediff_gte", "now+1h", 0), ("eq", at, 1), ("lt", at, 0),
        ("in", [at, at], 1), ("not", at, 0), ("exists", True, 1), ("exists", False, 0),
    ]:  # fmt: skip
        query = {"filter": [{"key": "created_at", "value": value, "operator": operator}]}
        assert ask("list", query=query)["total_count"] == count, operator
