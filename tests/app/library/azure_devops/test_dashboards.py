"""Dashboards, asked by hand: their fields, lists, and whose they are."""

from typing import Any
from uuid import UUID

import pytest

from tests.app.library.azure_devops.asking import (
    DASHBOARDS,
    PLACE,
    WIDGET,
    Ask,
    a_dashboard,
    a_widget,
    on_sqlite,
    told,
)

PROJECT = "/DefaultCollection/Fabrikam"
OF_PROJECT = f"{PROJECT}/_apis/dashboard/dashboards"
OF_OTHER_TEAM = f"{PROJECT}/Other/_apis/dashboard/dashboards"
ZEROS = "00000000-0000-0000-0000-000000000000"


def one(ask: Ask, path: str) -> dict[str, Any]:
    document: dict[str, Any] = ask("GET", path).get_json()
    return document


def test_a_dashboard_tells_whose_it_is(ask: Ask) -> None:
    own, team = one(ask, a_dashboard(ask, OF_PROJECT)), one(ask, a_dashboard(ask))
    assert (own["dashboardScope"], team["dashboardScope"]) == ("project", "project_Team")
    assert (own["groupId"], own["ownerId"]) == (ZEROS, own["modifiedBy"])
    assert team["groupId"] == team["ownerId"] == str(UUID(team["groupId"]))
    assert team["groupId"] not in (ZEROS, team["modifiedBy"])
    assert own["lastAccessedDate"] == own["modifiedDate"]


def test_a_list_without_a_team_has_the_dashboards_of_the_project_and_of_its_teams(ask: Ask) -> None:
    paths = [a_dashboard(ask, path) for path in (OF_OTHER_TEAM, OF_PROJECT, DASHBOARDS)]
    elsewhere = a_dashboard(ask, OF_PROJECT.replace("Fabrikam", "Elsewhere"))
    other, own, team = (path.rpartition("/")[2] for path in paths)
    listed = one(ask, OF_PROJECT)["value"]
    assert [(each["id"], each["dashboardScope"]) for each in listed] == [
        (own, "project"), (team, "project_Team"), (other, "project_Team"),
    ]  # fmt: skip
    assert [each["id"] for each in one(ask, DASHBOARDS)["value"]] == [team]
    for board in (own, team, other):
        assert one(ask, f"{OF_PROJECT}/{board}")["id"] == board
    told(ask("GET", f"{DASHBOARDS}/{own}"), 404, "DashboardDoesNotExistException")
    told(
        ask("GET", f"{OF_PROJECT}/{elsewhere.rpartition('/')[2]}"),
        404,
        "DashboardDoesNotExistException",
    )


def test_a_team_s_dashboard_is_written_without_its_team_and_stays_the_team_s(ask: Ask) -> None:
    board = a_dashboard(ask)
    short = board.replace(PLACE, PROJECT)
    made = a_widget(ask, short)
    renamed = ask("PUT", short, json={"name": "Renamed", "dashboardScope": "project_Team"})
    assert (renamed.get_json()["name"], renamed.get_json()["dashboardScope"]) == (
        "Renamed", "project_Team",
    )  # fmt: skip
    assert one(ask, f"{board}/widgets/{made['id']}")["name"] == "Notes"
    assert ask("DELETE", short).status_code == 204
    assert ask("GET", board).status_code == 404


def test_replacing_the_list_without_a_team_deletes_only_the_project_s_own(ask: Ask) -> None:
    paths = [a_dashboard(ask, path) for path in (OF_PROJECT, OF_PROJECT, DASHBOARDS, OF_OTHER_TEAM)]
    kept, gone, team, other = (path.rpartition("/")[2] for path in paths)
    entries = [{"id": team, "name": "Team's"}, {"id": kept, "position": 7}]
    answer = ask("PUT", OF_PROJECT, json={"dashboardEntries": entries}).get_json()
    found = {each["id"]: each["name"] for each in answer["dashboardEntries"]}
    assert found == {kept: "Overview", team: "Team's", other: "Overview"}
    assert ask("GET", f"{OF_PROJECT}/{gone}").status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    ("version", "is_group"),
    [("5.1-preview.2", True), ("3.0", True), ("6.0-preview.3", False), ("7.2", False), ("", False)],
)
def test_a_list_is_a_group_below_6_0(ask: Ask, version: str, is_group: bool) -> None:
    board = a_dashboard(ask).rpartition("/")[2]
    accept = {"Accept": f"application/json;api-version={version}"} if version else {}
    for path in (DASHBOARDS, OF_PROJECT):
        answer = ask("GET", path, headers=accept).get_json()
        entries = answer["dashboardEntries"] if is_group else answer["value"]
        assert [each["id"] for each in entries] == [board]
        keys = {"dashboardEntries", "url", "_links"} if is_group else {"count", "value"}
        assert set(answer) == keys


@pytest.mark.parametrize(
    ("version", "status"), [("7.1-preview.2", 200), ("5.0", 200), ("4.1", 204), ("", 204)]
)
def test_the_deletion_of_a_widget_answers_its_dashboard_from_5_0_on(
    ask: Ask, board: str, version: str, status: int
) -> None:
    path = f"{board}/widgets/{a_widget(ask, board)['id']}"
    answer = ask("DELETE", path, query_string={"api-version": version} if version else {})
    assert (answer.status_code, answer.headers["ETag"]) == (status, "3")
    if status == 204:
        assert answer.data == b""
    else:
        assert f"{DASHBOARDS}/{answer.get_json()['id']}" == board
        assert answer.get_json()["eTag"] == "3"
    assert ask("GET", path).status_code == 404


def test_a_widget_tells_the_version_of_its_list_when_it_is_read(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    a_widget(ask, board)
    got = ask("GET", f"{board}/widgets/{made['id']}")
    assert (got.get_json()["dashboard"], got.headers["ETag"]) == ({"eTag": "3"}, "3")
    group = got.get_json()["_links"]["group"]["href"].removeprefix("http://localhost")
    assert one(ask, group)["count"] == 2


def test_a_dashboard_that_is_replaced_without_a_name_keeps_its_name(ask: Ask) -> None:
    board = a_dashboard(ask, description="All")
    for body in ({}, {"name": None, "widgets": None}):
        kept = ask("PUT", board, json=body).get_json()
        assert (kept["name"], kept["description"]) == ("Overview", None)
    assert told(ask("POST", DASHBOARDS, json={}), 400, "ArgumentNullException")


@on_sqlite
@pytest.mark.parametrize("scope", ["team", "", 3, -1, True, [], 1.5])
def test_an_unknown_scope_is_refused(ask: Ask, board: str, scope: Any) -> None:
    body = {"name": "x", "dashboardScope": scope}
    entry = {"id": board.rpartition("/")[2], "dashboardScope": scope}
    for answer in (
        ask("POST", DASHBOARDS, json=body),
        ask("PUT", board, json=body),
        ask("PUT", DASHBOARDS, json={"dashboardEntries": [entry]}),
    ):
        assert "dashboardScope: " in told(answer, 400, "ArgumentException")


@on_sqlite
@pytest.mark.parametrize("scope", ["project", "Project_Team", "COLLECTION_USER", 0, 1, 2, None])
def test_a_known_scope_is_taken_and_the_address_counts(ask: Ask, scope: Any) -> None:
    made = ask("POST", DASHBOARDS, json={"name": "x", "dashboardScope": scope}).get_json()
    assert made["dashboardScope"] == "project_Team"


@on_sqlite
def test_widgets_may_lie_on_one_another(ask: Ask, board: str) -> None:
    first, second = a_widget(ask, board), a_widget(ask, board)
    assert first["position"] == second["position"] == WIDGET["position"]


def test_a_list_that_would_be_too_large_is_refused(ask: Ask) -> None:
    large = "x" * 1_000_000
    for number in range(9):
        a_dashboard(ask, f"{PROJECT}/T{number % 2}/_apis/dashboard/dashboards", description=large)
    assert "of a team" in told(ask("GET", OF_PROJECT), 400, "DashboardCountLimitExceededException")
    assert one(ask, f"{PROJECT}/T0/_apis/dashboard/dashboards")["count"] == 5
