"""Widgets and dashboards, asked by hand: what is answered, changed, refused."""

from uuid import UUID, uuid4

import pytest
from flask import Flask

from app.library.azure_devops.statements import MOST_WIDGETS
from tests.app.library.azure_devops.asking import (
    BARE,
    DASHBOARDS,
    PLACE,
    WIDGET,
    Ask,
    a_dashboard,
    a_widget,
    asking,
    on_sqlite,
    state,
    told,
    version,
)
from tests.app.library.conftest import application, library_of, token_of


def test_a_widget_has_the_fields_of_the_document_and_its_links(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    got = ask("GET", f"{board}/widgets/{made['id']}").get_json()
    url = "http://localhost" + f"{board}/widgets/{made['id']}".replace(" ", "%20")
    assert UUID(got["id"])
    assert got == WIDGET | {
        "id": made["id"],
        "eTag": "1",
        "url": url,
        "_links": {
            "self": {"href": url},
            "group": {"href": url.rpartition("/")[0]},
            "dashboard": {"href": url.partition("/widgets/")[0]},
        },
        "dashboard": {"eTag": "2"},
    }
    assert made == got


def test_the_links_lead_to_what_they_name(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    for link in [made["url"], *(link["href"] for link in made["_links"].values())]:
        assert ask("GET", link.removeprefix("http://localhost")).status_code == 200


@on_sqlite
def test_the_addresses_are_those_of_the_public_url(database_url: str) -> None:
    settings = {"database_url": database_url, "public_url": "https://placard.example/base"}
    with application(**settings) as app:
        ask = asking(app, token_of(library_of(app)))
        made = ask("POST", DASHBOARDS, json={"name": "A"}).get_json()
        areas = ask("GET", "/DefaultCollection/_apis/resourceAreas").get_json()
    assert made["url"].startswith("https://placard.example/base/DefaultCollection/Fabrikam/")
    assert areas["value"][0]["locationUrl"] == "https://placard.example/base/DefaultCollection"


def test_lists_have_their_count(ask: Ask, board: str) -> None:
    a_widget(ask, board)
    for path in (DASHBOARDS, f"{board}/widgets"):
        answer = ask("GET", path).get_json()
        assert (set(answer), answer["count"]) == ({"count", "value"}, len(answer["value"]))


@on_sqlite
@pytest.mark.parametrize("path", ["/defaultcollection/_apis", "/_apis/", "/a/b/_APIS"])
def test_the_resources_are_told_as_the_client_asks(ask: Ask, path: str) -> None:
    answer = ask("OPTIONS", path)
    widgets = answer.get_json()["value"][-1]
    assert (answer.status_code, answer.get_json()["count"]) == (200, 5)
    assert widgets == {
        "id": "bdcff53a-8355-4172-a00a-40497ea23afc",
        "area": "Dashboard",
        "resourceName": "Widgets",
        "routeTemplate": "{project}/{team}/_apis/dashboard/dashboards/{dashboardId}"
        "/widgets/{widgetId}",
        "resourceVersion": 2,
        "minVersion": "3.0",
        "maxVersion": "7.2",
        "releasedVersion": "0.0",
    }


@on_sqlite
def test_an_unknown_area_is_missing(ask: Ask) -> None:
    told(ask("GET", f"/c/_apis/ResourceAreas/{uuid4()}"), 404, "ResourceNotFoundException")


def test_a_patch_changes_what_is_given_and_keeps_nulls(ask: Ask, board: str) -> None:
    made = a_widget(ask, board, isEnabled=True, typeId="t")
    one = f"{board}/widgets/{made['id']}"
    nothing = dict.fromkeys([*WIDGET, "isEnabled", "typeId", "dashboard", "id"])
    same = ask("PATCH", one, json=nothing | {"eTag": "1"}).get_json()
    changing = {"eTag", "dashboard"}
    assert {k: v for k, v in same.items() if k not in changing} == {
        k: v for k, v in made.items() if k not in changing
    }
    changes = {
        "eTag": "2",
        "position": {"row": 7},
        "size": {"columnSpan": 9, "rowSpan": None},
        "settings": "",
        "settingsVersion": {"minor": 4},
        "isEnabled": False,
    }
    changed = ask("PATCH", one, json=changes).get_json()
    assert changed["position"] == {"row": 7, "column": 2}
    assert changed["size"] == {"rowSpan": 2, "columnSpan": 9}
    assert changed["settings"] == ""
    assert changed["settingsVersion"] == {"major": 1, "minor": 4, "patch": 0}
    assert (changed["isEnabled"], changed["typeId"], changed["name"]) == (False, "t", "Notes")


def test_a_put_drops_what_is_left_out(ask: Ask, board: str) -> None:
    made = a_widget(ask, board, isEnabled=True)
    replaced = ask("PUT", f"{board}/widgets/{made['id']}", json=BARE | {"eTag": "1"}).get_json()
    gone = ("position", "size", "settings", "settingsVersion")
    assert [replaced[name] for name in gone] == [None] * 4
    assert "isEnabled" not in replaced


def test_a_patch_of_a_list_changes_all_that_it_names_or_none(ask: Ask, board: str) -> None:
    first, second = a_widget(ask, board), a_widget(ask, board, name="Second")
    current, before = version(ask, board), state(ask, board)
    for wrong, status, key in (
        ({"id": str(uuid4()), "name": "x"}, 404, "WidgetDoesNotExistException"),
        ({"id": second["id"], "eTag": "7"}, 409, "WidgetETagConflictException"),
        ({"name": "x"}, 400, "WidgetWithoutIdException"),
        ({"id": None, "name": "x"}, 400, "WidgetWithoutIdException"),
        ({"id": "x"}, 400, "ArgumentException"),
        ({"id": first["id"]}, 400, "ArgumentException"),
        ({"id": second["id"], "position": {"row": 0}}, 400, "ArgumentException"),
    ):
        changes = [{"id": first["id"], "name": "changed"}, wrong]
        told(ask("PATCH", f"{board}/widgets", json=changes, headers=current), status, key)
    assert state(ask, board) == before
    wrapped = {"count": 1, "value": [{"id": second["id"], "name": "Third", "settings": None}]}
    answer = ask("PATCH", f"{board}/widgets", json=wrapped, headers=current).get_json()
    assert [one["name"] for one in answer["value"]] == ["Notes", "Third"]
    assert answer["value"][1]["settings"] == WIDGET["settings"]
    assert answer["value"][0]["eTag"] == "1"


def test_a_put_of_a_list_keeps_ids_adds_and_drops(ask: Ask, board: str) -> None:
    kept, gone = a_widget(ask, board), a_widget(ask, board, name="Gone")
    before = state(ask, board)
    for wrong, status in (
        ([BARE | {"id": str(uuid4())}], 404),
        ([BARE | {"id": kept["id"]}] * 2, 400),
        ([BARE, {"name": "x"}], 400),
        ({"count": 0}, 400),
        ("x", 400),
        ([BARE] * (MOST_WIDGETS + 1), 400),
    ):
        answer = ask("PUT", f"{board}/widgets", json=wrong, headers=version(ask, board))
        assert answer.status_code == status
    assert state(ask, board) == before
    listed = ask(
        "PUT",
        f"{board}/widgets",
        json=[BARE, BARE | {"id": kept["id"]}],
        headers=version(ask, board),
    ).get_json()
    ids = [one["id"] for one in listed["value"]]
    assert (ids[1], gone["id"] in ids) == (kept["id"], False)
    assert listed["value"][1]["settings"] is None
    assert state(ask, board)[1] == listed
    told(ask("GET", f"{board}/widgets/{gone['id']}"), 404, "WidgetDoesNotExistException")


def test_a_new_widget_has_no_id_of_the_caller_s(ask: Ask, board: str) -> None:
    for key in (str(uuid4()), "x", 1):
        answer = ask("POST", f"{board}/widgets", json=WIDGET | {"id": key})
        told(answer, 400, "CreateWidgetWithExistingIdException")
    assert ask("POST", f"{board}/widgets", json=WIDGET | {"id": None}).status_code == 200
    answer = ask("POST", DASHBOARDS, json={"name": "x", "id": str(uuid4())})
    told(answer, 400, "CreateDashboardWithExistingIdException")


def test_the_id_of_a_body_is_that_of_the_address(ask: Ask, board: str) -> None:
    made = a_widget(ask, board)
    one = f"{board}/widgets/{made['id']}"
    other = BARE | {"eTag": "1", "id": str(uuid4())}
    assert told(ask("PUT", one, json=other), 400, "ArgumentException").startswith("$.id: ")
    assert ask("PATCH", one, json={"eTag": "1", "id": made["id"].upper()}).status_code == 200
    answer = ask("PUT", board, json={"name": "x", "id": str(uuid4())})
    assert told(answer, 400, "ArgumentException").startswith("$.id: ")


def test_a_dashboard_is_made_for_its_widgets_in_the_local_mode_only(
    own_library_app: Flask, database_url: str
) -> None:
    ask = asking(own_library_app, token_of(library_of(own_library_app)))
    path = f"{DASHBOARDS}/{uuid4()}"
    for method, options in (("GET", {}), ("POST", {"json": WIDGET})):
        answer = ask(method, f"{path}/widgets", **options)
        told(answer, 404, "DashboardDoesNotExistException")
    with application(database_url=database_url, mode="local") as app:
        there = asking(app, token_of(library_of(app)))
        told(there("GET", path), 404, "DashboardDoesNotExistException")
        assert state(there, path) == ("1", {"count": 0, "value": []})
        assert a_widget(there, path)["dashboard"] == {"eTag": "2"}
        told(there("GET", f"{DASHBOARDS}/x/widgets"), 404, "DashboardDoesNotExistException")
        elsewhere = path.replace(PLACE, "/DefaultCollection/Other/Team")
        told(there("GET", f"{elsewhere}/widgets"), 404, "DashboardDoesNotExistException")
        reader = asking(app, token_of(library_of(app), scopes=("dashboard_widget:read",)))
        new = f"{DASHBOARDS}/{uuid4()}/widgets"
        told(reader("GET", new), 404, "DashboardDoesNotExistException")
    assert ask("GET", DASHBOARDS).get_json()["value"][0]["id"] == path.rpartition("/")[2]


def test_widgets_are_found_by_a_part_of_their_names(ask: Ask, board: str) -> None:
    elsewhere = a_dashboard(ask, "/Other/Fabrikam/_apis/dashboard/dashboards", name="Élan")
    for name in ("100% Élan", "100 élans", "Plan"):
        a_widget(ask, board, name=name)
    last = a_widget(ask, elsewhere, name="ÉLAN")

    def found(query: str, collection: str = "") -> list[str]:
        answer = ask("GET", f"{collection}/_apis/dashboard/widgets?{query}")
        assert answer.status_code == 200, answer.text
        return [each["name"] for each in answer.get_json()["value"]]

    assert found("name=élan") == ["ÉLAN", "100 élans", "100% Élan"]
    assert found("name=0%25") == ["100% Élan"]
    assert found("name=élan&$top=1") == ["ÉLAN"]
    assert found("name=ÉLAN", "/defaultcollection") == ["100 élans", "100% Élan"]
    answer = ask("GET", "/other/_apis/dashboard/widgets?name=%C3%A9&api-version=7.1-preview.2")
    assert answer.get_json()["value"] == [
        {
            "id": last["id"],
            "name": "ÉLAN",
            "contributionId": last["contributionId"],
            "dashboard": "Élan",
            "url": last["url"],
        }
    ]
    for refused in ("$top=0", "$top=101", "$top=x", f"name={'x' * 256}", "other=1"):
        assert ask("GET", f"/_apis/dashboard/widgets?{refused}").status_code == 400
