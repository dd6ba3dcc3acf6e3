"""Saved widgets as records: out of one library and into another, line by line."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given, strategies as st
from sqlalchemy import event

from app.database.store import Store
from app.library.core.callers import Caller
from app.library.core.tokens import TokenStore
from app.library.core.users import Author
from app.library.datadog.archive import AT_ONCE as PAGE, archived
from app.library.datadog.schemas import WIDGET_TYPES
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.datadog.transfer import TRANSFER
from app.library.http.transfer import AT_ONCE, LONGEST_LINE, Outcome, lines_of
from app.library.wiring import SCOPES
from tests.app.library.conftest import GRANT, application, library_of, token_of
from tests.app.library.datadog.test_changes import WRITERS, at_once
from tests.corpora import real_payloads
from tests.databases import migrated
from tests.host import JWT_SECRET
from tests.profiles import on_one_fixture

OWNER = Author("import@localhost", "Import")
DEFINITION = {"zz": 1, "type": "change", "title": "T", "requests": [], "é": {"b": 1, "a": 2.5}}
ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"


@pytest.fixture
def caller(store: Store) -> Caller:
    tokens = TokenStore(store, [JWT_SECRET], SCOPES)
    return tokens.caller(tokens.create(GRANT).text)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    """A second library, on SQLite."""
    opened = migrated(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    yield opened
    opened.close()


def record(definition: Any = None, **changes: Any) -> dict[str, Any]:
    data = {
        "id": ID,
        "type": "widgets",
        "attributes": {
            "definition": DEFINITION if definition is None else definition,
            "tags": ["a"],
            "created_at": "2024-01-15T00:00:00.000Z",
            "modified_at": "2024-01-16T01:00:00.5+01:00",
        },
        "relationships": {
            "created_by": {"data": {"id": "1", "type": "users"}},
            "modified_by": {"data": {"id": "2", "type": "users"}},
        },
    }
    included = [
        {"id": "1", "type": "users", "attributes": {"handle": "ann@example.com", "name": "Ann"}},
        {"id": "2", "type": "users", "attributes": {"handle": "ben@example.com", "name": None}},
    ]
    return {"experience_type": "ccm_reports", "data": data | changes, "included": included}


def line(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def take(store: Store, *lines: bytes) -> list[Outcome]:
    return list(TRANSFER.imported(store, OWNER, lines))


def written(store: Store) -> list[Any]:
    return [json.loads(each) for each in TRANSFER.exported(store)]


def without_ids_of_users(records: list[Any]) -> str:
    """Write records with each user's handle in the place of the id, which is a library's own."""
    text = json.dumps(records, ensure_ascii=False)
    for each in records:
        for user in each["included"]:
            text = text.replace(user["id"], user["attributes"]["handle"])
    return text


def test_an_export_is_of_one_moment_whatever_is_written_meanwhile(
    store: Store, caller: Caller
) -> None:
    widgets = SavedWidgets(store)
    made = [
        widgets.create(caller, "ccm_reports", SavedWidgetDraft(DEFINITION, (str(number),)))
        for number in range(3 * PAGE)
    ]
    before = list(TRANSFER.exported(store))
    running = TRANSFER.exported(store)
    first = next(running)
    for each in made:
        widgets.replace(caller, "ccm_reports", each.id, SavedWidgetDraft(DEFINITION, ()))
        widgets.mark(caller, each.id)
    for each in made[PAGE:]:
        widgets.delete(caller, "ccm_reports", each.id)
    widgets.create(caller, "ccm_reports", SavedWidgetDraft(DEFINITION, ("new",)))
    assert [first, *running] == before


def test_favourites_are_exported_and_restored(
    store: Store, elsewhere: Store, caller: Caller
) -> None:
    widgets, tokens = SavedWidgets(store), TokenStore(store, [JWT_SECRET], SCOPES)
    bob = tokens.caller(tokens.create(replace(GRANT, subject="bob@example.com", name="Bob")).text)
    first, second = (
        widgets.create(caller, "ccm_reports", SavedWidgetDraft(DEFINITION, ())) for _ in range(2)
    )
    widgets.mark(caller, first.id)
    widgets.mark(bob, first.id)
    lines = list(TRANSFER.exported(store))
    assert {outcome.state for outcome in take(elsewhere, *lines)} == {"stored"}
    again = TokenStore(elsewhere, [JWT_SECRET], SCOPES)
    there = again.caller(again.create(replace(GRANT, subject=bob.subject, name="Bob")).text)
    assert SavedWidgets(elsewhere).get(there, "ccm_reports", first.id).is_favorited
    assert not SavedWidgets(elsewhere).get(there, "ccm_reports", second.id).is_favorited
    assert without_ids_of_users(written(elsewhere)) == without_ids_of_users(written(store))


def test_a_file_of_an_earlier_release_is_imported(store: Store) -> None:
    """Written by the first release, which knew no favourites."""
    assert take(store, line(record()))[0].state == "stored"
    assert written(store)[0]["favorites"] == []


def test_what_is_exported_can_be_imported_elsewhere(
    store: Store, elsewhere: Store, caller: Caller
) -> None:
    widgets = SavedWidgets(store)
    for number in range(120):
        draft = SavedWidgetDraft({**DEFINITION, "title": f"T{number}"}, ("a", f"t{number}"))
        made = widgets.create(caller, ("ccm_reports", "csv_reports")[number % 2], draft)
        if number % 10 == 0:
            widgets.delete(caller, made.experience_type, made.id)
    lines = list(TRANSFER.exported(store))
    assert len(lines) == 108
    assert all(each.endswith(b"}\n") and each.count(b"\n") == 1 for each in lines)
    outcomes = take(elsewhere, *lines)
    assert {outcome.state for outcome in outcomes} == {"stored"}
    assert without_ids_of_users(written(elsewhere)) == without_ids_of_users(written(store))


def test_a_record_keeps_its_id_times_and_people(store: Store) -> None:
    (outcome,) = take(store, line(record()))
    assert outcome == Outcome(1, "stored", ID)
    ((kept, _),) = archived(store)
    assert json.dumps(kept.definition) == json.dumps(DEFINITION)
    assert (str(kept.id), kept.experience_type, kept.tags) == (ID, "ccm_reports", ("a",))
    assert kept.created_at == datetime(2024, 1, 15, tzinfo=UTC)
    assert kept.modified_at == datetime(2024, 1, 16, 0, 0, 0, 500_000, UTC)
    assert (kept.created_by.handle, kept.created_by.name) == ("ann@example.com", "Ann")
    assert (kept.modified_by.handle, kept.modified_by.name) == ("ben@example.com",) * 2


def test_equal_records_without_an_id_are_each_their_own_and_the_owner_s(store: Store) -> None:
    bare = {"type": "widgets", "attributes": {"definition": DEFINITION}}
    lines = [line({"experience_type": each, "data": bare}) for each in ("ccm_reports",) * 3]
    other = line({"experience_type": "csv_reports", "data": bare})
    first, again = take(store, *lines, other), take(store, *lines, other)
    assert [outcome.state for outcome in first] == ["stored"] * 4
    assert [outcome.state for outcome in again] == ["known"] * 4
    assert [outcome.key for outcome in first] == [outcome.key for outcome in again]
    assert len({outcome.key for outcome in first}) == 4
    assert {widget.created_by.handle for widget, _ in archived(store)} == {OWNER.handle}


def test_an_import_can_be_broken_off_and_run_again(store: Store, caller: Caller) -> None:
    lines = [line(record(id=str(uuid4()))) for _ in range(AT_ONCE + 20)]
    running = TRANSFER.imported(store, OWNER, lines)
    first = [next(running) for _ in range(7)]
    running.close()  # type: ignore[attr-defined]  # a generator's
    again = take(store, *lines)
    # What is told is committed, as is what is in the same transaction.
    assert [outcome.state for outcome in again] == ["known"] * AT_ONCE + ["stored"] * 20
    assert [outcome.key for outcome in again][:7] == [outcome.key for outcome in first]
    assert len(written(store)) == AT_ONCE + 20


def test_an_import_waits_for_the_disk_once_for_many_records(store: Store) -> None:
    commits: list[object] = []
    event.listen(store._engine, "commit", commits.append)
    lines = [line(record(id=str(uuid4()))) for _ in range(2 * AT_ONCE)]
    assert {outcome.state for outcome in take(store, *lines)} == {"stored"}
    assert len(commits) == 2


def test_what_is_known_stays_as_it_is_here(store: Store, caller: Caller) -> None:
    take(store, line(record()))
    changed = SavedWidgetDraft({**DEFINITION, "title": "Changed here"}, ())
    key = next(archived(store))[0].id
    SavedWidgets(store).replace(caller, "ccm_reports", key, changed)
    renamed = record()
    renamed["included"][0]["attributes"]["name"] = "Somebody else"
    assert take(store, line(renamed))[0].state == "known"
    ((kept, _),) = archived(store)
    assert (kept.definition["title"], kept.created_by.name) == ("Changed here", "Ann")
    SavedWidgets(store).delete(caller, "ccm_reports", key)
    assert take(store, line(record()))[0].state == "known"
    assert written(store) == []


def test_of_many_who_import_one_record_one_stores_it(store: Store) -> None:
    for _ in range(4):
        lines = [line(record(id=str(uuid4())))]
        outcomes = at_once(lambda _, lines=lines: take(store, *lines)[0].state)  # type: ignore[misc]
        assert sorted(outcomes) == ["known"] * (WRITERS - 1) + ["stored"]
    assert len(written(store)) == 4


def test_an_id_of_another_experience_type_is_refused(store: Store) -> None:
    strange = record() | {"experience_type": "csv_reports"}
    _, outcome = take(store, line(record()), line(strange))
    assert (outcome.line, outcome.state) == (2, "refused")
    assert ID in outcome.why
    assert [each["experience_type"] for each in written(store)] == ["ccm_reports"]


@pytest.mark.parametrize(
    ("given_line", "told"),
    [
        (b"{", "$: is not JSON"),
        (b"[]", "$: Invalid input type."),
        (b"\xff", "$: is not UTF-8"),
        (b"1" * (LONGEST_LINE + 1), "$: is over"),
        (line(record() | {"experience_type": "x"}), "$.experience_type: Must be one of"),
        (line({"data": record()["data"]}), "$.experience_type: is missing"),
        (line(record({"type": "change"})), "$.data.attributes.definition.title: is missing"),
        (line(record({"title": "T", "type": "geomap", "requests": []})),
         "$.data.attributes.definition.style: is missing: a geomap needs it"),
        (line(record(id="1")), "$.data.id: is not a UUID"),
        (line(record(type="widget")), "$.data.type: "),
        (line(record(attributes=record()["data"]["attributes"] | {"created_at": "2024-01-15"})),
         "$.data.attributes.created_at: "),
        (line(record(attributes=record()["data"]["attributes"]
                     | {"created_at": "0001-01-01T00:00:00+05:00"})),
         "$.data.attributes.created_at: "),
        (line(record() | {"included": [{"id": "1", "attributes": {"handle": "a\nb"}}]}),
         "$.included[0].attributes.handle: must be printable"),
    ],
)  # fmt: skip
def test_a_record_that_is_wrong_is_refused_and_the_others_go_on(
    store: Store, given_line: bytes, told: str
) -> None:
    refused, stored = take(store, given_line, b"\n", line(record()))
    assert (refused.line, refused.state) == (1, "refused")
    assert refused.why.startswith(told) or f"; {told}" in refused.why
    assert (stored.line, stored.state) == (3, "stored")


@pytest.fixture
def one_store(sqlite_url: str) -> Iterator[Store]:
    opened = Store(sqlite_url)
    yield opened
    opened.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLACES: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: record() | {"experience_type": value},
    lambda value: record() | {"included": value},
    lambda value: record() | {"data": value},
    lambda value: record(id=value),
    lambda value: record(attributes=value),
    lambda value: record(relationships=value),
    record,
    lambda value: record(attributes=record()["data"]["attributes"] | {"created_at": value}),
]


@given(place=st.sampled_from(PLACES), value=JSON)
@example(place=PLACES[6], value={"created_by": {"data": {"id": "1"}}, "modified_by": None})
@on_one_fixture
def test_any_record_has_one_outcome(
    one_store: Store, place: Callable[[Any], Any], value: Any
) -> None:
    (outcome,) = take(one_store, json.dumps(place(value)).encode())
    assert outcome.state in ("stored", "known", "refused")
    assert bool(outcome.why) == (outcome.state == "refused")


@given(st.lists(st.binary(max_size=40).map(lambda each: each.replace(b"\n", b""))))
def test_a_file_is_read_line_by_line(parts: list[bytes]) -> None:
    read = list(lines_of(io.BytesIO(b"\n".join(parts))))
    *all_but_last, last = parts or [b""]
    assert read == [each + b"\n" for each in all_but_last] + ([last] if last else [])


def test_what_the_api_has_ever_taken_is_exported_in_a_line_that_can_be_imported(
    elsewhere: Store, sqlite_url: str
) -> None:
    # Of all that a body could hold before its elements were bounded, these grow most.
    definition = {**DEFINITION, "requests": [1e15] * 209_000}
    with application(database_url=sqlite_url) as app:
        library = library_of(app)
        caller = library.tokens.caller(token_of(library))
        draft = SavedWidgetDraft(definition, ())
        SavedWidgets(library.store).create(caller, "ccm_reports", draft)
        lines = io.BytesIO(b"".join(TRANSFER.exported(library.store)))
    assert [outcome.state for outcome in take(elsewhere, *lines_of(lines))] == ["stored"]


def test_a_line_that_is_too_long_is_cut_and_the_next_is_whole() -> None:
    file = io.BytesIO(b"x" * (3 * LONGEST_LINE) + b"\nnext\n" + b"y" * (LONGEST_LINE + 2))
    first, second, third = lines_of(file)
    assert (len(first), second, len(third)) == (LONGEST_LINE + 1, b"next\n", LONGEST_LINE + 1)


def test_memory_does_not_grow_with_the_number_of_widgets(one_store: Store) -> None:
    big = {**DEFINITION, "requests": ["x" * 20_000]}

    def peak(count: int) -> int:
        lines = (line(record(big, id=str(uuid4()))) for _ in range(count))
        tracemalloc.start()
        assert sum(1 for _ in TRANSFER.imported(one_store, OWNER, lines)) == count
        assert sum(1 for _ in TRANSFER.exported(one_store)) >= count
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(60)
    few, many = peak(60), peak(240)
    assert many < few * 1.5


@pytest.mark.corpora
def test_real_definitions_are_stored_or_refused_by_a_rule(store: Store) -> None:
    given_ = [json.loads(file.read_bytes()) for file in real_payloads("datadog/widget_definitions")]
    lines = [line(record(each, id=str(uuid4()))) for each in given_]
    for definition, outcome in zip(given_, take(store, *lines), strict=True):
        whole = 1 <= len(definition.get("title") or "") <= 100
        stored = whole and definition.get("type") in WIDGET_TYPES
        assert (outcome.state == "stored") == stored
        assert stored or "$.data.attributes.definition" in outcome.why
    kept = {json.dumps(each["data"]["attributes"]["definition"]) for each in written(store)}
    assert len(kept) > 80
    assert kept <= {json.dumps(each) for each in given_}
