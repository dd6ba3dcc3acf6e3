"""Answers are bounded in bytes: cut at a whole row where a page was asked for, or else refused."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, literal, select, update
from werkzeug.test import TestResponse

from app.database.store import Store
from app.library.core.models import CustomWidgetRow, DashboardWidgetRow
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.http.context import Library
from app.library.http.rows import LARGE, LARGEST_ANSWER, WrittenRows
from app.library.spaceone.records import CustomWidgetDraft
from app.library.spaceone.store import CustomWidgets
from app.library.wiring import LARGE_ANSWERS, SEARCHES
from tests.app.library.conftest import MakeToken

ROOT = "/dashboard/v1/custom-widget"
EACH = 900_000
# Rows of 0.9 MB: so many are within the bound, and so many are stored.
FIT = LARGEST_ANSWER // (EACH + 1000)
STORED = FIT + 3


@pytest.mark.parametrize(
    ("rows", "most", "count", "are_all"),
    [
        ([], 0, 0, True),
        ([b"1"], 1, 0, False),
        ([b"1"], 2, 1, True),
        ([b"1", b"22", b"333"], 5, 2, False),
        ([b"1", b"22", b"333"], 9, 3, True),
        ([b"x" * 100] * 10_000, 1 << 20, 10_000, True),
        ([b"x" * 100] * 20_000, 1 << 20, 10_381, False),
    ],
)
def test_rows_are_written_whole_up_to_the_bound(
    rows: list[bytes], most: int, count: int, are_all: bool
) -> None:
    written = WrittenRows(iter(rows), most)
    assert (written.count, written.are_all) == (count, are_all)
    assert written.size <= most
    assert b"".join(written.pieces) == b",".join(rows[:count])


def test_no_more_rows_are_read_than_are_written() -> None:
    read = []

    def rows() -> Iterator[bytes]:
        for number in range(100):
            read.append(number)
            yield b"x" * 10

    assert WrittenRows(rows(), 55).count == 5
    assert len(read) == 6


def test_list_is_cut_where_a_page_was_asked_for_and_else_refused(
    library_app: Flask, library: Library, token: str
) -> None:
    kept, alice = CustomWidgets(library.store, seconds=60), library.tokens.caller(token)
    for number in range(STORED):
        document = {"options": {"text": "é" * (EACH // 2), "list": [1, 2]}}
        draft = CustomWidgetDraft("domain-1", "w", f"Large {number:02}", "v1", document)
        kept.create(alice, draft)

    def ask(operation: str, **query: Any) -> Any:
        answer = library_app.test_client().post(
            f"{ROOT}/{operation}",
            json={"domain_id": "domain-1", "query": query},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert int(answer.headers["Content-Length"]) == len(answer.get_data()) < LARGEST_ANSWER
        return answer.get_json()

    page = ask("list", page={"limit": STORED})
    titles = [each["title"] for each in page["results"]]
    assert (titles, page["total_count"]) == ([f"Large {n:02}" for n in range(FIT)], STORED)
    rest = ask("list", page={"start": FIT + 1, "limit": STORED})
    assert [each["title"] for each in rest["results"]] == ["Large 18", "Large 19", "Large 20"]
    assert ask("list")["detail"] == TOO_LARGE
    few = ask("list", only=["title"])
    assert len(few["results"]) == few["total_count"] == STORED

    project = {"project": {"fields": [{"n": "options", "k": "options"}]}}
    page = ask("stat", aggregate=[project], page={"limit": STORED})
    assert (len(page["results"]), page["total_count"]) == (FIT, STORED)
    assert ask("stat", aggregate=[project])["detail"] == TOO_LARGE
    push = {"group": {"fields": [{"n": "all", "o": "push", "k": "options"}]}}
    refused = ask("stat", aggregate=[push], page={"limit": 1})["detail"]
    assert refused["code"] == "ERROR_DB_QUERY"
    assert "a row or a value of more than 5 MiB: ask for less" in refused["message"]


def test_list_takes_no_more_memory_than_three_times_the_bound(
    library_app: Flask, library: Library, token: str
) -> None:
    kept, alice = CustomWidgets(library.store, seconds=60), library.tokens.caller(token)
    # Of many small parts, each of which takes far more than its bytes.
    parts = [{"name": f"part {number}", "value": number} for number in range(30_000)]
    draft = CustomWidgetDraft("domain-1", "w", "Large", "v1", {"options": {"p": parts}})
    copy(library.store, kept.create(alice, draft).id, STORED - 1)
    body = {"domain_id": "domain-1", "query": {"page": {"limit": STORED}}}
    tracemalloc.start()
    answer = library_app.test_client().post(
        f"{ROOT}/list", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    size = sum(map(len, answer.iter_encoded()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert LARGEST_ANSWER - (2 << 20) < size < LARGEST_ANSWER
    assert peak < 3 * LARGEST_ANSWER


def copy(store: Store, widget_id: str, times: int) -> None:
    """Copy a widget within the database: to write as many parts anew takes seconds."""
    columns = CustomWidgetRow.__table__.columns
    with store.writing() as session:
        for number in range(times):
            own = [literal(f"copy-{number}") if each.name == "id" else each for each in columns]
            row = select(*own).where(CustomWidgetRow.id == widget_id)
            session.execute(insert(CustomWidgetRow).from_select(columns.keys(), row))


TOO_LARGE = {
    "code": "ERROR_DB_QUERY",
    "message": "query: comes to more than 16 MiB: ask for a page (page.limit), or for less",
}


def test_page_of_saved_widgets_is_cut_with_its_people(
    library_app: Flask, library: Library, make_token: MakeToken
) -> None:
    kept, key = SavedWidgets(library.store), make_token()
    alice = library.tokens.caller(key)
    bob = library.tokens.caller(make_token(subject="bob@example.com", name="Bob"))
    for number in range(STORED):
        # What Bob made comes behind the bound.
        definition = {"title": f"{number:02}", "type": "change", "requests": ["x" * EACH]}
        creator = bob if number >= FIT else alice
        kept.create(creator, "ccm_reports", SavedWidgetDraft(definition, ()))
    answer = library_app.test_client().get(
        "/api/v2/widgets/ccm_reports?sort=title&page[size]=100",
        headers={"DD-APPLICATION-KEY": key},
    )
    page = answer.get_json()
    assert len(answer.get_data()) < LARGEST_ANSWER
    assert [each["attributes"]["definition"]["title"] for each in page["data"]] == [
        f"{number:02}" for number in range(FIT)
    ]
    assert page["meta"]["filtered_total"] == STORED
    assert [each["attributes"]["handle"] for each in page["included"]] == ["alice@example.com"]


def test_list_of_a_dashboard_is_bounded_when_it_is_written_and_when_it_is_read(
    library_app: Flask, library: Library, token: str
) -> None:
    client, headers = library_app.test_client(), {"Authorization": f"Bearer {token}"}
    root = "/acme/shop/team/_apis/dashboard/dashboards"
    board = client.post(root, json={"name": "Board"}, headers=headers).get_json()["id"]
    widget = {"name": "w", "contributionId": "a.b.c", "settings": "x" * 1_000_000}
    made = [client.post(f"{root}/{board}/widgets", json=widget, headers=headers) for _ in range(9)]
    assert [answer.status_code for answer in made] == [200] * 8 + [400]
    told = "The widgets of a dashboard come to at most 8 MiB: put fewer on it, or get them one by"
    assert made[-1].get_json()["message"].startswith(told)
    assert len(client.get(f"{root}/{board}/widgets", headers=headers).get_json()["value"]) == 8
    with library.store.writing() as session:  # as an earlier release let it grow
        session.execute(update(DashboardWidgetRow).values(settings="x" * 1_100_000))
    for path in (f"{root}/{board}/widgets", f"{root}/{board}"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.get_json()["message"].startswith(told)) == (400, True)
    one = client.get(f"{root}/{board}/widgets/{made[0].get_json()['id']}", headers=headers)
    assert one.status_code == 200


def test_large_answer_holds_a_place_until_it_is_sent(
    library_app: Flask, library: Library, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library.large_answers, "_patience", 0)
    caller = library.tokens.caller(token)
    definition = {"title": "Large", "type": "change", "requests": ["x" * LARGE]}
    SavedWidgets(library.store).create(caller, "ccm_reports", SavedWidgetDraft(definition, ()))

    def ask() -> TestResponse:
        return library_app.test_client().get(
            "/api/v2/widgets/ccm_reports", headers={"DD-APPLICATION-KEY": token}
        )

    sending = [ask() for _ in range(LARGE_ANSWERS.per_origin)]
    refused = ask()
    assert [answer.status_code for answer in sending] == [200] * len(sending)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.get_json() == {"errors": ["Too many requests; try again in 1 s."]}
    sending.pop().close()
    assert ask().status_code == 200


def test_searches_are_few_at_a_time(
    library_app: Flask, library: Library, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library.searches, "_patience", 0)
    jti = library.tokens.caller(token).jti
    asked = [
        ("GET", "/api/v2/widgets/ccm_reports", None),
        ("POST", f"{ROOT}/list", {"domain_id": "domain-1"}),
        ("POST", f"{ROOT}/stat", {"domain_id": "domain-1", "query": {"distinct": "title"}}),
    ]

    def statuses() -> list[int]:
        headers = {"DD-APPLICATION-KEY": token, "Authorization": f"Bearer {token}"}
        client = library_app.test_client()
        return [
            client.open(path, method=method, json=body, headers=headers).status_code
            for method, path, body in asked
        ]

    releases = [library.searches.take(jti) for _ in range(SEARCHES.per_origin)]
    assert statuses() == [429] * 3
    releases.pop()()
    assert statuses() == [200] * 3
