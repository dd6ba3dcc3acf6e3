"""Searching saved widgets: every filter, sort and page, on each kind of database."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from hypothesis import example, given, strategies as st
from marshmallow import ValidationError
from werkzeug.test import TestResponse

from app.library.core import sqlite_index
from app.library.core.callers import Caller
from app.library.datadog.schemas import SORTS, SearchParametersSchema, TagList
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.http.context import Library
from app.library.http.parameters import TEXT_LENGTH
from tests.app.library.conftest import MakeToken

CSV = "/api/v2/widgets/csv_reports"
TITLES = ["Zürich", "zurich", "ZÜRICH 100%", "a_b", "aXb", "Straße", "STRASSE", "b", "B", "é"]
TITLES += ["İstanbul"]
TAGS = [(), ("team:a",), ("team:a", "b"), ("team:abc",), ("b", "a,b"), ('say "hi"', " x", "ä")]
TAGS += [("", "b")]
TYPES = ["change", "toplist", "funnel"]
START = datetime(2030, 1, 1, tzinfo=UTC)

Seen = dict[str, Any]
Search = Callable[..., TestResponse]


@pytest.fixture
def callers(library: Library, make_token: MakeToken) -> tuple[Caller, Caller]:
    """Alice and Bob."""
    alice, bob = make_token(), make_token(subject="bob@example.com", name="Bob")
    return library.tokens.caller(alice), library.tokens.caller(bob)


@pytest.fixture
def widgets(library: Library, callers: tuple[Caller, Caller]) -> list[Seen]:
    """Thirty widgets of two users, a third of them Alice's favourites; and some out of sight."""
    alice, bob = callers
    clock = count()
    kept = SavedWidgets(library.store, now=lambda: START + timedelta(days=next(clock) % 7))
    made: list[Seen] = []
    for number in range(30):
        title, tags = TITLES[number % len(TITLES)], TAGS[number % len(TAGS)]
        draft = SavedWidgetDraft(
            {"title": title, "type": TYPES[number % len(TYPES)], "requests": []}, tags
        )
        creator = bob if number % 4 == 0 else alice
        widget = kept.create(creator, "csv_reports", draft)
        if number % 5 == 0:
            widget = kept.replace(bob, "csv_reports", widget.id, draft)
        if number % 3 == 0:
            kept.mark(alice, widget.id)
        if number % 2 == 0:
            kept.mark(bob, widget.id)
        made.append(
            {
                "id": str(widget.id),
                "title": title,
                "tags": list(tags),
                "type": draft.definition["type"],
                "creator": creator.subject,
                "created_at": widget.created_at,
                "modified_at": widget.modified_at,
                "is_favorited": number % 3 == 0,
            }
        )
    gone = kept.create(alice, "csv_reports", draft)
    kept.mark(alice, gone.id)
    kept.delete(alice, "csv_reports", gone.id)
    kept.create(alice, "logs_reports", draft)
    return made


@pytest.fixture
def search(library_app: Flask, token: str) -> Search:
    """Search as Alice."""

    def search(**query: Any) -> TestResponse:
        headers = {"DD-APPLICATION-KEY": token}
        return library_app.test_client().get(CSV, query_string=query, headers=headers)

    return search


def tag_list(tags: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="").writerow(tags)
    return f"[{written.getvalue()}]"


FILTERS: list[tuple[dict[str, str], Callable[[Seen], bool]]] = [
    ({}, lambda seen: True),
    ({"filter[title]": ""}, lambda seen: True),
    ({"filter[title]": "ZÜR"}, lambda seen: seen["title"] in ("Zürich", "ZÜRICH 100%")),
    ({"filter[title]": "strasse"}, lambda seen: seen["title"] in ("Straße", "STRASSE")),
    # Unicode folds İ to i and a dot above.
    ({"filter[title]": "İSTAN"}, lambda seen: seen["title"] == "İstanbul"),
    ({"filter[title]": "i\u0307stan"}, lambda seen: seen["title"] == "İstanbul"),
    ({"filter[title]": "istan"}, lambda seen: False),
    ({"filter[title]": "A_b"}, lambda seen: seen["title"] == "a_b"),
    ({"filter[title]": "0%"}, lambda seen: seen["title"] == "ZÜRICH 100%"),
    ({"filter[title]": "\\"}, lambda seen: False),
    ({"filter[tags]": "[]"}, lambda seen: True),
    ({"filter[tags]": "[team:a]"}, lambda seen: "team:a" in seen["tags"]),
    ({"filter[tags]": "[b, team:a]"}, lambda seen: False),
    ({"filter[tags]": "[ x]"}, lambda seen: " x" in seen["tags"]),
    ({"filter[tags]": "[x]"}, lambda seen: False),
    ({"filter[tags]": '[""]'}, lambda seen: "" in seen["tags"]),
    ({"filter[tags]": "[b,]"}, lambda seen: "" in seen["tags"]),
    ({"filter[tags]": "[b,team:a]"}, lambda seen: seen["tags"] == ["team:a", "b"]),
    ({"filter[tags]": '["a,b"]'}, lambda seen: "a,b" in seen["tags"]),
    ({"filter[tags]": tag_list(['say "hi"', " x"])}, lambda seen: " x" in seen["tags"]),
    ({"filter[tags]": "[TEAM:A]"}, lambda seen: False),
    ({"filter[tags]": "[ä]"}, lambda seen: "ä" in seen["tags"]),
    ({"filter[tags]": "[%]"}, lambda seen: False),
    ({"filter[widgetType]": "funnel"}, lambda seen: seen["type"] == "funnel"),
    ({"filter[creatorHandle]": "bob@example.com"}, lambda seen: seen["creator"].startswith("bob")),
    ({"filter[creatorHandle]": "bob"}, lambda seen: False),
    ({"filter[isFavorited]": "true"}, lambda seen: bool(seen["is_favorited"])),
    ({"filter[isFavorited]": "TRUE"}, lambda seen: bool(seen["is_favorited"])),
    ({"filter[isFavorited]": "False"}, lambda seen: not seen["is_favorited"]),
    ({"filter[isFavorited]": "false"}, lambda seen: not seen["is_favorited"]),
]


def test_every_filter_and_every_two_find_what_they_say(search: Search, widgets: list[Seen]) -> None:
    for number, ((first, one), (second, other)) in enumerate(product(FILTERS, FILTERS[::3])):
        if set(first) & set(second):
            continue
        # With SQLite's index and, where it finds too many, without.
        with patch.object(sqlite_index, "MOST", (sqlite_index.MOST, 0)[number % 2]):
            found = search(**first, **second, **{"page[size]": "100"}).get_json()
        wanted = [seen for seen in widgets if one(seen) and other(seen)]
        assert {each["id"] for each in found["data"]} == {seen["id"] for seen in wanted}
        assert found["meta"] == {
            "filtered_total": len(wanted),
            "created_by_you_total": sum(seen["creator"].startswith("alice") for seen in wanted),
            "favorited_by_you_total": sum(seen["is_favorited"] for seen in wanted),
            "created_by_anyone_total": len(widgets),
        }


def sorted_by(sort: str, widgets: list[Seen]) -> list[str]:
    by_id = sorted(widgets, key=lambda seen: seen["id"])
    if sort.endswith("is_favorited"):
        ordered = sorted(by_id, key=lambda seen: not seen["is_favorited"])
    else:
        name = sort.removeprefix("-")
        ordered = sorted(by_id, key=lambda seen: seen[name], reverse=sort.startswith("-"))
        if sort.startswith("-"):  # `reverse` keeps what is equal in its order
            assert ordered != by_id
    return [seen["id"] for seen in ordered]


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_is_whole_over_its_pages(search: Search, widgets: list[Seen], sort: str) -> None:
    pages = [
        search(sort=sort, **{"page[number]": str(page), "page[size]": "7"}).get_json()
        for page in range(6)
    ]
    assert [len(page["data"]) for page in pages] == [7, 7, 7, 7, 2, 0]
    assert [each["id"] for page in pages for each in page["data"]] == sorted_by(sort, widgets)
    assert {page["meta"]["filtered_total"] for page in pages} == {30}


def test_a_found_widget_is_what_get_answers_and_each_user_is_named_once(
    search: Search, widgets: list[Seen], library_app: Flask, token: str
) -> None:
    found = search(**{"page[size]": "100"}).get_json()
    handles = [user["attributes"]["handle"] for user in found["included"]]
    assert sorted(handles) == ["alice@example.com", "bob@example.com"]
    for each in found["data"][:8]:
        got = library_app.test_client().get(
            f"{CSV}/{each['id']}", headers={"DD-APPLICATION-KEY": token}
        )
        assert got.get_json()["data"] == each


def test_a_search_of_nothing_finds_nothing(search: Search) -> None:
    assert search().get_json() == {
        "data": [],
        "included": [],
        "meta": {
            "filtered_total": 0,
            "created_by_you_total": 0,
            "favorited_by_you_total": 0,
            "created_by_anyone_total": 0,
        },
    }


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("filter[color]=red", "filter[color]: is not a parameter"),
        ("filter[title]=a&filter[title]=a", "filter[title]: is given more than once"),
        ("filter[title]=%00", "filter[title]: has the character U+0000"),
        (f"filter[title]={'x' * (TEXT_LENGTH + 1)}", "filter[title]: must have at most 255"),
        ("filter[widgetType]=note", "filter[widgetType]: Must be one of"),
        ("filter[isFavorited]=1", "filter[isFavorited]: must be true or false"),
        ("filter[isFavorited]=", "filter[isFavorited]: must be true or false"),
        ("filter[tags]=a,b", "filter[tags]: must be in brackets"),
        ("filter[tags]=[", "filter[tags]: must be in brackets"),
        ('filter[tags]=["a"b]', "filter[tags]: is not CSV"),
        ('filter[tags]=["a]', "filter[tags]: is not CSV"),
        ("sort=", "sort: Must be one of"),
        ("sort=name", "sort: Must be one of"),
        ("sort=--title", "sort: Must be one of"),
        ("page[number]=-1", "page[number]: must be a whole number from 0 to"),
        ("page[number]=99999999999999999999", "page[number]: must be a whole number"),
        ("page[number]=1000000001", "page[number]: must be a whole number"),
        ("page[size]=0", "page[size]: must be a whole number from 1 to 100"),
        ("page[size]=101", "page[size]: must be a whole number from 1 to 100"),
        ("page[size]=%D9%A3", "page[size]: must be a whole number"),
        ("page[size]=1_0", "page[size]: must be a whole number"),
        ("%0A=1", "'\\n': is not a parameter"),
    ],
)
def test_a_query_that_is_wrong_is_told_where(
    library_app: Flask, token: str, query: str, told: str
) -> None:
    headers = {"DD-APPLICATION-KEY": token}
    answer = library_app.test_client().get(f"{CSV}?{query}", headers=headers)
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0].startswith(told)


def test_all_that_is_wrong_with_a_query_is_told(search: Search) -> None:
    told = search(sort="x", **{"page[size]": "x"}).get_json()["errors"]
    assert sorted(sentence.partition(":")[0] for sentence in told) == ["page[size]", "sort"]


TAG = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(TAG, max_size=5).filter(lambda tags: len(tag_list(tags)) <= TEXT_LENGTH))
@example(["a\r\nb", '"', ",", " ", "[", "]"])
@example([""])
@example(["", " "])
def test_a_list_of_tags_is_read_as_it_was_written(tags: list[str]) -> None:
    read: Any = TagList().deserialize(tag_list(tags))
    assert read == tuple(tags)


@given(st.text() | st.text(alphabet='[],"a \n').map(lambda inner: f"[{inner}]"))
def test_any_text_is_a_list_of_tags_or_is_refused(text: str) -> None:
    try:
        tags = TagList().deserialize(text)
    except ValidationError:
        return
    assert all(tag in text for tag in tags if '"' not in text)
    assert text.startswith("[")
    assert text.endswith("]")


NAMES = [each.data_key or name for name, each in SearchParametersSchema().fields.items()]


@pytest.fixture(scope="module")
def bare() -> SearchParametersSchema:
    """The schema of a search alone."""
    return SearchParametersSchema()


@given(query=st.dictionaries(st.sampled_from(NAMES) | st.text(), st.text()))
def test_any_query_is_read_within_its_limits_or_is_refused(
    bare: SearchParametersSchema, query: dict[str, str]
) -> None:
    try:
        loaded = bare.load(query)
    except ValidationError:
        return
    assert set(query) <= set(NAMES)
    assert 1 <= loaded["size"] <= 100
    assert 0 <= loaded["number"] * loaded["size"] < 2**62
    assert loaded["sort"] in SORTS


@given(st.text() | st.integers().map(str) | st.from_regex(r"[0-9]{1,25}", fullmatch=True))
def test_a_number_is_plain_digits_within_its_limits(text: str) -> None:
    try:
        read = SearchParametersSchema().fields["size"].deserialize(text)
    except ValidationError:
        assert not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100)
    else:
        assert str(read) == text.lstrip("0")
