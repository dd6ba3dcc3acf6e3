"""The store: transactions, writers that queue, and what is kept exactly."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from app.database.columns import folded, to_milliseconds
from app.database.store import Store
from app.errors import StoreUnavailable
from app.library.core.models import (
    CustomWidgetRow,
    DashboardRow,
    DashboardWidgetRow,
    FavoriteRow,
    SavedWidgetRow,
    UserRow,
)
from app.library.core.users import upsert_user
from tests.profiles import on_one_fixture

NOW = datetime(2026, 11, 21, 12, 0, 0, 123000, UTC)
# What bodies may hold: app/library/http/body.py refuses the rest.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def a_user(store: Store, handle: str = "alice@example.com") -> UUID:
    with store.writing() as session:
        return upsert_user(session, handle, "Alice", NOW).id


def a_custom_widget(**changes: Any) -> CustomWidgetRow:
    values = {
        "id": f"custom-widget-{uuid4().hex[:12]}",
        "domain_id": "domain-1",
        "widget_name": "name",
        "title": "Title",
        "version": "v1",
        "document": {"options": {}},
        "user_id": "alice@example.com",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return CustomWidgetRow(**(values | changes))


def a_dashboard(user: UUID, **changes: Any) -> DashboardRow:
    values = {
        "id": uuid4(), "collection": "Fabrikam", "project": "Straße", "team": "Team",
        "name": "Overview", "rank": 1, "etag": 1, "created_at": NOW, "modified_at": NOW,
        "created_by_id": user, "modified_by_id": user,
    }  # fmt: skip
    return DashboardRow(**(values | changes))


def names(store: Store) -> list[str]:
    with store.reading() as session:
        return list(session.scalars(select(UserRow.handle).order_by(UserRow.handle)))


def test_work_is_committed_as_one_or_not_at_all(store: Store) -> None:
    a_user(store, "first")
    with suppress(RuntimeError), store.writing() as session:
        upsert_user(session, "second", "B", NOW)
        raise RuntimeError
    assert names(store) == ["first"]


def test_what_a_reader_writes_is_rolled_back(store: Store) -> None:
    with store.reading() as session:
        upsert_user(session, "nobody", "N", NOW)
    assert names(store) == []


def test_a_user_is_kept_once_with_the_latest_name(store: Store) -> None:
    first = a_user(store)
    with store.writing() as session:
        again = upsert_user(session, "alice@example.com", "Alice B.", NOW)
    with store.reading() as session:
        row = session.scalars(select(UserRow)).one()
    assert (again.id, row.id, row.name) == (first, first, "Alice B.")


def test_concurrent_writers_queue_and_none_is_lost(store: Store) -> None:
    user = a_user(store)
    with store.writing() as session:
        session.add(dashboard := a_dashboard(user))
        key = dashboard.id

    def add_one(_: int) -> None:
        with store.writing() as session:
            # Read before the write: what fails on SQLite where the transaction began as a reader's.
            etag = session.scalars(
                select(DashboardRow.etag).where(DashboardRow.id == key).with_for_update()
            ).one()
            session.execute(
                update(DashboardRow).where(DashboardRow.id == key).values(etag=etag + 1)
            )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add_one, range(200)))
    with store.reading() as session:
        assert session.get_one(DashboardRow, key).etag == 201


def test_of_concurrent_writers_with_one_version_exactly_one_wins(store: Store) -> None:
    user = a_user(store)
    with store.writing() as session:
        session.add(dashboard := a_dashboard(user))
        key = dashboard.id

    def move(_: int) -> int:
        with store.writing() as session:
            moved = session.execute(
                update(DashboardRow)
                .where(DashboardRow.id == key, DashboardRow.etag == 1)
                .values(etag=DashboardRow.etag + 1)
                .returning(DashboardRow.etag)
            )
            return len(moved.all())

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(move, range(16))) == 1


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.writing() as writer:
        upsert_user(writer, "unseen", "U", NOW)
        assert names(store) == []
    assert names(store) == ["unseen"]


def test_a_writer_of_sqlite_who_waits_too_long_is_told_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.connections._OF_SQLITE", ("PRAGMA busy_timeout=20",))
    store = Store(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
        a_user(store)
    other.close()
    store.close()


def test_a_thread_that_waits_too_long_for_another_one_s_write_is_told_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(sqlite_url)
    a_user(store)
    monkeypatch.setattr("app.database.store.PATIENCE", 0.02)
    with store.writing(), ThreadPoolExecutor(1) as pool:
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            pool.submit(a_user, store).result()
        assert pool.submit(names, store).result() == ["alice@example.com"]
    a_user(store, "bob@example.com")
    store.close()


def test_an_unknown_user_is_refused_by_the_database(store: Store) -> None:
    with pytest.raises(IntegrityError) as caught, store.writing() as session:
        session.add(a_dashboard(uuid4(), name="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_a_dashboard_takes_its_widgets_with_it(store: Store) -> None:
    user = a_user(store)
    with store.writing() as session:
        dashboard = a_dashboard(user)
        session.add(dashboard)
        session.flush()
        session.add(
            DashboardWidgetRow(
                id=uuid4(), dashboard_id=dashboard.id, name="W", contribution_id="a.b.c", rank=1,
                etag=1, settings='{"a":\t1}', settings_version={"minor": 1, "major": 2},
                created_at=NOW, modified_at=NOW, created_by_id=user, modified_by_id=user,
            )
        )  # fmt: skip
    with store.reading() as session:
        widget = session.scalars(select(DashboardWidgetRow)).one()
        assert widget.settings == '{"a":\t1}'
        assert list(widget.settings_version or {}) == ["minor", "major"]
    with store.writing() as session:
        session.delete(session.get_one(DashboardRow, dashboard.id))
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(DashboardWidgetRow)) == 0


def test_scopes_are_compared_without_regard_to_case(store: Store) -> None:
    user = a_user(store)
    with store.writing() as session:
        session.add(a_dashboard(user))
    with store.reading() as session:
        found = session.scalars(
            select(DashboardRow).where(DashboardRow.project_folded == folded("STRASSE"))
        ).one()
    assert found.project == "Straße"


@given(options=DOCUMENTS, tags=DOCUMENTS)
@on_one_fixture
def test_a_document_comes_back_as_it_was_given(
    store: Store, options: dict[str, Any], tags: dict[str, Any]
) -> None:
    row = a_custom_widget(document={"tags": tags, "options": options})
    with store.writing() as session:
        session.add(row)
    with store.reading() as session:
        back = session.get_one(CustomWidgetRow, row.id)
        assert repr(back.document) == repr({"tags": tags, "options": options})
        # The column for queries may lose the last digits of a number, and the keys' order.
        assert back.options.keys() == options.keys()
        assert back.settings is None


def test_titles_sort_by_code_points_on_every_database(store: Store) -> None:
    titles = ["a", "B", "b", "A", "Z", "é", "z", "_", "😀", "\uffee", " "]
    with store.writing() as session:
        session.add_all(a_custom_widget(title=title) for title in titles)
    with store.reading() as session:
        found = list(session.scalars(select(CustomWidgetRow.title).order_by("title")))
    assert found == sorted(titles)


@pytest.mark.parametrize("part", ["STRASSE", "ß", "ÉCO", "100%", "_x"])
def test_a_folded_title_is_searched_in_any_case(store: Store, part: str) -> None:
    with store.writing() as session:
        session.add(a_custom_widget(title="Straße école 100%_X"))
        session.add(a_custom_widget(title="Strase ecole 1000 yx"))
    with store.reading() as session:
        asked = CustomWidgetRow.title_folded.contains(folded(part), autoescape=True)
        found = list(session.scalars(select(CustomWidgetRow.title).where(asked)))
    assert found == ["Straße école 100%_X"]


@given(
    moment=st.datetimes(
        datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    )
)
@on_one_fixture
def test_a_moment_is_kept_in_utc_to_the_millisecond(store: Store, moment: datetime) -> None:
    row = a_custom_widget(created_at=moment)
    with store.writing() as session:
        session.add(row)
    with store.reading() as session:
        back = session.get_one(CustomWidgetRow, row.id).created_at
    assert back == to_milliseconds(moment)
    assert back.utcoffset() == timedelta(0)


def test_a_moment_without_an_offset_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="without an offset"), store.writing() as session:
        session.add(a_custom_widget(created_at=NOW.replace(tzinfo=None)))


def test_favorites_go_with_their_widget(store: Store) -> None:
    user = a_user(store)
    widget = SavedWidgetRow(
        id=uuid4(), experience_type="ccm_reports", title="T", widget_type="change",
        definition={}, tags=[], created_at=NOW, modified_at=NOW, created_by_id=user,
        modified_by_id=user,
    )  # fmt: skip
    with store.writing() as session:
        session.add(widget)
        session.flush()
        session.add(FavoriteRow(user_id=user, widget_id=widget.id, created_at=NOW))
    with store.writing() as session:
        session.delete(session.get_one(SavedWidgetRow, widget.id))
    with store.reading() as session:
        assert session.scalars(select(FavoriteRow)).all() == []


@pytest.mark.parametrize(
    ("table", "search", "index"),
    [
        (
            "saved_widgets",
            "experience_type = 'a' AND deleted_at IS NULL ORDER BY title, id",
            "title",
        ),
        ("custom_widgets", "domain_id = 'a' ORDER BY created_at, id", "created_at"),
        ("dashboard_widgets", "dashboard_id = '{uuid}' ORDER BY rank, id", "rank"),
    ],
)
def test_searches_find_their_index(own_store: Store, table: str, search: str, index: str) -> None:
    # What PostgreSQL chooses follows from what it counted of earlier rows: here there are none.
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[own_store.dialect]
    statement = f"{explain} SELECT * FROM {table} WHERE {search.format(uuid=uuid4())}"
    with own_store.reading() as session:
        connection = session.connection()
        if own_store.dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(statement))
    assert f"ix_{table}_{index}" in plan
    assert "sort" not in plan.lower()
    assert "temp b-tree" not in plan.lower()


def test_sqlite_counts_titles_from_an_index_alone(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    statement = f"""EXPLAIN QUERY PLAN
        SELECT count(*), count(*) FILTER (WHERE created_by_id = '{uuid4().hex}')
        FROM saved_widgets WHERE experience_type = 'a' AND deleted_at IS NULL
            AND title_folded LIKE '%a%'"""
    with store.reading() as session:
        plan = "\n".join(str(row) for row in session.connection().exec_driver_sql(statement))
    store.close()
    assert "USING COVERING INDEX ix_saved_widgets_folded" in plan


@pytest.mark.parametrize("folds", [str.upper, str.lower])
def test_sqlite_folds_as_python_does(sqlite_url: str, folds: Callable[[str], str]) -> None:
    store = Store(sqlite_url)
    with store.reading() as session:
        connection = session.connection()
        assert connection.exec_driver_sql("SELECT fold(?)", (folds("ÄÉß"),)).scalar_one() == "äéss"
        assert connection.exec_driver_sql("SELECT fold(NULL), fold(2)").one() == (None, 2)
    store.close()


def test_who_reads_sees_one_moment(store: Store) -> None:
    count = select(func.count()).select_from(CustomWidgetRow)
    with store.reading() as session:
        before = session.scalar(count)
        with store.writing() as writer:
            writer.add(a_custom_widget())
        assert (before, session.scalar(count)) == (0, 0)
    with store.reading() as session:
        assert session.scalar(count) == 1
