"""A project is known by its GUID as by its name; a token may be confined to places."""

from uuid import UUID, uuid4

import pytest
from flask import Flask

from app.errors import InvalidInput
from app.library.azure_devops.reach import read_place
from app.library.azure_devops.records import TeamContext
from tests.app.library.azure_devops.asking import (
    DASHBOARDS,
    PLACE,
    Ask,
    a_dashboard,
    a_widget,
    asking,
    on_sqlite,
    told,
)
from tests.app.library.conftest import MakeToken

PROJECTS = "/DefaultCollection/_apis/projects"
REST = "_apis/dashboard/dashboards"


def test_a_project_s_guid_and_its_name_are_one_place(ask: Ask) -> None:
    project = ask("GET", f"{PROJECTS}/Fabrikam").get_json()
    assert (project["name"], project["state"]) == ("Fabrikam", "wellFormed")
    assert ask("GET", project["url"].removeprefix("http://localhost")).get_json() == project
    by_id = f"/DefaultCollection/{project['id'].upper()}/Fabrikam Team/{REST}"
    named, guid = a_dashboard(ask), a_dashboard(ask, by_id)
    ids = [path.rpartition("/")[2] for path in (named, guid)]
    for path in (DASHBOARDS, by_id):
        assert [each["id"] for each in ask("GET", path).get_json()["value"]] == ids
    made = a_widget(ask, f"{by_id}/{ids[0]}")
    assert ask("GET", f"{named}/widgets/{made['id']}").get_json()["name"] == "Notes"
    assert "/Fabrikam/" in ask("GET", guid).get_json()["url"]


def test_what_was_made_under_a_guid_is_there_once_the_name_is_known(ask: Ask) -> None:
    guid = TeamContext("DefaultCollection", "Fabrikam", "").project_id
    board = a_dashboard(ask, f"/DefaultCollection/{guid}/{REST}")
    assert ask("GET", f"{PROJECTS}/{guid}").get_json()["name"] == str(guid)
    project = ask("GET", f"{PROJECTS}/fabrikam").get_json()
    assert project["id"] == str(guid)
    assert ask("GET", f"{PROJECTS}/{guid}").get_json()["name"] == "fabrikam"
    listed = ask("GET", f"/DefaultCollection/Fabrikam/{REST}").get_json()
    assert [each["id"] for each in listed["value"]] == [board.rpartition("/")[2]]


def test_a_team_s_guid_is_the_team_too(ask: Ask, board: str) -> None:
    team = ask("GET", board).get_json()["groupId"]
    listed = ask("GET", f"/DefaultCollection/Fabrikam/{team}/{REST}").get_json()
    assert [each["id"] for each in listed["value"]] == [board.rpartition("/")[2]]
    assert ask("GET", f"/DefaultCollection/Other/{team}/{REST}").get_json()["value"] == []


def test_a_guid_is_a_project_s_in_its_own_collection_only(ask: Ask, board: str) -> None:
    guid = ask("GET", f"{PROJECTS}/Fabrikam").get_json()["id"]
    assert ask("GET", f"/Other/{guid}/Fabrikam Team/{REST}").get_json()["value"] == []
    other = ask("GET", "/Other/_apis/projects/Fabrikam").get_json()["id"]
    assert other != guid
    told(ask("GET", f"{PROJECTS}/{uuid4()}"), 404, "ProjectDoesNotExistException")


def test_who_only_reads_writes_no_name(library_app: Flask, ask: Ask, make_token: MakeToken) -> None:
    reader = asking(library_app, make_token(scopes=("dashboard_widget:read",)))
    guid = reader("GET", f"{PROJECTS}/Fabrikam").get_json()["id"]
    told(reader("GET", f"{PROJECTS}/{guid}"), 404, "ProjectDoesNotExistException")
    assert ask("GET", f"{PROJECTS}/Fabrikam").get_json()["id"] == guid
    assert reader("GET", f"{PROJECTS}/{guid}").get_json()["name"] == "Fabrikam"


@pytest.mark.parametrize(
    ("place", "reached"),
    [
        ("DefaultCollection", {"team", "other team", "project"}),
        ("defaultcollection/FABRIKAM", {"team", "other team", "project"}),
        ("DefaultCollection/Fabrikam/fabrikam team", {"team"}),
        ("tfs/DefaultCollection", set()),
        ("Other", set()),
        ("DefaultCollection/Other", set()),
        ("/Fabrikam", set()),
    ],
)
def test_a_token_reaches_its_places_and_no_other(
    library_app: Flask, ask: Ask, make_token: MakeToken, place: str, reached: set[str]
) -> None:
    paths = {
        "team": PLACE,
        "other team": "/DefaultCollection/Fabrikam/Other",
        "project": "/DefaultCollection/Fabrikam",
    }
    boards = {name: a_dashboard(ask, f"{path}/{REST}") for name, path in paths.items()}
    confined = asking(library_app, make_token(places=(place, "elsewhere/x")))
    for name, board in boards.items():
        a_widget(ask, board, name=name)
    found = confined("GET", "/_apis/dashboard/widgets?name=T").get_json()["value"]
    assert {each["name"] for each in found} == reached
    for name, board in boards.items():
        widget = f"{board}/widgets/{a_widget(ask, board)['id']}"
        for method, path in (("GET", board), ("GET", board.rpartition("/")[0]), ("GET", widget),
                             ("DELETE", widget), ("DELETE", board)):  # fmt: skip
            answer = confined(method, path)
            if name in reached:
                assert answer.status_code < 300
            else:
                told(answer, 403, "InsufficientPermissionsException")
                assert ask("GET", path).status_code == 200


def test_a_place_is_reached_by_the_guid_of_its_project_too(
    library_app: Flask, ask: Ask, board: str, make_token: MakeToken
) -> None:
    guid = ask("GET", f"{PROJECTS}/Fabrikam").get_json()["id"]
    by_guid = board.replace("Fabrikam/", f"{guid}/", 1)
    for place in ("DefaultCollection/Fabrikam", f"DefaultCollection/{guid}/Fabrikam Team"):
        confined = asking(library_app, make_token(places=(place,)))
        for path in (board, by_guid, f"{PROJECTS}/{guid}", f"{PROJECTS}/Fabrikam"):
            assert confined("GET", path).status_code == 200
        told(confined("GET", f"{PROJECTS}/Other"), 403, "InsufficientPermissionsException")


@on_sqlite
def test_places_and_locations_are_not_the_same(library_app: Flask, make_token: MakeToken) -> None:
    confined = asking(library_app, make_token(places=("c/p",)))
    assert confined("OPTIONS", "/other/_apis").status_code == 200


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("c", ("c", "", "")),
        ("c/p", ("c", "p", "")),
        ("c/p/t", ("c", "p", "t")),
        ("tfs/c/p", ("tfs/c", "p", "")),
        ("TFS/c", ("TFS/c", "", "")),
        ("a/b/p/t", ("a/b", "p", "t")),
        ("/p", ("", "p", "")),
        ("/p/t", ("", "p", "t")),
    ],
)
def test_a_place_is_read_as_an_address_is(given: str, place: tuple[str, str, str]) -> None:
    assert read_place(given) == TeamContext(*place)


@pytest.mark.parametrize(
    "given", ["", "/", "c/", "c//t", "a/b/c/d/e", "c/p/t/", "c/\n", "c/ ", "c/" + "x" * 256]
)
def test_what_is_no_place_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        read_place(given)


def test_a_name_has_one_guid_in_every_library() -> None:
    place = TeamContext("DefaultCollection", "Fabrikam", "Fabrikam Team")
    assert place.project_id == UUID("f4f45740-d648-5c46-97c4-2d8f32e18db4")


@on_sqlite
def test_types_of_widgets_are_of_the_places_that_a_token_reaches(
    library_app: Flask, ask: Ask, make_token: MakeToken
) -> None:
    a_widget(ask, a_dashboard(ask))
    a_widget(ask, a_dashboard(ask, f"/Fabrikam/Other/{REST}"), contributionId="acme.Other")
    seen: list[list[str]] = []
    confined = asking(library_app, make_token(places=("/Fabrikam", "DefaultCollection/Fabrikam")))
    for who in (ask, confined):
        types = who("GET", "/Fabrikam/_apis/Dashboard/WidgetTypes/").get_json()["widgetTypes"]
        seen.append([one["contributionId"] for one in types])
    assert seen == [["acme.Other"], []]
    types = confined("GET", f"{PLACE}/_apis/dashboard/widgettypes").get_json()["widgetTypes"]
    assert [one["name"] for one in types] == ["Markdown"]
    assert confined("GET", "/Fabrikam/Other/_apis/dashboard/widgettypes").status_code == 403
