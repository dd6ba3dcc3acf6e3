"""The SpaceONE dialect by hand: every answer is read by SpaceONE's own messages."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from google.protobuf import json_format, struct_pb2
from spaceone.api.dashboard.v1 import custom_widget_pb2
from werkzeug.test import TestResponse

from app.library.spaceone.query.keys import FIELDS, MINIMAL
from tests.app.library.conftest import ALICE, MakeToken

ROOT = "/dashboard/v1/custom-widget"
GIVEN: dict[str, Any] = {
    "domain_id": "domain-1",
    "widget_name": "cost_by_region",
    "title": "Cost by region",
    "options": {"zz": 1, "group_by": "region", "a": [1, 2.5, None, {"é": True}]},
    "settings": {"theme": "dark", "size": 3},
    "inherit_options": {"a": {"enabled": True}},
    "labels": ["prod", "cost"],
    "tags": {"team": "a"},
}
GROUP_FIELD: dict[str, Any] = {"name": "n", "operator": "count"}
ONE = {"key": "title", "value": "x"}
MANY = {"key": "title", "value": ["x"] * 1000, "operator": "in"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MESSAGES: dict[str, Callable[[], Any]] = {
    "create": custom_widget_pb2.CustomWidgetInfo,
    "update": custom_widget_pb2.CustomWidgetInfo,
    "get": custom_widget_pb2.CustomWidgetInfo,
    "list": custom_widget_pb2.CustomWidgetsInfo,
    "stat": struct_pb2.Struct,
    "delete": struct_pb2.Struct,
}

Ask = Callable[..., Any]
Post = Callable[..., TestResponse]


@pytest.fixture
def post(library_app: Flask, token: str) -> Post:
    def post(method: str, document: Any = None, *, bearer: str = token, **raw: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        body = raw or {"data": json.dumps(document)}
        return library_app.test_client().post(f"{ROOT}/{method}", headers=headers, **body)

    return post


@pytest.fixture
def ask(post: Post) -> Ask:
    """Ask in the domain `domain-1`, and read the answer into its message, which must hold it."""

    def ask(method: str, **parameters: Any) -> Any:
        answer = post(method, {"domain_id": "domain-1"} | parameters)
        assert answer.status_code == 200, answer.text
        json_format.Parse(answer.text, MESSAGES[method]())
        return answer.get_json()

    return ask


@pytest.fixture
def refused(post: Post) -> Ask:
    """Ask in the domain `domain-1` for what is refused: the status, the code and the message."""

    def refused(method: str, **parameters: Any) -> tuple[int, str, str]:
        answer = post(method, {"domain_id": "domain-1"} | parameters)
        (detail,) = answer.get_json().values()
        assert set(detail) == {"code", "message"}
        return answer.status_code, detail["code"], detail["message"]

    return refused


def test_a_widget_is_kept_and_echoed_exactly(ask: Ask, post: Post) -> None:
    made = ask("create", **GIVEN)
    assert re.fullmatch(r"custom-widget-[0-9a-f]{12}", made["custom_widget_id"])
    assert list(made) == list(FIELDS)
    assert {name: made[name] for name in GIVEN} == GIVEN
    assert (made["version"], made["user_id"]) == ("v1", ALICE)
    assert TIME.fullmatch(made["created_at"])
    assert made["created_at"] == made["updated_at"]
    got = post("get", {"domain_id": "domain-1", "custom_widget_id": made["custom_widget_id"]})
    assert got.get_json() == made
    written = json.dumps(GIVEN["options"], ensure_ascii=False, separators=(",", ":"))
    assert f'"options":{written}' in got.text


def test_what_is_not_given_is_empty(ask: Ask) -> None:
    made = ask("create", widget_name="n", title="t", options={}, settings=None, version="v7")
    empty: dict[str, Any] = {
        "settings": {},
        "inherit_options": {},
        "labels": [],
        "tags": {},
        "options": {},
    }
    assert {name: made[name] for name in empty} == empty
    assert made["version"] == "v7"


def test_update_merges_settings_and_replaces_the_rest(ask: Ask) -> None:
    made = ask("create", **GIVEN)
    changed = ask(
        "update",
        custom_widget_id=made["custom_widget_id"],
        title="New",
        settings={"theme": "light", "more": {"x": 1}},
        options={"only": 1},
        labels=[],
        tags=None,
        widget_name="other",
        user_id="mallory",
        created_at="2000-01-01T00:00:00.000Z",
    )
    expected = made | {
        "title": "New",
        "settings": {"theme": "light", "size": 3, "more": {"x": 1}},
        "options": {"only": 1},
        "labels": [],
        "updated_at": changed["updated_at"],
    }
    assert changed == expected
    assert changed["updated_at"] >= made["updated_at"]
    assert ask("get", custom_widget_id=made["custom_widget_id"]) == changed


def test_a_change_is_found_and_what_was_is_not(ask: Ask) -> None:
    made = ask("create", **GIVEN)
    ask("update", custom_widget_id=made["custom_widget_id"], title="NEU", options={"a": "B"})
    for key, value, found in [
        ("title", "neu", 1),
        ("title", "region", 0),
        ("options.a", "b", 1),
        ("widget_name", "COST", 1),
    ]:
        query = {"filter": [{"k": key, "v": value, "o": "contain"}], "count_only": True}
        assert ask("list", query=query) == {"results": [], "total_count": found}


def test_what_is_deleted_is_gone(ask: Ask, refused: Ask) -> None:
    made = ask("create", **GIVEN)["custom_widget_id"]
    assert ask("delete", custom_widget_id=made) == {}
    for method in ("delete", "get", "update"):
        status, code, message = refused(method, custom_widget_id=made)
        assert (status, code) == (404, "ERROR_NOT_FOUND")
        assert made in message


def test_get_answers_with_only_what_is_asked(ask: Ask, refused: Ask) -> None:
    made = ask("create", **GIVEN)["custom_widget_id"]
    got = ask("get", custom_widget_id=made, only=["title", "options.group_by", "settings.no"])
    assert got == {"title": GIVEN["title"], "options": {"group_by": "region"}, "settings": {}}
    told = refused("get", custom_widget_id=made, only=["project_id"])
    assert told[:2] == (400, "ERROR_DB_QUERY")
    assert "project_id" in told[2]


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"title": None}, "ERROR_REQUIRED_PARAMETER", "$.title"),
        ({"title": ""}, "ERROR_REQUIRED_PARAMETER", "$.title"),
        ({"widget_name": None}, "ERROR_REQUIRED_PARAMETER", "$.widget_name"),
        ({"options": None}, "ERROR_REQUIRED_PARAMETER", "$.options"),
        ({"domain_id": None}, "ERROR_REQUIRED_PARAMETER", "$.domain_id"),
        ({"title": 1}, "ERROR_INVALID_PARAMETER_TYPE", "$.title"),
        ({"options": []}, "ERROR_INVALID_PARAMETER_TYPE", "$.options"),
        ({"settings": "x"}, "ERROR_INVALID_PARAMETER_TYPE", "$.settings"),
        ({"labels": {}}, "ERROR_INVALID_PARAMETER_TYPE", "$.labels"),
        ({"tags": []}, "ERROR_INVALID_PARAMETER_TYPE", "$.tags"),
        ({"widget_name": "x" * 41}, "ERROR_INVALID_PARAMETER", "40"),
        ({"title": "x" * 256}, "ERROR_INVALID_PARAMETER", "255"),
        ({"options": {"n": 10**400}}, "ERROR_INVALID_PARAMETER", "too large"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(refused: Ask, changes: Any, code: str, told: str) -> None:
    status, found, message = refused("create", **(GIVEN | changes))
    assert (status, found) == (400, code)
    assert told in message


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "ERROR_INVALID_PARAMETER"),
        (b"[]", "ERROR_INVALID_PARAMETER_TYPE"),
        (b'{"a": NaN}', "ERROR_INVALID_PARAMETER"),
        (b"", "ERROR_INVALID_PARAMETER"),
    ],
)
def test_a_body_that_is_no_object_is_refused(post: Post, raw: bytes, code: str) -> None:
    answer = post("list", data=raw)
    assert (answer.status_code, answer.get_json()["detail"]["code"]) == (400, code)


def test_who_has_no_token_is_not_let_in(post: Post) -> None:
    for bearer in ("", "x.y.z"):
        answer = post("list", {"domain_id": "domain-1"}, bearer=bearer)
        assert answer.status_code == 401
        assert answer.get_json()["detail"]["code"] == "ERROR_AUTHENTICATE_FAILURE"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", MESSAGES)
def test_a_token_of_another_domain_or_scope_is_refused(
    post: Post, ask: Ask, make_token: MakeToken, method: str
) -> None:
    made = ask("create", **GIVEN)
    other = "custom_widget:write" if method in ("get", "list", "stat") else "custom_widget:read"
    asked = {**GIVEN, "custom_widget_id": made["custom_widget_id"], "query": {"distinct": "title"}}
    for token in (make_token(domains=("domain-2",)), make_token(scopes=(other,))):
        answer = post(method, asked, bearer=token)
        assert (answer.status_code, answer.get_json()["detail"]["code"]) == (
            403,
            "ERROR_PERMISSION_DENIED",
        )
    assert ask("get", custom_widget_id=made["custom_widget_id"]) == made


def test_a_widget_is_not_seen_from_another_domain(
    post: Post, ask: Ask, make_token: MakeToken
) -> None:
    made = ask("create", **GIVEN)
    both = make_token(domains=("domain-1", "domain-2"))
    asked = {"domain_id": "domain-2", "custom_widget_id": made["custom_widget_id"], "title": "x"}
    for method in ("get", "update", "delete"):
        assert post(method, asked, bearer=both).status_code == 404
    open_door = {"key": "domain_id", "value": "domain-1"}
    query: dict[str, Any] = {
        "filter_or": [open_door, {"key": "title", "value": "", "operator": "contain"}]
    }
    listed = post("list", {"domain_id": "domain-2", "query": query}, bearer=both)
    assert listed.get_json() == {"results": [], "total_count": 0}
    query = {"aggregate": [{"count": {"name": "n"}}], **query}
    counted = post("stat", {"domain_id": "domain-2", "query": query}, bearer=both)
    assert counted.get_json() == {"results": [{"n": 0}]}
    assert ask("get", custom_widget_id=made["custom_widget_id"]) == made


@pytest.mark.parametrize(("method", "status"), [("get", 405), ("post", 404)])
def test_an_unknown_address_has_the_envelope(
    library_app: Flask, token: str, method: str, status: int
) -> None:
    path = f"{ROOT}/list" if method == "get" else f"{ROOT}/analyze"
    headers = {"Authorization": f"Bearer {token}"}
    answer = library_app.test_client().open(path, method=method.upper(), headers=headers)
    assert answer.status_code == status
    assert set(answer.get_json()["detail"]) == {"code", "message"}


def fill(ask: Ask, *titles: str) -> list[str]:
    return [ask("create", **(GIVEN | {"title": title}))["custom_widget_id"] for title in titles]


def test_list_is_sorted_by_title_and_cut_from_a_row(ask: Ask) -> None:
    fill(ask, "c", "a", "b", "D")
    assert [w["title"] for w in ask("list")["results"]] == ["D", "a", "b", "c"]
    page = ask("list", query={"page": {"start": 2, "limit": 2}})
    assert ([w["title"] for w in page["results"]], page["total_count"]) == (["a", "b"], 4)
    same: list[Any] = [[], {}, {"keys": []}, {"key": "", "desc": False}, [{"key": "title"}], None]
    for one in same:
        assert [w["title"] for w in ask("list", query={"sort": one})["results"]][:2] == ["D", "a"]
    sort = {"keys": [{"key": "options.zz"}, {"key": "title", "desc": True}]}
    down = ask("list", query={"sort": sort, "page": {"start": 0, "limit": 1}})
    assert [w["title"] for w in down["results"]] == ["c"]
    assert ask("list", query={"page": {"start": 5, "limit": 2}}) == {
        "results": [],
        "total_count": 4,
    }


def test_list_shows_what_is_asked(ask: Ask) -> None:
    fill(ask, "a")
    (minimal,) = ask("list", query={"minimal": True})["results"]
    assert list(minimal) == list(MINIMAL)
    (only,) = ask("list", query={"only": ["title", "tags.team", "labels"]})["results"]
    assert only == {"title": "a", "tags": {"team": "a"}, "labels": ["prod", "cost"]}


def test_only_invents_nothing_where_a_key_leads_through_a_text(ask: Ask) -> None:
    ask("create", **(GIVEN | {"options": {"text": "x", "list": [{"a": 1}], "o": {"a": {}}}}))
    asked = ["options.text.a", "options.list.a", "options.o.a.b", "options.o.a.c"]
    assert ask("list", query={"only": asked})["results"] == [{"options": {"o": {"a": {}}}}]


def test_list_takes_fields_beside_the_query(ask: Ask) -> None:
    first, _ = fill(ask, "one", "two")
    for exact in ({"title": "one"}, {"custom_widget_id": first}):
        assert [w["title"] for w in ask("list", **exact)["results"]] == ["one"]
    assert ask("list", user_id=ALICE, widget_name=GIVEN["widget_name"])["total_count"] == 2
    assert ask("list", title="ONE", query={"keyword": "one"})["total_count"] == 0


def test_the_keyword_is_looked_for_in_id_and_title(ask: Ask) -> None:
    first, _ = fill(ask, "Größe", "other")
    for keyword, count in [("GRÖSSE", 1), (first[-9:].upper(), 1), ("cost", 0), ("%", 0)]:
        assert ask("list", query={"keyword": keyword})["total_count"] == count


@pytest.mark.parametrize(
    ("query", "code", "told"),
    [
        ({"filter": "x"}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.filter"),
        ({"filter": ["x"]}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.filter[0]"),
        ({"filter": [{"v": 1}]}, "ERROR_DB_QUERY", "$.query.filter[0]: needs a key"),
        ({"filter": [{"k": "no", "v": 1}]}, "ERROR_DB_QUERY", "$.query.filter[0]: has the key no"),
        ({"filter": [{"k": "title.x", "v": 1}]}, "ERROR_DB_QUERY", "title.x"),
        ({"filter": [{"k": "options..x", "v": 1}]}, "ERROR_DB_QUERY", "needs a key"),
        ({"filter": [{"k": "title", "v": 1, "o": "like"}]}, "ERROR_DB_QUERY", "'like'"),
        ({"filter": [{"k": "title", "v": "x", "o": "in"}]}, "ERROR_DB_QUERY", "in without a list"),
        ({"filter": [{"k": "title", "v": ["x"]}]}, "ERROR_DB_QUERY", "eq with a list"),
        ({"filter": [{"k": "title", "v": 1, "o": "contain"}]}, "ERROR_DB_QUERY", "without a text"),
        ({"filter": [{"k": "tags", "v": 1, "o": "exists"}]}, "ERROR_DB_QUERY", "true or false"),
        ({"filter": [{"k": "title", "v": "(", "o": "regex"}]}, "ERROR_DB_QUERY", "regular"),
        ({"filter": [{"k": "title", "v": "x" * 257, "o": "regex"}]}, "ERROR_DB_QUERY", "256"),
        ({"filter": [{"k": "created_at", "v": "x", "o": "datetime_lt"}]}, "ERROR_DB_QUERY", "ISO"),
        ({"filter": [{"k": "created_at", "v": "x", "o": "timediff_lt"}]}, "ERROR_DB_QUERY", "now"),
        ({"filter": [{"k": "tags.x", "v": "now", "o": "timediff_lt"}]}, "ERROR_DB_QUERY", "crea"),
        ({"filter": [{"k": "created_at", "v": "2", "o": "contain"}]}, "ERROR_DB_QUERY", "texts"),
        (
            {"filter": [{"k": "title", "v": None, "o": "lt"}]},
            "ERROR_DB_QUERY",
            "neither a text nor a number",
        ),
        ({"filter": [{"k": "title"}] * 101}, "ERROR_DB_QUERY", "50 conditions"),
        ({"filter": [{"k": "title", "v": ["x"] * 1001, "o": "in"}]}, "ERROR_DB_QUERY", "1000"),
        ({"filter": [{"k": "options.x", "v": 10**400}]}, "ERROR_DB_QUERY", "too large"),
        ({"filter": [{"k": "options" + ".x" * 20, "v": 1}]}, "ERROR_DB_QUERY", "10 names"),
        ({"sort": {"key": "no"}}, "ERROR_DB_QUERY", "$.query.sort: has the key no"),
        ({"sort": {"desc": True}}, "ERROR_DB_QUERY", "$.query.sort: needs a key"),
        ({"sort": "title"}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.sort"),
        ({"only": ["no"]}, "ERROR_DB_QUERY", "no"),
        ({"page": {"limit": "x"}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.page.limit"),
        ({"page": {"start": -1}}, "ERROR_INVALID_PARAMETER", "$.query.page.start"),
        ({"page": {"limit": 2**31}}, "ERROR_INVALID_PARAMETER", "$.query.page.limit"),
        ({"page": {"limit": 1.5}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.page.limit"),
        ({"page": {"limit": "1.5"}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.page.limit"),
        ({"page": {"limit": ""}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.page.limit"),
        ({"page": {"limit": " 1"}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.page.limit"),
        ({"page": {"limit": True}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.page.limit"),
        ({"unwind": {"filter": []}}, "ERROR_DB_QUERY", "$.query.unwind.path: needs a key"),
        ({"unwind": {"path": "no"}}, "ERROR_DB_QUERY", "$.query.unwind"),
        ({"unwind": "labels"}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.unwind"),
        (
            {"unwind": {"path": "labels", "filter": [{"k": "labels", "v": "x", "o": "contain"}]}},
            "ERROR_DB_QUERY",
            "$.query.unwind.filter[0]: has the operator 'contain'",
        ),
        ({"unwind": {"path": "labels"}, "only": ["no"]}, "ERROR_DB_QUERY", "has the key no"),
        ({"count_only": "yes"}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.count_only"),
        ({"minimal": 1}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.minimal"),
        ({"sort": {"key": "title", "desc": 0}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.sort"),
        ({"only": [5]}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.only[0]"),
        ({"filter": [None]}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.filter[0]"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_run_says_why(
    refused: Ask, query: Any, code: str, told: str
) -> None:
    status, found, message = refused("list", query=query)
    assert (status, found) == (400, code), message
    assert told in message


@pytest.mark.parametrize(
    ("query", "code", "told"),
    [
        (None, "ERROR_REQUIRED_PARAMETER", "$.query"),
        ({}, "ERROR_REQUIRED_PARAMETER", "aggregate"),
        ({"aggregate": {}}, "ERROR_INVALID_PARAMETER_TYPE", "$.query.aggregate"),
        ({"aggregate": [{"match": {}}]}, "ERROR_DB_QUERY", "$.query.aggregate[0].match"),
        ({"aggregate": [{}]}, "ERROR_DB_QUERY", "$.query.aggregate[0]"),
        ({"aggregate": [{"limit": 1, "skip": 1}]}, "ERROR_DB_QUERY", "limit and skip"),
        ({"aggregate": [{"limit": 0}]}, "ERROR_INVALID_PARAMETER", "aggregate[0].limit"),
        ({"aggregate": [{"group": {}}]}, "ERROR_DB_QUERY", "aggregate[0].group: needs keys"),
        ({"aggregate": [{"group": {"keys": [{"key": "no", "name": "n"}]}}]},
         "ERROR_DB_QUERY", "aggregate[0].group.keys[0]: has the key no"),
        ({"aggregate": [{"group": {"keys": [{"key": "title"}]}}]},
         "ERROR_DB_QUERY", "group.keys[0]: needs a name"),
        ({"aggregate": [{"group": {"fields": [{"name": "n", "operator": "median"}]}}]},
         "ERROR_DB_QUERY", "'median'"),
        ({"aggregate": [{"group": {"fields": [{"name": "n", "operator": "sum"}]}}]},
         "ERROR_DB_QUERY", "fields[0]: needs a key"),
        ({"aggregate": [{"group": {"keys": [{"key": "title", "name": "n", "date_format": "%Y"}]}}]},
         "ERROR_DB_QUERY", "date_format"),
        ({"aggregate": [{"group": {"keys": [{"key": "created_at", "name": "n",
                                             "date_format": "%Q"}]}}]},
         "ERROR_DB_QUERY", "%Q"),
        ({"aggregate": [{"group": {"fields": [
            {"name": "n", "operator": "count", "conditions": [{"k": "no", "v": 1}]}]}}]},
         "ERROR_DB_QUERY", "conditions[0]"),
        ({"aggregate": [{"unwind": {}}]}, "ERROR_DB_QUERY", "aggregate[0].unwind"),
        ({"aggregate": [{"sort": {"keys": []}}]}, "ERROR_DB_QUERY", "sort: needs a key"),
        ({"aggregate": [{"count": {}}]}, "ERROR_DB_QUERY", "aggregate[0].count"),
        ({"aggregate": [{"project": {}}]}, "ERROR_DB_QUERY", "aggregate[0].project"),
        ({"aggregate": [{"count": {"name": "n"}}, {"sort": {"key": "title"}}]},
         "ERROR_DB_QUERY", "aggregate[1].sort"),
        ({"aggregate": [{"skip": 1}] * 21}, "ERROR_DB_QUERY", "20 stages"),
        ({"distinct": "no"}, "ERROR_DB_QUERY", "query.distinct"),
        ({"distinct": "title", "aggregate": [{"skip": 1}]}, "ERROR_DB_QUERY", "$.query.distinct"),
        ({"aggregate": [{"group": {"fields": [GROUP_FIELD | {"conditions": [ONE] * 50}] * 4}}]},
         "ERROR_DB_QUERY", "more than 200"),
        ({"aggregate": [{"group": {"fields": [GROUP_FIELD] * 50}}] * 5},
         "ERROR_DB_QUERY", "more than 200"),
        ({"aggregate": [{"group": {"fields": [GROUP_FIELD | {"conditions": [MANY] * 11}]}}]},
         "ERROR_INVALID_PARAMETER", "10,000 elements"),
    ],
)  # fmt: skip
def test_a_wrong_stage_is_named(refused: Ask, query: Any, code: str, told: str) -> None:
    status, found, message = refused("stat", query=query)
    assert (status, found) == (400, code), message
    assert told in message


def test_writers_of_one_widget_lose_nothing(ask: Ask) -> None:
    made = ask("create", **GIVEN)["custom_widget_id"]

    def write(number: int) -> None:
        ask("update", custom_widget_id=made, settings={f"k{number}": number})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    settings = ask("get", custom_widget_id=made)["settings"]
    assert settings == GIVEN["settings"] | {f"k{number}": number for number in range(8)}


def test_of_eight_who_delete_one_is_told_that_it_did(post: Post, ask: Ask) -> None:
    asked = {
        "domain_id": "domain-1",
        "custom_widget_id": ask("create", **GIVEN)["custom_widget_id"],
    }
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: post("delete", asked).status_code, range(8)))
    assert sorted(statuses) == [200, *[404] * 7]
