"""Custom widgets out of the library and in again, and SpaceONE's own payloads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.library.http.context import Library
from app.library.http.transfer import LONGEST_LINE, Outcome, Owner
from app.library.spaceone.api import blueprint, operations
from app.library.spaceone.transfer import exported, imported
from tests.app.library.conftest import dialect_applications
from tests.app.library.spaceone.test_api import GIVEN, Ask, Post, ask, post

__all__ = ["ask", "post"]
CORPORA: Final = Path(__file__).parents[5] / "shared" / "corpora" / "spaceone"
IS_THERE: Final = CORPORA.is_dir()


OWNER: Final = Owner("import@localhost", "import@localhost")


def imported_into(library: Library, lines: list[bytes]) -> list[Outcome]:
    return list(imported(library.store, OWNER, lines))


def test_what_is_exported_is_imported_as_it_was_and_only_once(ask: Ask, library: Library) -> None:
    made = [ask("create", **(GIVEN | {"title": f"t{number}"})) for number in range(3)]
    lines = list(exported(library.store))
    assert sorted(json.loads(line)["title"] for line in lines) == ["t0", "t1", "t2"]
    for widget in made[1:]:
        ask("delete", custom_widget_id=widget["custom_widget_id"])
    first = imported_into(library, [*lines, b"\n"])
    assert sorted(outcome.state for outcome in first) == ["known", "stored", "stored"]
    again = imported_into(library, lines)
    assert [outcome.state for outcome in again] == ["known"] * 3
    assert ask("list")["results"] == made
    assert list(exported(library.store)) == lines


def test_a_line_that_is_wrong_is_told_and_the_others_are_stored(ask: Ask, library: Library) -> None:
    lines = [
        b"{",
        json.dumps({**GIVEN, "title": None}).encode(),
        json.dumps({**GIVEN, "custom_widget_id": "x"}).encode(),
        b'"' + b"x" * (LONGEST_LINE + 1) + b'"',
        json.dumps(GIVEN).encode(),
        b"[]",
    ]
    outcomes = imported_into(library, lines)
    assert [outcome.state for outcome in outcomes] == ["refused"] * 4 + [
        "stored",
        "refused",
    ]
    told = ["is not JSON", "$.title: is missing", "12 hex digits", str(LONGEST_LINE)]
    for outcome, words in zip(outcomes, told, strict=False):
        assert words in outcome.why
    assert imported_into(library, [lines[4]])[0].state == "known"
    assert ask("list")["total_count"] == 1


def test_a_record_stays_in_the_domain_that_it_names(ask: Ask, library: Library) -> None:
    record = json.dumps({**GIVEN, "domain_id": "domain-2"}).encode()
    assert imported_into(library, [record])[0].state == "stored"
    assert ask("list")["total_count"] == 0


def test_an_export_is_read_a_few_at_a_time(
    ask: Ask, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.library.spaceone.store._AT_ONCE", 2)
    for number in range(5):
        ask("create", **(GIVEN | {"title": str(number)}))
    titles = {json.loads(line)["title"] for line in exported(library.store)}
    assert titles == set("01234")


def test_every_route_is_told_as_an_operation(library: Library) -> None:
    routes = {
        (method.lower(), rule.rule)
        for app in dialect_applications(library)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(f"{blueprint.name}.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(operation.method, operation.path) for operation in operations.declared} == routes
    assert len({operation.id for operation in operations.declared}) == len(operations.declared) == 6
    assert all(
        operation.scopes and operation.answers[200].body for operation in operations.declared
    )


def payloads(folder: str) -> Iterator[Any]:
    for file in sorted((CORPORA / folder).glob("*.json")):
        yield pytest.param(json.loads(file.read_bytes()), id=f"{folder}/{file.stem}")


WIDGETS = [*payloads("custom_widget_params"), *payloads("doc_widgets")]
QUERIES = [*payloads("queries"), *payloads("console_queries"), *payloads("doc_requests")]
STATS = [*payloads("stat_queries"), *payloads("console_stat_queries")]


@pytest.mark.skipif(not IS_THERE, reason="the real payloads are not beside the checkout")
def test_the_real_payloads_are_there() -> None:
    assert min(map(len, (WIDGETS, QUERIES, STATS))) > 5


@pytest.mark.parametrize("payload", WIDGETS)
def test_a_real_widget_is_created_and_read_back_equal(ask: Ask, payload: Any) -> None:
    names = ("options", "settings", "inherit_options", "labels", "tags")
    given = {name: payload[name] for name in names if name in payload}
    given["options"] = payload.get("options") or payload.get("widget_options") or payload
    title = payload.get("title") or payload.get("name") or "real"
    made = ask("create", widget_name="real", title=title[:255], **given)
    got = ask("get", custom_widget_id=made["custom_widget_id"])
    assert {name: got[name] for name in given} == given


# What these names are in SpaceONE's other services, a custom widget has not.
def known(document: Any) -> Any:
    """Put the widget's own keys in the place of those of other services."""
    if isinstance(document, list):
        return [known(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        name: ours(value, document) if name in ("k", "key", "path", "distinct") else known(value)
        for name, value in document.items()
    }


def ours(key: Any, beside: Any) -> str:
    moment = "date_format" in beside or str(beside.get("o") or beside.get("operator")).startswith(
        ("datetime", "timediff")
    )
    if moment:
        return "created_at"
    return key if key in GIVEN else f"options.{str(key).replace('<expr>', 'x')}"


REFUSED = (
    "needs a key",
    "without a list",
    "eq with a list",
    "has in ",
    "is no stage",
    "has join",
    "not there at this stage",
    "is no ISO",
    "must be an object",
    "Not a valid",
    "needs a name",
    "has contain without",
    "is missing",
    "has the operator",
    "a stage is one of",
    "no moment",
    "which is for",
    "compares a moment",
    "not have",
)


@pytest.mark.parametrize("payload", QUERIES)
def test_a_real_query_is_run_or_refused_by_a_rule(post: Post, payload: Any) -> None:
    for query in (payload.get("query", payload), known(payload.get("query", payload))):
        answer = post("list", {"domain_id": "domain-1", "query": query})
        judge(answer)


@pytest.mark.parametrize("payload", STATS)
def test_real_statistics_are_run_or_refused_by_a_rule(post: Post, payload: Any) -> None:
    for query in (payload.get("query", payload), known(payload.get("query", payload))):
        judge(post("stat", {"domain_id": "domain-1", "query": query}))


def judge(answer: Any) -> None:
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        detail = answer.get_json()["detail"]
        assert detail["code"].startswith("ERROR_")
        assert any(words in detail["message"] for words in REFUSED), detail["message"]
