"""SQLite's index and the kept counts: they tell what the tables hold, whoever wrote them."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given, strategies as st
from sqlalchemy import Connection

from app.database.queries import querying
from app.database.store import Store
from app.library.core import sqlite_index
from app.library.core.callers import Caller, Person
from app.library.core.kept_counts import LONGEST
from app.library.core.models import CustomWidgetRow, SavedWidgetRow, UserRow
from app.library.core.sqlite_index import LONGEST_VALUE, Candidates, few, titled, valued
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.spaceone.records import CustomWidgetChange, CustomWidgetDraft
from app.library.spaceone.store import CustomWidgets
from tests.databases import migrated

PERSON = Person(UUID(int=1), "alice@example.com", "Alice")
CALLER = Caller(PERSON, frozenset(), frozenset({"d1", "d2"}), "jti")
AT = datetime(2026, 1, 2, tzinfo=UTC)
TITLES = ["Cost", "cost of Größe", "İstanbul", "é", "ab", "", '"quoted" title', "AND OR NOT"]
TAGS = [[], ["a"], ["a", "b", "a"], ["", " x"], ["x" * LONGEST_VALUE + end for end in "yz"]]
LABELS = [None, [], ["a", 1, None, ["a"], {"a": "b"}], ["b", "b"], ["x" * 300]]
NAMED = [None, {}, {"team": "a"}, {"team": ["a", "b", 3], "0": "z"}, {"t.m": {"a": "b"}, "n": 1}]

Row = tuple[str | None, ...]
Index = tuple[list[Row], list[Row]]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A library whose index and counts the triggers alone have written."""
    with closing(migrated(database_url)) as made:
        with made.writing() as session:
            person = {"handle": PERSON.handle, "name": PERSON.name, "created_at": AT}
            session.add(UserRow(id=PERSON.id, **person))
        yield made


@pytest.fixture(scope="module")
def bare(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A library without widgets, whose index the tests write; each begins by emptying it."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("index") / "library.db")
    with closing(migrated(f"sqlite:///{file}")) as made:
        yield made


def index_of(connection: Connection) -> Index:
    """Read the whole index; fails where the trigrams are not those of the titles."""
    say = connection.exec_driver_sql
    say("INSERT INTO searched_trigrams (searched_trigrams, rank) VALUES ('integrity-check', 1)")
    titles = say("SELECT widget_id, scope, owner, title FROM searched_titles ORDER BY 1").all()
    values = say("SELECT * FROM searched_values ORDER BY 1, 2, 3, 4").all()
    return [tuple(row) for row in titles], [tuple(row) for row in values]


def expected(connection: Connection) -> Index:
    """Say what the index of the tables is, without SQL."""
    saved = [row._mapping for row in connection.execute(SavedWidgetRow.__table__.select())]
    custom = [row._mapping for row in connection.execute(CustomWidgetRow.__table__.select())]
    found = [row for row in saved if row["deleted_at"] is None]
    titles: list[Row] = [
        (row["id"].hex, row["experience_type"], row["created_by_id"].hex, row["title_folded"])
        for row in found
    ]
    titles += [(row["id"], row["domain_id"], None, row["title_folded"]) for row in custom]
    values = {
        (row["experience_type"], "tags", tag, row["id"].hex, row["created_by_id"].hex)
        for row in found
        for tag in row["tags"]
    }
    for row in custom:
        named = [("labels", row["labels"] or [])]
        for name, value in (row["tags"] or {}).items():
            named.append((f"tags.{name}", value if isinstance(value, list) else [value]))
        for key, texts in named:
            values |= {
                (row["domain_id"], key, each, row["id"], None)
                for each in texts
                if isinstance(each, str)
            }
    cut = {(scope, key, text[:LONGEST_VALUE], *rest) for scope, key, text, *rest in values}
    return sorted(titles), sorted(cut)


def counts_of(connection: Connection) -> dict[Row, int]:
    """Read all counts."""
    totals = (
        "SELECT scope, key, value, owner, sum(widgets) FROM searched_counts GROUP BY 1, 2, 3, 4"
    )
    return {tuple(row): count for *row, count in connection.exec_driver_sql(totals) if count}


def expected_counts(index: Index) -> dict[Row, int]:
    """Say what the counts of an index are."""
    facts: list[Row] = [
        (scope, "saved_widgets" if owner else "custom_widgets", "", owner)
        for _, scope, owner, _ in index[0]
    ]
    facts += [
        (scope, key, value, owner)
        for scope, key, value, _, owner in index[1]
        if len(key or "") <= LONGEST and len(value or "") <= LONGEST
    ]
    return Counter(
        (*fact, whose) for *fact, owner in facts for whose in ("", owner) if whose is not None
    )


class Writer:
    """Writes at random, by all ways there are, and by some that there are not."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.random = random.Random(seed)
        self.saved = SavedWidgets(store)
        self.custom = CustomWidgets(store)
        self.saved_ids: list[UUID] = []
        self.custom_ids: list[str] = []

    def write(self) -> None:
        writes: list[Callable[[], None]] = [self.add_saved, self.add_custom]
        if self.saved_ids:
            writes += [self.replace, self.delete, self.move_saved, self.revive]
        if self.custom_ids:
            writes += [self.update, self.remove, self.move_custom]
        self.random.choice(writes)()

    def draft(self) -> SavedWidgetDraft:
        title = self.random.choice(TITLES)
        definition = {"title": title, "type": "change", "requests": []}
        return SavedWidgetDraft(definition, tuple(self.random.choice(TAGS)))

    def documents(self) -> dict[str, Any]:
        return {"labels": self.random.choice(LABELS), "tags": self.random.choice(NAMED)}

    def add_saved(self) -> None:
        self.saved_ids.append(self.saved.create(CALLER, "csv_reports", self.draft()).id)

    def replace(self) -> None:
        self.saved.replace(CALLER, "csv_reports", self.random.choice(self.saved_ids), self.draft())

    def delete(self) -> None:
        gone = self.saved_ids.pop(self.random.randrange(len(self.saved_ids)))
        self.saved.delete(CALLER, "csv_reports", gone)

    def revive(self) -> None:
        self.say("UPDATE saved_widgets SET deleted_at = NULL, experience_type = 'csv_reports'")
        self.say("DELETE FROM saved_widgets WHERE title = 'é'")
        with self.store.reading() as session:
            self.saved_ids = list(session.scalars(SavedWidgetRow.__table__.select()))

    def move_saved(self) -> None:
        old = self.saved_ids.pop(self.random.randrange(len(self.saved_ids)))
        moved = "UPDATE saved_widgets SET experience_type = 'logs_reports'"
        self.say(f"{moved} WHERE id = '{old.hex}'")

    def add_custom(self) -> None:
        domain, title = self.random.choice(["d1", "d2"]), self.random.choice(TITLES)
        draft = CustomWidgetDraft(domain, "w", title, "v1", self.documents())
        self.custom_ids.append(self.custom.create(CALLER, draft).id)

    def update(self) -> None:
        change = CustomWidgetChange(self.random.choice([None, *TITLES]), self.documents())
        chosen = self.random.choice(self.custom_ids)
        self.custom.update(CALLER, self.domain_of(chosen), chosen, change)

    def remove(self) -> None:
        gone = self.custom_ids.pop(self.random.randrange(len(self.custom_ids)))
        self.custom.delete(CALLER, self.domain_of(gone), gone)

    def move_custom(self) -> None:
        old = self.custom_ids.pop(self.random.randrange(len(self.custom_ids)))
        self.custom_ids.append(f"custom-widget-{uuid4().hex[:12]}")
        self.say(
            f"UPDATE custom_widgets SET id = '{self.custom_ids[-1]}', domain_id = 'd2' "
            f"WHERE id = '{old}'"
        )

    def domain_of(self, widget_id: str) -> str:
        with self.store.reading() as session:
            return session.get_one(CustomWidgetRow, widget_id).domain_id

    def say(self, statement: str) -> None:
        with self.store.writing() as session:
            session.connection().exec_driver_sql(statement)


@pytest.mark.parametrize("seed", range(3))
def test_index_and_counts_are_in_step_after_any_writes(store: Store, seed: int) -> None:
    writer, kinds = Writer(store, seed), set[str | None]()
    for _ in range(8):
        for _ in range(12):
            writer.write()
        with store.writing() as session:
            connection = session.connection()
            titles, values = index = expected(connection)
            assert counts_of(connection) == expected_counts(index)
            assert store.dialect != "sqlite" or index_of(connection) == index
            kinds |= {key for _, key, *_ in values}
    # Of each kind there was something, at one time or another.
    assert titles
    assert kinds >= {"tags", "labels", "tags.team"}


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
FOLDED = st.text(CHARACTERS | st.sampled_from("ab \"*%_'é"), max_size=30).map(str.casefold)


def found(store: Store, candidates: Candidates) -> set[str]:
    with store.reading() as session:
        return set(session.scalars(candidates))


@given(st.data(), st.lists(FOLDED, min_size=1, max_size=5))
@example(None, ['say "and" or', "and", '"""', "\x01\x02\x03\x04"])
def test_every_part_of_every_title_finds_it(
    bare: Store, data: st.DataObject | None, titles: list[str]
) -> None:
    with bare.writing() as session:
        say = session.connection().exec_driver_sql
        say("DELETE FROM searched_titles")
        for number, title in enumerate(titles):
            add = "INSERT INTO searched_titles (widget_id, scope, title) VALUES (?, 's', ?)"
            say(add, (number, title))
    parts = [part for title in titles for part in (title, title[1:4], title[-2:])]
    if data is not None:
        parts.append(data.draw(FOLDED))
    for part in parts:
        with_part = {str(number) for number, title in enumerate(titles) if part in title}
        assert found(bare, titled("s", [part])) == with_part
    whole = {str(number) for number, title in enumerate(titles) if any(p in title for p in parts)}
    assert found(bare, titled("s", parts)) == whole


def test_few_are_the_fewest_and_no_more_than_are_wanted(bare: Store) -> None:
    with bare.writing() as session:
        say = session.connection().exec_driver_sql
        say("DELETE FROM searched_values")
        for number in range(5):
            say(f"INSERT INTO searched_values VALUES ('s', 'k', 'all', '{number}', NULL)")
        say("INSERT INTO searched_values VALUES ('s', 'k', 'one', '3', NULL)")
        say("INSERT INTO searched_values VALUES ('t', 'k', 'one', '9', NULL)")
    of_all, of_one = valued("s", "k", ["all"]), valued("s", "k", ["one"])
    assert found(bare, valued("s", "k", ["one", "all"])) == {"0", "1", "2", "3", "4"}
    with bare.reading() as session, querying(session) as query:
        assert few(query, []) is None
        assert few(query, [of_all]) == '["0","1","2","3","4"]'
        with patch.object(sqlite_index, "ENOUGH", 0):
            assert few(query, [of_all, of_one]) == few(query, [of_one, of_all]) == '["3"]'
        with patch.object(sqlite_index, "MOST", 4):
            assert few(query, [of_all]) is None
            assert few(query, [of_all, of_one]) == '["3"]'
        assert few(query, [valued("s", "k", ["none"])]) == "[]"
