"""What a body of the Azure DevOps dialect may be."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from app.library.azure_devops.dashboard_store import LAST_RANK
from app.library.azure_devops.statements import MOST_WIDGETS
from app.library.http.body import LARGEST
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
from tests.profiles import on_one_fixture

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@on_sqlite
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "$.name: must not be null"),
        ({"name": ""}, "$.name: Length must be between 1 and 255."),
        ({"name": "x" * 256}, "$.name: Length must be between 1 and 255."),
        ({"name": 1}, "$.name: Not a valid string"),
        ({"contributionId": None}, "$.contributionId: must not be null"),
        ({"contributionId": "x" * 256}, "$.contributionId: Length"),
        ({"position": {"row": 0}}, "$.position.row: Must be greater than or equal to 1"),
        ({"position": {"row": ""}}, "$.position.row: Not a valid integer"),
        ({"position": {"column": "1"}}, "$.position.column: Not a valid integer"),
        ({"position": {"column": True}}, "$.position.column: Not a valid integer"),
        ({"position": {"column": 1.5}}, "$.position.column: Not a valid integer"),
        ({"position": {"row": 2**31}}, "$.position.row: Must be"),
        ({"position": 1}, "$.position: "),
        ({"size": {"rowSpan": -1}}, "$.size.rowSpan: Must be"),
        ({"size": []}, "$.size: "),
        ({"settings": {}}, "$.settings: Not a valid string"),
        ({"settingsVersion": {"major": -1}}, "$.settingsVersion.major: Must be"),
        ({"settingsVersion": "1.0"}, "$.settingsVersion: "),
        ({"isEnabled": "yes"}, "$.isEnabled: Not a valid boolean"),
        ({"lightboxOptions": {"width": "x"}}, "$.lightboxOptions.width: Not a valid integer"),
        ({"dashboard": {"eTag": 1}}, "$.dashboard.eTag: Not a valid string"),
        ({"dashboard": 1}, "$.dashboard: "),
        ({"eTag": []}, "$.eTag: Not a valid string"),
    ],
)
def test_a_widget_that_is_wrong_is_told_where(
    ask: Ask, board: str, change: dict[str, Any], message: str
) -> None:
    before = state(ask, board)
    answer = ask("POST", f"{board}/widgets", json=WIDGET | change)
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(message)
    assert state(ask, board) == before


def test_a_whole_number_may_be_written_with_a_fraction_of_nought(ask: Ask, board: str) -> None:
    made = ask("POST", f"{board}/widgets", data='{"name": "n", "contributionId": "c", '
               '"position": {"row": 3.0, "column": 4e0}}')  # fmt: skip
    assert made.get_json()["position"] == {"row": 3, "column": 4}
    assert "3.0" not in made.text


@on_sqlite
@pytest.mark.parametrize("missing", ["name", "contributionId"])
def test_what_a_widget_must_have_is_told(ask: Ask, board: str, missing: str) -> None:
    body = {key: value for key, value in WIDGET.items() if key != missing}
    answer = ask("POST", f"{board}/widgets", json=body)
    assert told(answer, 400, "ArgumentNullException") == f"$.{missing}: is missing"


@on_sqlite
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"1", b'{"a": NaN}', b"\xff", b"[" * 99])
def test_a_body_that_is_no_json_object_is_refused(ask: Ask, board: str, raw: bytes) -> None:
    told(ask("POST", f"{board}/widgets", data=raw), 400, "ArgumentException")
    told(ask("POST", DASHBOARDS, data=raw), 400, "ArgumentException")


def test_a_body_that_is_too_large_is_refused(ask: Ask, board: str) -> None:
    body = WIDGET | {"settings": "x" * LARGEST}
    told(ask("POST", f"{board}/widgets", json=body), 413, "RequestTooLargeException")


def test_a_dashboard_has_no_more_widgets_than_a_list_should(ask: Ask, board: str) -> None:
    full = ask("PUT", f"{board}/widgets", json=[BARE] * MOST_WIDGETS, headers={"ETag": "1"})
    assert full.get_json()["count"] == MOST_WIDGETS
    told(ask("POST", f"{board}/widgets", json=BARE), 400, "WidgetLimitExceededException")
    assert state(ask, board)[1]["count"] == MOST_WIDGETS


@on_sqlite
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "$.name: is missing"),
        ({"name": ""}, "$.name: "),
        ({"name": "x", "position": 0}, "$.position: "),
        ({"name": "x", "refreshInterval": -1}, "$.refreshInterval: "),
        ({"name": "x", "description": 1}, "$.description: "),
        ({"name": "x", "widgets": {}}, "$.widgets: "),
        ({"name": "x", "widgets": [BARE, {"name": "x"}]}, "$.widgets[1].contributionId: is"),
        ({"name": "x", "widgets": [BARE | {"id": str(uuid4())}]}, "$.widgets[0].id: must be left"),
    ],
)
def test_a_dashboard_that_is_wrong_is_told_where(
    ask: Ask, body: dict[str, Any], message: str
) -> None:
    answer = ask("POST", DASHBOARDS, json=body)
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(message)
    assert ask("GET", DASHBOARDS).get_json()["count"] == 0


def test_a_dashboard_comes_after_the_last_place_there_is(ask: Ask) -> None:
    for name, position in (("first", 1), ("last", LAST_RANK), ("after it", None)):
        made = ask("POST", DASHBOARDS, json={"name": name, "position": position})
        assert made.status_code == 200, made.text
    assert ask("GET", DASHBOARDS).get_json()["value"][0]["name"] == "first"


@given(settings=TEXTS, name=TEXTS.filter(lambda text: 1 <= len(text) <= 255))
@on_one_fixture
def test_settings_and_names_come_back_to_the_byte(
    ask: Ask, board: str, settings: str, name: str
) -> None:
    made = a_widget(ask, board, settings=settings, name=name)
    one = f"{board}/widgets/{made['id']}"
    got = ask("GET", one).get_json()
    assert (got["settings"], got["name"]) == (settings, name)
    assert ask("DELETE", one).status_code == 204


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
FIELDS = st.sampled_from([*WIDGET, "id", "eTag", "dashboard", "lightboxOptions", "allowedSizes",
                          "isEnabled", "widgets", "dashboardEntries", "value"])  # fmt: skip
BODIES = st.dictionaries(FIELDS, JSON, max_size=6) | st.lists(
    st.dictionaries(FIELDS, JSON, max_size=4), max_size=2
)


@given(
    body=BODIES | st.builds(lambda body: WIDGET | body, st.dictionaries(FIELDS, JSON, max_size=3)),
    etag=st.text(st.characters(max_codepoint=255, exclude_categories=["Cc", "Cs"]), max_size=9)
    | st.integers().map(str),
    method=st.sampled_from(["POST", "PUT", "PATCH"]),
    depth=st.integers(0, 3),
)
@on_one_fixture
def test_no_body_and_no_header_is_a_500(
    ask: Ask, board: str, body: Any, etag: str, method: str, depth: int
) -> None:
    path = [DASHBOARDS, board, f"{board}/widgets", f"{board}/widgets/{uuid4()}"][depth]
    answer = ask(method, path, json=body, headers={"ETag": etag, "Accept": etag})
    assert answer.status_code in {200, 400, 404, 405, 409}, answer.text
