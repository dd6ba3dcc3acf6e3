"""Custom widgets out of the library and in again."""

import json
from typing import Final

import pytest

from app.library.core.users import Author
from app.library.http.context import Library
from app.library.http.transfer import LONGEST_LINE, Outcome
from app.library.spaceone.api import blueprint, operations
from app.library.spaceone.transfer import exported, imported
from tests.app.library.conftest import dialect_applications
from tests.app.library.spaceone.test_api import GIVEN, Ask, ask, post

__all__ = ["ask", "post"]
OWNER: Final = Author("import@localhost", "import@localhost")


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


def test_equal_records_without_an_id_are_each_their_own(ask: Ask, library: Library) -> None:
    lines = [json.dumps(GIVEN).encode()] * 3
    stored, known = imported_into(library, lines), imported_into(library, lines)
    assert [outcome.state for outcome in stored] == ["stored"] * 3
    assert [outcome.state for outcome in known] == ["known"] * 3
    assert [outcome.key for outcome in stored] == [outcome.key for outcome in known]
    assert ask("list")["total_count"] == 3


def test_an_export_is_of_one_moment_whatever_is_written_meanwhile(
    ask: Ask, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.library.spaceone.store._AT_ONCE", 2)
    made = [ask("create", **(GIVEN | {"title": str(number)})) for number in range(7)]
    before = list(exported(library.store))
    running = exported(library.store)
    first = next(running)
    for widget in made:
        ask("update", custom_widget_id=widget["custom_widget_id"], title="changed")
    ask("delete", custom_widget_id=made[-1]["custom_widget_id"])
    ask("create", **GIVEN)
    assert [first, *running] == before


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
