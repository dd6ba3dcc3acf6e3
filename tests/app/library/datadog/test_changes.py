"""Changing saved widgets: replaced, deleted, marked; by whom, and by many at once."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.database.store import Store
from app.library.core.models import FavoriteRow, SavedWidgetRow
from app.library.datadog.api import READ, WRITE
from app.library.datadog.schemas import EXPERIENCE_TYPES, WIDGET_TYPES
from app.library.http.context import Library
from tests.app.library.conftest import ALICE, MakeToken, Processes
from tests.app.library.datadog.test_api import CCM, DEFINITION, UNKNOWN, Ask, body
from tests.corpora import real_payloads
from tests.waiting import PATIENCE

FAVORITES = "/api/v2/favorites/widgets"
OTHER = {"title": "Other", "type": "toplist", "requests": []}
WRITERS = 8


@pytest.fixture
def ask(library_app: Flask, token: str) -> Ask:
    """Ask with Alice's token, unless headers are given."""

    def ask(method: str, path: str, **options: Any) -> TestResponse:
        headers = options.pop("headers", {"DD-APPLICATION-KEY": token})
        return library_app.test_client().open(path, method=method, headers=headers, **options)

    return ask


@pytest.fixture
def bob(make_token: MakeToken) -> dict[str, str]:
    """The headers of Bob."""
    return {"DD-APPLICATION-KEY": make_token(subject="bob@example.com", name="Bob")}


@pytest.fixture
def made(ask: Ask) -> dict[str, Any]:
    """A widget of Alice's."""
    document: dict[str, Any] = ask("POST", CCM, json=body()).get_json()
    return document


def rows(store: Store) -> list[SavedWidgetRow]:
    with store.reading() as session:
        return list(session.scalars(select(SavedWidgetRow)))


def test_a_replaced_widget_has_nothing_of_the_old(
    ask: Ask, made: dict[str, Any], bob: dict[str, str]
) -> None:
    time.sleep(0.002)  # a later millisecond
    at = f"{CCM}/{made['data']['id']}"
    changed = ask("PUT", at, json=body(OTHER, tags=None), headers=bob)
    assert changed.status_code == 200
    data, old = changed.get_json()["data"], made["data"]
    assert (data["attributes"]["definition"], data["attributes"]["tags"]) == (OTHER, [])
    assert data["id"] == old["id"]
    assert data["attributes"]["created_at"] == old["attributes"]["created_at"]
    assert data["attributes"]["modified_at"] > old["attributes"]["modified_at"]
    assert data["relationships"]["created_by"] == old["relationships"]["created_by"]
    people = {user["id"]: user["attributes"]["handle"] for user in changed.get_json()["included"]}
    assert people[data["relationships"]["modified_by"]["data"]["id"]] == "bob@example.com"
    assert sorted(people.values()) == [ALICE, "bob@example.com"]
    assert ask("GET", at, headers=bob).get_json() == changed.get_json()
    assert ask("GET", CCM, query_string={"filter[title]": "aws"}).get_json()["data"] == []
    assert len(ask("GET", CCM, query_string={"filter[title]": "oTHER"}).get_json()["data"]) == 1


def test_a_widget_that_is_replaced_stays_a_favorite(ask: Ask, made: dict[str, Any]) -> None:
    at = made["data"]["id"]
    ask("PUT", f"{FAVORITES}/{at}")
    changed = ask("PUT", f"{CCM}/{at}", json=body(OTHER)).get_json()
    assert changed["data"]["attributes"]["is_favorited"] is True


def test_a_wrong_draft_changes_nothing(ask: Ask, made: dict[str, Any]) -> None:
    at = f"{CCM}/{made['data']['id']}"
    answer = ask("PUT", at, json=body({"title": "x", "type": "geomap", "requests": []}))
    assert answer.status_code == 400
    assert ask("GET", at).get_json() == made


def test_a_deleted_widget_is_gone_for_all_and_its_row_is_kept(
    ask: Ask, library: Library, made: dict[str, Any], bob: dict[str, str]
) -> None:
    at = f"{CCM}/{made['data']['id']}"
    deleted = ask("DELETE", at, headers=bob)
    assert (deleted.status_code, deleted.data) == (204, b"")
    after = [
        ask("DELETE", at),
        ask("GET", at),
        ask("PUT", at, json=body()),
        ask("PUT", f"{FAVORITES}/{made['data']['id']}"),
        ask("DELETE", f"{FAVORITES}/{made['data']['id']}"),
    ]
    assert [answer.status_code for answer in after] == [404] * 5
    assert all(list(answer.get_json()) == ["errors"] for answer in after)
    assert ask("GET", CCM).get_json()["meta"]["created_by_anyone_total"] == 0
    (row,) = rows(library.store)
    caller = library.tokens.caller(bob["DD-APPLICATION-KEY"])
    assert row.deleted_by_id == caller.person.id
    assert row.deleted_at is not None
    assert row.deleted_at >= row.created_at
    assert row.definition == DEFINITION


def test_favorites_are_marked_once_and_for_each_user(
    ask: Ask, library: Library, made: dict[str, Any], bob: dict[str, str]
) -> None:
    def seen() -> list[bool]:
        paths = f"{CCM}/{made['data']['id']}"
        answers = [ask("GET", paths), ask("GET", paths, headers=bob)]
        return [each.get_json()["data"]["attributes"]["is_favorited"] for each in answers]

    at = f"{FAVORITES}/{made['data']['id']}"
    assert [ask("PUT", at).status_code for _ in range(2)] == [204, 204]
    assert seen() == [True, False]
    assert [ask("DELETE", at, headers=bob).status_code for _ in range(2)] == [204, 204]
    assert seen() == [True, False]
    assert ask("DELETE", at).status_code == 204
    assert seen() == [False, False]
    with library.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(FavoriteRow)) == 0


@pytest.mark.parametrize("other", EXPERIENCE_TYPES[1:])
def test_no_other_experience_type_opens_a_widget(
    ask: Ask, made: dict[str, Any], other: str
) -> None:
    elsewhere = f"/api/v2/widgets/{other}"
    at = f"{elsewhere}/{made['data']['id']}"
    answers = [ask("GET", at), ask("PUT", at, json=body(OTHER)), ask("DELETE", at)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert ask("GET", elsewhere).get_json()["meta"]["created_by_anyone_total"] == 0
    assert ask("GET", f"{CCM}/{made['data']['id']}").get_json() == made


@pytest.mark.parametrize("scope", sorted({*READ, *WRITE}))
def test_a_scope_opens_what_the_page_says_and_no_more(
    ask: Ask, make_token: MakeToken, made: dict[str, Any], scope: str
) -> None:
    only = {"DD-APPLICATION-KEY": make_token(scopes=(scope,))}
    at, mark = f"{CCM}/{made['data']['id']}", f"{FAVORITES}/{made['data']['id']}"
    reads = [("GET", at), ("GET", CCM), ("PUT", mark), ("DELETE", mark)]
    writes = [("PUT", at), ("DELETE", at)]
    read = [ask(method, path, headers=only).status_code for method, path in reads]
    written = [ask(method, path, headers=only, json=body()).status_code for method, path in writes]
    assert read == ([200, 200, 204, 204] if scope in READ else [403] * 4)
    assert written == ([200, 204] if scope in WRITE else [403] * 2)


@pytest.mark.parametrize("scopes", [("custom_widget:write", "dashboard_widget:read"), ()])
def test_a_token_of_another_dialect_opens_nothing(
    ask: Ask, make_token: MakeToken, made: dict[str, Any], scopes: tuple[str, ...]
) -> None:
    strange = {"DD-APPLICATION-KEY": make_token(scopes=scopes)}
    at, mark = f"{CCM}/{made['data']['id']}", f"{FAVORITES}/{made['data']['id']}"
    tried = [
        ("GET", at),
        ("GET", CCM),
        ("PUT", at),
        ("DELETE", at),
        ("PUT", mark),
        ("DELETE", mark),
    ]
    for method, path in tried:
        assert ask(method, path, headers=strange, json=body()).status_code == 403
    assert ask("GET", at).get_json() == made


@pytest.mark.parametrize("path", [f"{CCM}/x", f"{FAVORITES}/x", f"/api/v2/widgets/x/{UNKNOWN}"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_address_that_is_wrong_is_told(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, path, json=body())
    assert answer.status_code == 400
    where = "experience_type" if "/x/" in path else "uuid"
    assert answer.get_json()["errors"][0].startswith(f"{where}: ")


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Do the work in WRITERS threads that begin together."""
    barrier = threading.Barrier(WRITERS)

    def begin(number: int) -> Any:
        barrier.wait(PATIENCE)
        return work(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(begin, range(WRITERS)))


def test_of_many_who_delete_one_widget_one_does(ask: Ask, made: dict[str, Any]) -> None:
    at = f"{CCM}/{made['data']['id']}"
    statuses = at_once(lambda _: ask("DELETE", at).status_code)
    assert sorted(statuses) == [204] + [404] * (WRITERS - 1)


def test_of_many_who_replace_one_widget_one_is_whole(ask: Ask, made: dict[str, Any]) -> None:
    at = f"{CCM}/{made['data']['id']}"

    def replace(number: int) -> tuple[str, list[str]]:
        draft = body(OTHER | {"title": f"T{number}"}, tags=[f"t{number}"])
        return whole(ask("PUT", at, json=draft).get_json())

    def whole(document: Any) -> tuple[str, list[str]]:
        attributes = document["data"]["attributes"]
        return attributes["definition"]["title"], attributes["tags"]

    answered = at_once(replace)
    assert answered == [(f"T{number}", [f"t{number}"]) for number in range(WRITERS)]
    assert whole(ask("GET", at).get_json()) in answered


def test_a_widget_is_replaced_or_deleted_but_never_both_ways(ask: Ask) -> None:
    for _ in range(5):
        at = f"{CCM}/{ask('POST', CCM, json=body()).get_json()['data']['id']}"
        statuses = at_once(
            lambda number, at=at: (
                ask(  # type: ignore[misc]
                    "DELETE" if number % 2 else "PUT", at, json=body(OTHER)
                ).status_code
            )
        )
        assert statuses.count(204) == 1
        assert set(statuses) <= {200, 204, 404}
        assert ask("GET", at).status_code == 404


def test_of_many_who_mark_one_widget_one_mark_is_kept(
    ask: Ask, library: Library, made: dict[str, Any]
) -> None:
    at = f"{FAVORITES}/{made['data']['id']}"
    assert set(at_once(lambda _: ask("PUT", at).status_code)) == {204}
    with library.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(FavoriteRow)) == 1


def test_two_processes_are_one_library(processes: Processes) -> None:
    headers = {"DD-APPLICATION-KEY": processes.token}

    def send(method: str, path: str, **options: Any) -> requests.Response:
        url = processes.base + path
        return requests.request(method, url, headers=headers, timeout=PATIENCE, **options)

    answers = at_once(lambda number: send("POST", CCM, json=body(tags=[f"t{number}"])))
    assert [answer.status_code for answer in answers] == [200] * WRITERS
    found = send("GET", CCM).json()
    assert {each["id"] for each in found["data"]} == {
        answer.json()["data"]["id"] for answer in answers
    }
    for each in found["data"][:4]:
        statuses = at_once(
            lambda _, at=f"{CCM}/{each['id']}": send("DELETE", at).status_code  # type: ignore[misc]
        )
        assert sorted(statuses) == [204] + [404] * (WRITERS - 1)
    assert send("GET", CCM).json()["meta"]["created_by_anyone_total"] == WRITERS - 4


@pytest.mark.corpora
def test_real_definitions_come_back_as_they_are(ask: Ask) -> None:
    kept = 0
    for file in real_payloads("datadog/widget_definitions"):
        definition = json.loads(file.read_bytes())
        answer = ask("POST", CCM, data=json.dumps(body(definition)))
        errors = answer.get_json().get("errors", [])
        if definition.get("type") not in WIDGET_TYPES:
            assert any("definition.type: Must be one of" in told for told in errors), file.name
        elif not 1 <= len(definition.get("title") or "") <= 100:
            assert any("definition.title: " in told for told in errors), file.name
        else:
            at = answer.get_json()["data"]["id"]
            got = ask("GET", f"{CCM}/{at}").get_json()["data"]["attributes"]["definition"]
            assert json.dumps(got) == json.dumps(definition), file.name
            kept += 1
    assert kept > 80
