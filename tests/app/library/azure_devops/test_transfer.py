"""Dashboards as lines of JSON: out and in again, twice, with what cannot be kept."""

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import given, strategies as st

from app.library.azure_devops.archive import AT_ONCE
from app.library.core.users import Author
from app.library.http.context import Library
from app.library.http.transfer import Outcome
from app.library.wiring import AZURE_DEVOPS
from tests.app.library.azure_devops.asking import (
    BARE,
    DASHBOARDS,
    WIDGET,
    Ask,
    a_dashboard,
    a_widget,
    asking,
    on_sqlite,
)
from tests.app.library.conftest import ALICE, application, library_of, token_of
from tests.profiles import on_one_fixture

NAMES = {"collection": "DefaultCollection", "project": "Fabrikam", "team": "Fabrikam Team"}


def exported(library: Library) -> list[bytes]:
    return list(AZURE_DEVOPS.transfer.exported(library.store))


def imported(library: Library, lines: Iterable[bytes]) -> list[Outcome]:
    return list(
        AZURE_DEVOPS.transfer.imported(library.store, Author("import@localhost", "Import"), lines)
    )


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Flask]:
    with application(database_url=f"sqlite:///{tmp_path / 'other.db'}") as app:
        yield app


def test_what_is_exported_is_imported_once_and_equal(
    ask: Ask, library: Library, empty: Flask
) -> None:
    boards = [a_dashboard(ask, name=name, description="d") for name in ("A", "B")]
    for number in range(25):
        a_widget(ask, boards[number % 2], name=f"W{number}", isEnabled=True)
    a_dashboard(ask, "/C/No team/_apis/dashboard/dashboards")
    lines = exported(library)
    assert len(lines) == 28
    other = library_of(empty)
    assert {one.state for one in imported(other, lines)} == {"stored"}
    assert exported(other) == lines
    assert {one.state for one in imported(other, lines)} == {"known"}
    assert exported(other) == lines


def test_an_import_leaves_the_name_of_its_owner_as_it_is(empty: Flask) -> None:
    library = library_of(empty)
    text = token_of(library)
    list(AZURE_DEVOPS.transfer.imported(library.store, Author(ALICE, ALICE), []))
    assert library.tokens.caller(text).person.name == "Alice"


def test_an_import_that_was_broken_off_is_taken_up_again(
    ask: Ask, library: Library, empty: Flask
) -> None:
    board = a_dashboard(ask)
    for number in range(6):
        a_widget(ask, board, name=f"W{number}")
    lines = exported(library)
    other = library_of(empty)
    imported(other, lines[:4])
    states = [one.state for one in imported(other, lines)]
    assert states == ["known"] * 4 + ["stored"] * 3
    assert exported(other) == lines


def test_what_is_there_already_is_left_as_it_is(ask: Ask, library: Library) -> None:
    board = a_dashboard(ask)
    made = a_widget(ask, board)
    lines = exported(library)
    changed = ask("PATCH", f"{board}/widgets/{made['id']}", json={"eTag": "1", "name": "Mine"})
    assert [one.state for one in imported(library, lines)] == ["known"] * 2
    listed = ask("GET", f"{board}/widgets")
    assert listed.get_json()["value"][0]["name"] == "Mine"
    assert listed.headers["ETag"] == changed.headers["ETag"]


def test_an_id_of_another_place_is_refused(ask: Ask, library: Library) -> None:
    board, other = a_dashboard(ask), a_dashboard(ask)
    made = a_widget(ask, board)
    before = exported(library)
    key = board.rpartition("/")[2]
    records = [
        NAMES | {"project": "Other", "dashboard": {"id": key, "name": "x"}},
        NAMES | {"dashboardId": other.rpartition("/")[2], "widget": WIDGET | {"id": made["id"]}},
        NAMES | {"project": "Other", "dashboardId": key, "widget": WIDGET | {"id": made["id"]}},
    ]
    for outcome in imported(library, [json.dumps(one).encode() for one in records]):
        assert outcome.state == "refused"
        assert "elsewhere" in outcome.why or "There is no dashboard" in outcome.why
    assert exported(library) == before


@on_sqlite
@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"{", "$: is not JSON"),
        (b"[]", "$: "),
        (b"\xff", "$: is not UTF-8"),
        (NAMES, "$: must have either dashboard or widget"),
        (NAMES | {"dashboard": {"name": "x"}}, "$.dashboard.id: is missing"),
        (NAMES | {"dashboard": {"id": str(uuid4()), "name": ""}}, "$.dashboard.name: Length"),
        (NAMES | {"widget": WIDGET | {"id": str(uuid4())}}, "$.dashboardId: is missing"),
        (
            NAMES | {"dashboardId": str(uuid4()), "widget": WIDGET | {"id": str(uuid4())}},
            "There is no dashboard",
        ),
        (
            NAMES | {"collection": "", "dashboard": {"id": str(uuid4()), "name": "x"}},
            "collection, project, team: are not those of any address",
        ),
        (
            NAMES | {"project": "a\u0001b", "dashboard": {"id": str(uuid4()), "name": "x"}},
            "path: the name",
        ),
        (
            NAMES | {"collection": "api", "project": "v2", "team": ""}
            | {"dashboard": {"id": str(uuid4()), "name": "x"}},
            "collection, project, team: are not those of any address",
        ),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_kept_is_told_and_the_next_is_read(
    library: Library, record: Any, why: str
) -> None:
    sound = NAMES | {"dashboard": {"id": str(uuid4()), "name": "Sound"}}
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode(), b"\n"]
    refused, stored = imported(library, [*lines, json.dumps(sound).encode()])
    assert (refused.line, refused.state, stored.line, stored.state) == (1, "refused", 3, "stored")
    assert refused.why.startswith(why)


@on_sqlite
@given(st.lists(st.binary(max_size=60) | st.text().map(str.encode), max_size=3))
@on_one_fixture
def test_any_line_is_refused_or_skipped(library: Library, lines: list[bytes]) -> None:
    assert {one.state for one in imported(library, lines)} <= {"refused"}


@on_sqlite
def test_an_export_holds_a_few_widgets_at_a_time(ask: Ask, library: Library) -> None:
    for board in [a_dashboard(ask) for _ in range(4)]:
        for _ in range(15):
            a_widget(ask, board, settings="x" * 500_000)
    tracemalloc.start()
    try:
        size = sum(map(len, AZURE_DEVOPS.transfer.exported(library.store)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 30_000_000
    assert peak < 25_000_000
    assert ask("GET", DASHBOARDS).get_json()["count"] == 4


def test_equal_widgets_without_an_id_are_each_their_own(ask: Ask, library: Library) -> None:
    board = a_dashboard(ask)
    record = NAMES | {"dashboardId": board.rpartition("/")[2], "widget": WIDGET}
    lines = [json.dumps(record).encode()] * 2
    stored, known = imported(library, lines), imported(library, lines)
    assert [one.state for one in (*stored, *known)] == ["stored"] * 2 + ["known"] * 2
    assert [one.key for one in stored] == [one.key for one in known]
    widgets = ask("GET", f"{board}/widgets").get_json()["value"]
    assert [widget["id"] for widget in widgets] == [one.key for one in stored]
    assert len({one.key for one in stored}) == 2
    for widget in widgets:
        assert {name: widget[name] for name in WIDGET} == WIDGET


def test_an_export_is_of_one_moment_whatever_is_written_meanwhile(
    ask: Ask, library: Library
) -> None:
    boards = [a_dashboard(ask, widgets=[BARE] * 2 * AT_ONCE) for _ in range(3)]
    before = exported(library)
    running = AZURE_DEVOPS.transfer.exported(library.store)
    first = [next(running) for _ in range(3)]
    for board in boards:
        etag = ask("GET", f"{board}/widgets").headers["ETag"]
        replaced = ask("PUT", f"{board}/widgets", json=[BARE] * 50, headers={"ETag": etag})
        assert replaced.status_code == 200
    assert ask("DELETE", boards[2]).status_code == 204
    assert [*first, *running] == before


def test_an_import_restores_versions_authors_and_times(
    ask: Ask, library: Library, empty: Flask
) -> None:
    board = a_dashboard(ask, widgets=[BARE, BARE])
    widget = a_widget(ask, board)
    for name in ("One", "Two"):
        etag = ask("GET", f"{board}/widgets/{widget['id']}").get_json()["eTag"]
        ask("PATCH", f"{board}/widgets/{widget['id']}", json={"eTag": etag, "name": name})
    other = library_of(empty)
    lines = exported(library)
    # Cut off in the middle, and run again.
    imported(other, lines[:2])
    imported(other, lines)
    assert exported(other) == lines
    history = json.loads(lines[0])["history"]
    assert (history["eTag"], history["widgets"]) == ("4", 3)
    assert history["createdBy"] == {"uniqueName": ALICE, "displayName": "Alice"}
    there = asking(empty, token_of(other))
    listed = there("GET", f"{board}/widgets")
    assert listed.headers["ETag"] == ask("GET", f"{board}/widgets").headers["ETag"]
    # Who had read the list before it moved can go on.
    kept = [{"id": each["id"], "eTag": each["eTag"]} for each in listed.get_json()["value"]]
    given = [each | BARE for each in kept]
    etag = {"ETag": listed.headers["ETag"]}
    assert there("PUT", f"{board}/widgets", json=given, headers=etag).status_code == 200


def test_a_widget_that_is_added_to_a_list_in_use_moves_its_version(
    ask: Ask, library: Library
) -> None:
    board = a_dashboard(ask)
    a_widget(ask, board)
    lines = exported(library)
    listed = ask("GET", f"{board}/widgets")
    (widget,) = listed.get_json()["value"]
    ask("DELETE", f"{board}/widgets/{widget['id']}")
    between = ask("GET", f"{board}/widgets").headers["ETag"]
    assert [one.state for one in imported(library, lines)] == ["known", "stored"]
    now = ask("GET", f"{board}/widgets").headers["ETag"]
    assert listed.headers["ETag"] < between < now


def test_a_file_of_an_earlier_release_is_imported(library: Library, ask: Ask) -> None:
    """Written by the first release, which knew no history."""
    key = str(uuid4())
    records = [
        NAMES | {"dashboard": {"id": key, "name": "Old", "description": None, "position": 1}},
        NAMES | {"dashboardId": key, "widget": WIDGET | {"id": str(uuid4())}},
    ]
    outcomes = imported(library, [json.dumps(each).encode() for each in records])
    assert [one.state for one in outcomes] == ["stored"] * 2
    assert ask("GET", f"{DASHBOARDS}/{key}/widgets").headers["ETag"] == "2"
    written = [json.loads(each)["history"]["createdBy"] for each in exported(library)]
    assert written == [{"uniqueName": "import@localhost", "displayName": "Import"}] * 2
