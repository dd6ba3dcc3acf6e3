"""Versions of the API, of widgets and of lists."""

from typing import Any

import pytest

from tests.app.library.azure_devops.asking import (
    BARE,
    DASHBOARDS,
    WIDGET,
    Ask,
    a_widget,
    on_sqlite,
    state,
    told,
)


@on_sqlite
@pytest.mark.parametrize(
    "given_version",
    [
        "3.0-preview.2",
        "3.0",
        "4.1-preview",
        "5.1",
        "7.1-preview.2",
        "7.1",
        "7.2-preview.3",
        "6.0-PREVIEW.1",
    ],
)
def test_a_version_of_the_api_that_is_served_may_be_named(ask: Ask, given_version: str) -> None:
    accept = {"Accept": f"text/html, application/json; API-Version={given_version};q=1"}
    assert ask("GET", f"{DASHBOARDS}?api-version={given_version}").status_code == 200
    assert ask("GET", DASHBOARDS, headers=accept).status_code == 200


@on_sqlite
@pytest.mark.parametrize(
    "given_version",
    [
        *("3.0-preview.1", "2.3", "7.3", "7.3-preview.1", "8.0", "", "x", "7", "7.1-beta", "3.9"),
        *("\u0667.\u0661", "7.1-preview.2.1", "1" * 5000),
    ],
)
def test_another_version_of_the_api_is_refused(ask: Ask, given_version: str) -> None:
    message = told(
        ask("GET", DASHBOARDS, query_string={"api-version": given_version}),
        400,
        "VssVersionOutOfRangeException",
    )
    assert message.startswith("api-version: ")
    assert len(message) < 200
    if given_version.isascii():
        accept = {"Accept": f"application/json;api-version={given_version}"}
        told(ask("GET", DASHBOARDS, headers=accept), 400, "VssVersionOutOfRangeException")


@on_sqlite
def test_a_version_of_the_api_that_is_given_twice_is_refused(ask: Ask) -> None:
    path = f"{DASHBOARDS}?api-version=7.1&Api-Version=7.1"
    told(ask("GET", path), 400, "VssVersionOutOfRangeException")


def test_every_change_of_a_widget_moves_both_versions(ask: Ask, board: str) -> None:
    seen = [state(ask, board)[0]]
    made = a_widget(ask, board)
    seen.append(made["dashboard"]["eTag"])
    one = f"{board}/widgets/{made['id']}"
    changed = ask("PATCH", one, json={"eTag": made["eTag"], "name": "x"}).get_json()
    seen.append(changed["dashboard"]["eTag"])
    replaced = ask("PUT", one, json=BARE | {"eTag": changed["eTag"]}).get_json()
    seen.append(replaced["dashboard"]["eTag"])
    put = ask(
        "PUT", f"{board}/widgets", json=[BARE | {"id": made["id"]}], headers={"ETag": seen[-1]}
    )
    seen.append(put.headers["ETag"])
    patched = ask(
        "PATCH", f"{board}/widgets", json=[{"id": made["id"]}], headers={"ETag": seen[-1]}
    )
    seen.append(patched.headers["ETag"])
    seen.append(ask("DELETE", one).headers["ETag"])
    assert state(ask, board)[0] == seen[-1]
    assert len(set(seen)) == 7
    etags = [made, changed, replaced, put.get_json()["value"][0], patched.get_json()["value"][0]]
    assert len({widget["eTag"] for widget in etags}) == 5


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_stale_version_of_a_widget_changes_nothing(ask: Ask, board: str, method: str) -> None:
    made = a_widget(ask, board)
    one = f"{board}/widgets/{made['id']}"
    assert ask("PATCH", one, json={"eTag": "1", "name": "first"}).status_code == 200
    before = state(ask, board)
    for stale in ("1", "3", "99999999999999999999", "-1", "x", '"1"'):
        answer = ask(method, one, json=BARE | {"eTag": stale})
        told(answer, 409, "WidgetETagConflictException")
    for parent in ("1", "2", "4"):
        body = BARE | {"eTag": "2", "dashboard": {"eTag": parent}}
        told(ask(method, one, json=body), 409, "WidgetETagConflictException")
    assert state(ask, board) == before
    current = BARE | {"eTag": '"2"', "dashboard": {"eTag": "3"}}
    assert ask(method, one, json=current).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("etag", [{}, {"eTag": None}, {"eTag": ""}, {"eTag": 1}, {"eTag": "1,2"}])
def test_a_widget_is_not_written_without_its_version(
    ask: Ask, board: str, method: str, etag: dict[str, Any]
) -> None:
    made = a_widget(ask, board)
    before = state(ask, board)
    answer = ask(method, f"{board}/widgets/{made['id']}", json=BARE | etag)
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("$.eTag: ")
    assert state(ask, board) == before


@on_sqlite
@pytest.mark.parametrize("header", ["ETag", "If-Match", "etag", "IF-MATCH"])
@pytest.mark.parametrize("written", ["{}", '"{}"', 'W/"{}"', " {} "])
def test_the_version_of_a_list_is_taken_from_either_header(
    ask: Ask, board: str, header: str, written: str
) -> None:
    for method in ("PUT", "PATCH"):
        current = state(ask, board)[0]
        answer = ask(method, f"{board}/widgets", json=[], headers={header: written.format(current)})
        assert answer.status_code == 200
        assert answer.headers["ETag"] == str(int(current) + 1)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_stale_version_of_a_list_changes_nothing(ask: Ask, board: str, method: str) -> None:
    made = a_widget(ask, board)
    before = state(ask, board)
    body = [BARE | {"id": made["id"]}]
    stale: list[dict[str, str]] = [
        {"ETag": "1"}, {"If-Match": "3"}, {"ETag": "x"}, {"ETag": "2", "If-Match": "1"},
    ]  # fmt: skip
    for headers in stale:
        answer = ask(method, f"{board}/widgets", json=body, headers=headers)
        told(answer, 409, "WidgetETagConflictException")
    for etag in ({"eTag": "2"}, {"dashboard": {"eTag": "1"}}):
        answer = ask(method, f"{board}/widgets", json=[body[0] | etag], headers={"ETag": "2"})
        told(answer, 409, "WidgetETagConflictException")
    for headers in ({}, {"ETag": "*"}, {"ETag": "1, 2"}, {"ETag": ""}, {"If-Match": '"2'}):
        assert ask(method, f"{board}/widgets", json=body, headers=headers).status_code == 400
    assert state(ask, board) == before


def test_where_the_version_of_the_list_is_given_it_must_be_current(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    before = state(ask, board)
    one = f"{board}/widgets/{made['id']}"
    stale = {"If-Match": "1"}
    for answer in (
        ask("POST", f"{board}/widgets", json=WIDGET | {"dashboard": {"eTag": "1"}}),
        ask("POST", f"{board}/widgets", json=WIDGET, headers=stale),
        ask("PATCH", one, json={"eTag": "1"}, headers=stale),
        ask("DELETE", one, headers=stale),
        ask("DELETE", board, headers=stale),
        ask("PUT", board, json={"name": "x", "eTag": "1"}),
        ask("PUT", DASHBOARDS, json={
            "dashboardEntries": [{"id": board.rpartition("/")[2], "eTag": "1"}]
        }),
    ):  # fmt: skip
        told(answer, 409, "WidgetETagConflictException")
    assert state(ask, board) == before
    current = {"If-Match": before[0]}
    assert ask("DELETE", one, headers=current).status_code == 204


def test_a_dashboard_s_widgets_are_not_replaced_without_a_version(ask: Ask, board: str) -> None:
    a_widget(ask, board)
    before = state(ask, board)
    answer = ask("PUT", board, json={"name": "x", "widgets": []})
    assert told(answer, 400, "ArgumentNullException").startswith("$.eTag: ")
    assert state(ask, board) == before
    replaced = ask("PUT", board, json={"name": "x", "eTag": before[0], "widgets": [BARE]})
    assert [one["name"] for one in replaced.get_json()["widgets"]] == ["Bare"]
    kept = ask("PUT", board, json={"name": "y"}).get_json()
    assert (kept["name"], len(kept["widgets"])) == ("y", 1)
