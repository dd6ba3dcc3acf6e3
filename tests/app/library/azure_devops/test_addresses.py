"""Which addresses are the Azure DevOps dialect's, and that each place is closed to the others."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.library.azure_devops.addresses import read_address
from app.library.azure_devops.records import TeamContext
from tests.app.library.azure_devops.asking import (
    DASHBOARDS,
    PLACE,
    WIDGET,
    Ask,
    a_dashboard,
    a_widget,
    asking,
    basic,
    on_sqlite,
    state,
    told,
    version,
)
from tests.app.library.conftest import MakeToken


def test_paths_are_compared_without_regard_to_case(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    path = f"{board}/widgets/{made['id']}"
    for same in (path.upper(), path.lower(), path.swapcase(), path + "/"):
        assert ask("GET", same).get_json()["id"] == made["id"]
    assert ask("GET", DASHBOARDS.upper()).get_json()["count"] == 1


def test_a_trailing_slash_is_the_same_address_without_a_redirect(ask: Ask, board: str) -> None:
    made = ask("POST", f"{board}/widgets/", json=WIDGET)
    one = f"{board}/widgets/{made.get_json()['id']}/"
    changed = ask("PATCH", one, json={"eTag": "1", "name": "x"})
    listed = ask("PUT", f"{board}/widgets/", json=[], headers=version(ask, board))
    answers = [made, changed, listed, ask("GET", DASHBOARDS + "/"), ask("DELETE", board + "/")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 204]


@on_sqlite
@pytest.mark.parametrize(
    "path",
    [
        f"{PLACE}/_apis/dashboard/dashboards//",
        f"{PLACE}/_apis/dashboard/dashboard",
        f"{PLACE}/_apis/dashboards/x",
        f"/a{PLACE}/x/y/_apis/dashboard/dashboards",
        f"{PLACE}//_apis/dashboard/dashboards",
        "/_apis/dashboard/dashboards",
        f"{DASHBOARDS}/{uuid4()}/widget",
        f"{DASHBOARDS}/{uuid4()}/widgets/{uuid4()}/x",
    ],
)
def test_another_address_is_missing_in_the_dialect_s_envelope(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    # An empty name is no address of the dialect's at all.
    if "//" not in path.partition("_apis")[0]:
        told(answer, 404, "ResourceNotFoundException")
    assert answer.status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    ("path", "status", "keys"),
    [
        ("/healthz", 200, None),
        ("/widget", 401, {"data"}),
        ("/preview", 404, {"data"}),
        ("/api/v2/_apis/dashboard/dashboards", 403, {"errors"}),
        ("/api/v2/widgets/ccm_reports", 403, {"errors"}),
        ("/dashboard/v1/_apis/dashboard/dashboards", 401, {"detail"}),
        ("/API/V2/_apis/dashboard/dashboards", 404, {"data"}),
        ("/no/such/page", 404, {"data"}),
    ],
)
def test_no_address_of_others_is_taken(
    library_app: Flask, path: str, status: int, keys: set[str] | None
) -> None:
    answer = library_app.test_client().get(path)
    assert answer.status_code == status
    assert keys is None or set(answer.get_json()) == keys


@on_sqlite
@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/tfs/DefaultCollection/p", ("tfs/DefaultCollection", "p", "")),
        ("/TFS/c/p/t", ("TFS/c", "p", "t")),
        ("/tfs/p", ("tfs", "p", "")),
        ("/c/p/t", ("c", "p", "t")),
        ("/a/b/p/t", ("a/b", "p", "t")),
        ("/p", ("", "p", "")),
    ],
)
def test_what_stands_before_apis_is_collection_project_and_team(
    ask: Ask, path: str, place: tuple[str, str, str]
) -> None:
    address = read_address(path.removeprefix("/") + "/_apis/dashboard/dashboards")
    assert address.context == TeamContext(*place)
    board = a_dashboard(ask, f"{path}/_apis/dashboard/dashboards")
    scope = ask("GET", board).get_json()["dashboardScope"]
    assert scope == ("project_Team" if place[2] else "project")


@on_sqlite
@pytest.mark.parametrize("path", [f"{PLACE}/_apis/dashboard", f"{PLACE}/_apis/projects"])
def test_the_locations_of_an_area_are_asked_for_with_options(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    told(answer, 405, "HttpMethodNotSupportedException")
    assert answer.headers["Allow"] == "OPTIONS"


@on_sqlite
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "TRACE"])
def test_a_method_that_is_not_taken_is_told(ask: Ask, board: str, method: str) -> None:
    path = {"POST": f"{board}/widgets/{uuid4()}", "PUT": f"{PLACE}/_apis"}.get(method, DASHBOARDS)
    answer = ask(method, path)
    told(answer, 405, "HttpMethodNotSupportedException")
    assert answer.headers["Allow"]


@on_sqlite
@pytest.mark.parametrize(
    "name", ["%00", "%0d%0aX", "%ff", "%20", "%2e%2e", ".", "x" * 256, "%ed%a0%80"]
)
def test_an_impossible_name_is_malformed(ask: Ask, name: str) -> None:
    message = told(ask("GET", f"/c/{name}/t/_apis/dashboard/dashboards"), 400, "ArgumentException")
    assert message.startswith("path: the name ")


@pytest.mark.parametrize(
    "other",
    [
        "/Other/Fabrikam/Fabrikam Team",
        "/DefaultCollection/Other/Fabrikam Team",
        "/DefaultCollection/Fabrikam/Other",
        "/DefaultCollection/Other",
        "/Fabrikam",
        "/Fabrikam/Fabrikam Team",
        "/tfs/DefaultCollection/Fabrikam/Fabrikam Team",
    ],
)
def test_nothing_is_read_or_changed_from_another_place(ask: Ask, board: str, other: str) -> None:
    made = a_widget(ask, board)
    before, whole = state(ask, board), ask("GET", board).data
    there = board.replace(PLACE, other)
    one = f"{there}/widgets/{made['id']}"
    current = {"ETag": before[0]}
    put = WIDGET | {"eTag": "1"}
    entries = [{"id": board.rpartition("/")[2], "name": "x"}]
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", there, {}), ("GET", one, {}), ("GET", f"{there}/widgets", {}),
        ("POST", f"{there}/widgets", {"json": WIDGET}),
        ("PUT", one, {"json": put}), ("PATCH", one, {"json": put}), ("DELETE", one, {}),
        ("PUT", f"{there}/widgets", {"json": [], "headers": current}),
        ("PATCH", f"{there}/widgets", {"json": [], "headers": current}),
        ("PUT", there, {"json": {"name": "x"}}), ("DELETE", there, {}),
        ("PUT", there.rpartition("/")[0], {"json": {"dashboardEntries": entries}}),
    ]  # fmt: skip
    for method, path, options in asked:
        told(ask(method, path, **options), 404, "DashboardDoesNotExistException")
    assert ask("GET", there.rpartition("/")[0]).get_json()["value"] == []
    assert ask("PUT", there.rpartition("/")[0], json={"dashboardEntries": []}).status_code == 200
    assert (state(ask, board), ask("GET", board).data) == (before, whole)


def test_nothing_is_read_or_changed_from_another_dashboard(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    before, there = state(ask, board), a_dashboard(ask)
    one = f"{there}/widgets/{made['id']}"
    mine = [WIDGET | {"id": made["id"]}]
    put = WIDGET | {"eTag": "1"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", one, {}), ("PUT", one, {"json": put}), ("PATCH", one, {"json": put}),
        ("DELETE", one, {}),
        ("PUT", f"{there}/widgets", {"json": mine, "headers": {"ETag": "1"}}),
        ("PATCH", f"{there}/widgets", {"json": mine, "headers": {"ETag": "1"}}),
        ("PUT", there, {"json": {"name": "x", "eTag": "1", "widgets": mine}}),
    ]  # fmt: skip
    for method, path, options in asked:
        told(ask(method, path, **options), 404, "WidgetDoesNotExistException")
    assert state(ask, board) == before
    assert state(ask, there) == ("1", {"count": 0, "value": []})


@pytest.mark.parametrize("scope", ["dashboard_widget:read", "dashboard_widget:write"])
def test_reading_and_writing_each_want_their_scope(
    library_app: Flask, ask: Ask, board: str, make_token: MakeToken, scope: str
) -> None:
    one = f"{board}/widgets/{a_widget(ask, board)['id']}"
    only = asking(library_app, make_token(scopes=(scope,)))
    wrong = {"PUT", "PATCH", "POST", "DELETE"} if scope.endswith("read") else {"GET"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for path in (DASHBOARDS, board, f"{board}/widgets", one):
            answer = only(method, path, json={"name": 1})
            assert answer.status_code != 500
            if method in wrong and answer.status_code != 405:
                told(answer, 403, "InsufficientPermissionsException")
    assert only("OPTIONS", "/c/_apis").status_code == 200


@on_sqlite
@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic Og=="}, basic("x.y.z")])
def test_nobody_is_served_without_a_token(library_app: Flask, header: dict[str, str]) -> None:
    for method, path in (("OPTIONS", "/c/_apis"), ("GET", DASHBOARDS), ("GET", "/c/_apis/x")):
        answer = library_app.test_client().open(path, method=method, headers=header)
        told(answer, 401, "UnauthorizedRequestException")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_bearer_is_as_good_as_basic(library_app: Flask, token: str) -> None:
    answer = library_app.test_client().get(DASHBOARDS, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
