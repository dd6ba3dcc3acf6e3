"""Queries: all their statements have one time together, and their rows come a few at a time."""

import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from app.database.connections import MOST_OF_SQLITE
from app.database.queries import AT_ONCE, Query, QueryTooSlow, querying
from app.database.store import Store
from app.errors import StoreUnavailable
from tests.clock import Clock

NUMBERS = text(
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 95) SELECT x FROM n"
)
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    " SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Store]:
    made = Store(sqlite_url)
    yield made
    made.close()


def test_rows_are_all_there_in_their_order(store: Store) -> None:
    with store.reading() as session, querying(session) as query:
        assert [x for (x,) in query.rows(NUMBERS)] == [*range(1, 96)]
        assert query.scalar(text("SELECT 7")) == 7
        assert tuple(query.one(text("SELECT 7, 8"))) == (7, 8)


def test_rows_that_are_not_read_are_left(store: Store) -> None:
    with store.reading() as session, querying(session) as query:
        assert next(query.rows(NUMBERS)) == (1,)
        assert next(query.rows(NUMBERS)) == (1,)
    with store.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_what_takes_too_long_is_stopped_and_the_next_has_its_time(store: Store) -> None:
    for _ in range(2):
        with (
            pytest.raises(QueryTooSlow),
            store.reading() as session,
            querying(session, 0.1) as query,
        ):
            query.scalar(text(ENDLESS[store.dialect]))
    with store.reading() as session, querying(session, 10) as query:
        assert query.scalar(text("SELECT 1")) == 1


def test_time_is_that_of_all_statements_and_not_of_what_is_done_between(on_sqlite: Store) -> None:
    clock = Clock()

    def take_a_second() -> None:
        clock.now += 1

    with on_sqlite.reading() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        connection.create_function(
            "takes_a_second", 0, lambda: setattr(clock, "now", clock.now + 1)
        )
        query = Query(session, 2, clock)
        rows = query.rows(NUMBERS)
        for _ in range(AT_ONCE * 3):
            next(rows)
            clock.now += 100
        query.scalar(text("SELECT takes_a_second()"))
        query.scalar(text("SELECT takes_a_second()"))
        with pytest.raises(QueryTooSlow):
            query.scalar(text("SELECT 1"))
        query.close()


def test_value_of_sqlite_is_no_longer_than_the_query_lets_it(on_sqlite: Store) -> None:
    long = text("SELECT length(CAST(zeroblob(2000) AS TEXT) || 'x')")
    with (
        pytest.raises((DataError, OperationalError), match="too big"),
        on_sqlite.reading() as session,
        querying(session, longest=1000) as query,
    ):
        query.scalar(long)
    with on_sqlite.reading() as session, querying(session) as query:
        assert query.scalar(text("SELECT length(zeroblob(2000))")) == 2000


def test_sqlite_takes_no_more_memory_than_it_may(on_sqlite: Store) -> None:
    copies = MOST_OF_SQLITE // 1_000_000 + 1
    grown = text(
        f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {copies})"
        " SELECT json_group_array(hex(zeroblob(500000))) FROM n"
    )
    with pytest.raises(StoreUnavailable), on_sqlite.reading() as session:
        session.execute(grown)
    with on_sqlite.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1
    assert sqlite3.sqlite_version_info >= (3, 31)  # hard_heap_limit
