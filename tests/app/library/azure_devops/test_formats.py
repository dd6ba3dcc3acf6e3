"""The options that a client sets in `Accept`, and the locations that it asks for by area."""

import json
import re
from datetime import datetime

import pytest

from tests.app.library.azure_devops.asking import (
    DASHBOARDS,
    WIDGET,
    Ask,
    a_dashboard,
    a_widget,
    on_sqlite,
    told,
)

# What Microsoft's client for extensions sends with every request.
EXTENSION = (
    "application/json;api-version=7.2-preview.3;excludeUrls=true;enumsAsNumbers=true;"
    "msDateFormat=true;noArrayWrap=true"
)
MS_DATE = re.compile(r'"modifiedDate":"\\/Date\((\d+)\)\\/"')


def accept(*options: str) -> dict[str, str]:
    return {"Accept": ";".join(["application/json", *options])}


@on_sqlite
def test_the_options_of_the_client_for_extensions_are_honoured(ask: Ask) -> None:
    plain = ask("GET", a_dashboard(ask, widgets=[WIDGET])).get_json()
    path = f"{DASHBOARDS}/{plain['id']}"
    listed = ask("GET", DASHBOARDS, headers={"Accept": EXTENSION})
    (one,) = listed.get_json()
    assert (one["id"], one["dashboardScope"]) == (plain["id"], 1)
    assert not {"url", "_links"} & one.keys()
    (milliseconds,) = MS_DATE.findall(listed.text)
    modified = datetime.fromisoformat(plain["modifiedDate"])
    assert int(milliseconds) == round(modified.timestamp() * 1000)
    (widget,) = ask("GET", path, headers={"Accept": EXTENSION}).get_json()["widgets"]
    without = {name: value for name, value in plain["widgets"][0].items() if name[-3:] != "url"}
    without.pop("_links")
    assert widget == without
    widgets = ask("GET", f"{path}/widgets", headers={"Accept": EXTENSION})
    assert widgets.get_json() == [widget]
    assert widgets.headers["ETag"] == plain["eTag"]


@on_sqlite
@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("excludeUrls=true", "url"),
        ("ENUMSASNUMBERS=True", "dashboardScope"),
        ('msDateFormat="true"', "modifiedDate"),
        ("noArrayWrap=true", None),
    ],
)
def test_each_option_changes_one_thing(ask: Ask, option: str, name: str | None) -> None:
    a_dashboard(ask)
    plain = ask("GET", DASHBOARDS).get_json()
    given = ask("GET", DASHBOARDS, headers=accept(option)).get_json()
    if name is None:
        assert given == plain["value"]
        return
    (changed,), (one,) = given["value"], plain["value"]
    differing = {key for key in one if changed.get(key) != one[key]}
    assert name in differing
    assert differing <= {name, "_links", "lastAccessedDate"}


@on_sqlite
def test_an_option_that_is_off_or_unknown_changes_nothing(ask: Ask) -> None:
    a_dashboard(ask)
    plain = ask("GET", DASHBOARDS)
    off = accept("excludeUrls=false", "noArrayWrap=0", "charset=utf-8", "enumsAsNumbers", "x=true")
    assert ask("GET", DASHBOARDS, headers=off).data == plain.data


@on_sqlite
def test_what_a_user_wrote_is_no_date_of_ours(ask: Ask, board: str) -> None:
    text = '{"modifiedDate":"/Date(1)/"}'
    made = a_widget(ask, board, name="/Date(1)/", settings=text)
    got = ask("GET", f"{board}/widgets/{made['id']}", headers={"Accept": EXTENSION})
    assert (got.get_json()["name"], got.get_json()["settings"]) == ("/Date(1)/", text)
    assert "\\/Date(" not in got.text
    assert json.dumps("/Date(1)/") in got.text


@on_sqlite
@pytest.mark.parametrize(
    ("area", "names"),
    [
        ("Location", {"ResourceAreas"}),
        ("location/", {"ResourceAreas"}),
        ("DASHBOARD", {"Dashboards", "Widgets", "WidgetTypes"}),
        ("git", set()),
    ],
)
def test_the_locations_of_an_area_are_told(ask: Ask, area: str, names: set[str]) -> None:
    for base in ("", "/c", "/tfs/DefaultCollection"):
        listed = ask("OPTIONS", f"{base}/_apis/{area}").get_json()
        assert {one["resourceName"] for one in listed["value"]} == names
        assert listed["count"] == len(names)
    told(ask("OPTIONS", f"/c/_apis/{area}/x"), 404, "ResourceNotFoundException")
