"""The tables and their versions: what a service finds, makes and refuses."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, inspect
from structlog.testing import capture_logs

from app.database.base import Base
from app.database.migrations import EARLIEST, head, upgrade
from app.database.store import Store
from app.errors import ConfigurationError, StoreUnavailable
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.names import PlaceNames
from app.library.azure_devops.records import TeamContext
from app.library.core.tokens import TokenStore
from app.library.wiring import SCOPES
from tests.app.library.core.test_sqlite_index import (
    Index,
    counts_of,
    expected,
    expected_counts,
    index_of,
)
from tests.app.library.core.test_tokens import GRANT
from tests.bench.library_rows import load
from tests.databases import Server
from tests.host import JWT_SECRET


@pytest.fixture
def store(own_store: Store) -> Store:
    """What is changed here is more than rows."""
    return own_store


def test_the_migrations_make_what_the_models_say(store: Store) -> None:
    def wanted(item: Any, name: str, kind: str, *__: Any) -> bool:
        # Of SQLite's index no model says anything: test_sqlite_index.py does.
        if kind == "table":
            return not name.startswith("searched_")
        return kind != "index" or item.info.get("only") in (None, store.dialect)

    options = {"compare_type": True, "compare_server_default": True, "include_object": wanted}
    with store.reading() as session:
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_a_difference_would_be_found(store: Store) -> None:
    with store.writing() as session:
        session.connection().exec_driver_sql("DROP INDEX ix_custom_widgets_title")
    with store.reading() as session:
        context = MigrationContext.configure(session.connection())
        found = [change[0] for change in compare_metadata(context, Base.metadata)]
    assert "add_index" in found


def test_collations_and_partial_indexes_are_those_of_the_models(store: Store) -> None:
    with store.reading() as session:
        seen = inspect(session.connection())
        title = next(c for c in seen.get_columns("saved_widgets") if c["name"] == "title")
        indexes = {index["name"]: index for index in seen.get_indexes("saved_widgets")}
    assert getattr(title["type"], "collation", None) == (
        "C" if store.dialect == "postgresql" else None
    )
    where = indexes["ix_saved_widgets_title"]["dialect_options"][f"{store.dialect}_where"]
    assert "deleted_at IS NULL" in str(where)
    assert ("ix_saved_widgets_title_folded" in indexes) == (store.dialect == "postgresql")


def test_a_second_migration_changes_nothing(store: Store) -> None:
    assert store.migrate() == (head(), head())


def test_a_table_that_is_rebuilt_keeps_what_refers_to_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = TokenStore(store, [JWT_SECRET], SCOPES)
    text = tokens.create(GRANT).text

    def rebuild(connection: Connection) -> None:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("users", recreate="auto") as batch:
            batch.alter_column("name", nullable=True)

    monkeypatch.setattr("app.database.store.upgrade", rebuild)
    store.migrate()
    assert tokens.caller(text).subject == GRANT.subject
    if store.dialect == "sqlite":
        with store.reading() as session:
            kept = session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar_one()
            strays = session.connection().exec_driver_sql("PRAGMA foreign_key_check").all()
        assert (kept, strays) == (1, [])


AT = "2026-01-02 03:04:05.678000"
PLACES = [  # as the first step read them, and as they are read now
    (("tfs", "DefaultCollection", "Fabrikam"), ("tfs/DefaultCollection", "Fabrikam", "")),
    (("tfs", "Fabrikam", ""), ("tfs", "Fabrikam", "")),
    (("TFS", "C", "P"), ("TFS/C", "P", "")),
    (("tfs/d", "p", "t"), ("tfs/d", "p", "t")),
    (("c", "Straße", "Team"), ("c", "Straße", "Team")),
    (("c", "f4f45740-d648-5c46-97c4-2d8f32e18db4", "Team"),) * 2,
]


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, once on each kind."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    server: Server = request.getfixturevalue("postgresql_server")
    with server.database("template0") as url:
        yield url


def add_rows_of_the_first_step(connection: Connection) -> None:
    add = connection.exec_driver_sql
    user = "0" * 32
    add(f"INSERT INTO users VALUES ('{user}', 'a@example.com', 'Alice', '{AT}')")
    add(f"INSERT INTO tokens VALUES ('j', '{user}', '[\"s\"]', '[]', '{AT}', '{AT}', NULL)")
    for number, (names, _) in enumerate(PLACES, 1):
        values = ", ".join(f"'{name}', '{name.casefold()}'" for name in names)
        add(
            f"INSERT INTO dashboards VALUES ('{number:032}', {values}, 'n', NULL, 1, NULL, 1, "
            f"'{AT}', '{user}', '{AT}', '{user}')"
        )


def test_the_rows_of_the_first_step_are_kept(empty_url: str) -> None:
    with closing(Store(empty_url)) as store:
        check_rows_of_the_first_step(store)


def check_rows_of_the_first_step(store: Store) -> None:
    with store._engine.begin() as connection:
        upgrade(connection, "0001")
        add_rows_of_the_first_step(connection)
    assert store.migrate() == ("0001", head())
    (token,) = TokenStore(store, [JWT_SECRET], SCOPES).listed()
    assert (token.scopes, token.places, token.experiences) == (("s",), (), ())
    names = PlaceNames(store)
    for number, (_, place) in enumerate(PLACES, 1):
        context = TeamContext(*place)
        listed = [board.id.int for board in Dashboards(store).listed(context)]
        assert int(f"{number:032}", 16) in listed
        assert names.named(replace(context, project=str(context.project_id))) == context
        if context.team:
            assert names.named(replace(context, team=str(context.team_id))) == context


def schema_of(store: Store) -> list[Any]:
    """Return all that the tables are made of."""
    with store._engine.connect() as connection:
        if store.dialect == "sqlite":
            return sorted(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all())
        indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
        columns = "SELECT * FROM information_schema.columns WHERE table_schema = 'public'"
        functions = "SELECT proname, prosrc FROM pg_proc JOIN pg_language l ON l.oid = prolang"
        said = (
            indexes,
            columns,
            f"{functions} WHERE lanname IN ('sql', 'plpgsql')",
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        )
        return [sorted(map(str, connection.exec_driver_sql(each))) for each in said]


def test_the_index_of_old_rows_is_that_of_new_ones_and_the_tables_can_go_back(
    empty_url: str,
) -> None:
    with closing(Store(empty_url)) as store:
        check_the_way_back(store)


def check_the_way_back(store: Store) -> None:
    with store._engine.begin() as connection:
        upgrade(connection, EARLIEST)
    before = schema_of(store)
    store.migrate()
    load([store], 200)
    with store.writing() as session:
        session.connection().exec_driver_sql(
            "UPDATE saved_widgets SET deleted_at = created_at WHERE title LIKE '%%7'"
        )
    now, index = schema_of(store), index_in(store)
    assert store.migrate_back(EARLIEST) == (head(), EARLIEST)
    assert schema_of(store) == before
    assert store.migrate() == (EARLIEST, head())
    assert (schema_of(store), index_in(store)) == (now, index)


def index_in(store: Store) -> Index:
    """Return what the index of the tables has to be, and compare it and the counts with that."""
    with store.writing() as session:
        index = expected(session.connection())
        assert counts_of(session.connection()) == expected_counts(index)
        assert store.dialect != "sqlite" or index_of(session.connection()) == index
    assert (len(index[0]), len(index[1])) == (380, 180 * 2 + 200 * 4)
    return index


def test_a_step_that_fails_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE favorites")
        raise RuntimeError

    monkeypatch.setattr("app.database.store.upgrade", fail)
    with pytest.raises(RuntimeError):
        store.migrate()
    with store.reading() as session:
        assert inspect(session.connection()).has_table("favorites")


def test_sqlite_is_brought_up_to_date_at_the_start_by_one_of_many(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"

    def start(_: int) -> bool:
        store = Store(url)
        store.prepare()
        with store.reading() as session:
            mode = session.connection().exec_driver_sql("PRAGMA journal_mode").scalar_one()
        store.close()
        return bool(mode == "wal")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(start, range(8)))


def test_a_new_file_of_sqlite_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    store = Store(f"sqlite:///{file}")
    store.prepare()
    with store.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM users")
        assert {oct(part.stat().st_mode)[-3:] for part in tmp_path.iterdir()} == {"600"}
    store.close()


def test_postgresql_that_is_behind_is_refused_with_the_command_that_helps(
    postgresql_server: Server,
) -> None:
    with postgresql_server.database("template0") as url:
        store = Store(url)
        with pytest.raises(ConfigurationError, match="placard library migrate"):
            store.prepare()
        assert store.migrate() == (None, head())
        store.prepare()
        store.close()


def test_a_user_who_may_not_add_pg_trgm_gets_all_the_rest(postgresql_server: Server) -> None:
    postgresql_server.execute("CREATE ROLE plain LOGIN")
    with postgresql_server.database("template0") as url:
        name = url.partition("?")[0].rpartition("/")[2]
        postgresql_server.execute("GRANT ALL ON SCHEMA public TO plain", name)
        store = Store(url.replace("placard@", "plain@"))
        assert store.migrate() == (None, head())
        with store.reading() as session:
            indexes = inspect(session.connection()).get_indexes("saved_widgets")
        store.close()
    postgresql_server.execute("DROP ROLE plain")
    names = {index["name"] for index in indexes}
    assert "ix_saved_widgets_tags" in names
    assert "ix_saved_widgets_title_folded" not in names


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql+psycopg://alice:hunter2@127.0.0.1:1/placard", "Connection refused"),
        (
            "postgresql+psycopg://alice:hunter2@/placard?host=/no/such/folder",
            "No such file or directory",
        ),
    ],
)
def test_a_database_that_is_down_is_told_without_its_address(url: str, why: str) -> None:
    store = Store(url)
    with pytest.raises(StoreUnavailable) as caught:
        store.prepare()
    assert caught.value.detail == why
    assert store.fault() == "database"
    store.close()


def test_a_file_in_a_folder_that_is_not_there_is_refused() -> None:
    store = Store("sqlite:////no/such/folder/hunter2/placard.db")
    with pytest.raises(ConfigurationError, match=r"^PLACARD_DATABASE_URL: .*CANTOPEN") as caught:
        store.prepare()
    assert "hunter2" not in caught.value.detail
    assert store.fault() == caught.value.detail
    store.close()


def test_tables_of_a_newer_release_are_refused_with_a_sentence(
    store: Store, database_url: str
) -> None:
    with store.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    older = Store(database_url)
    for begin in (older.prepare, older.migrate):
        with pytest.raises(ConfigurationError, match="at 9999, of a newer release") as told:
            begin()
    with pytest.raises(StoreUnavailable, match="newer release"), older.reading():
        pass
    assert older.fault() == told.value.detail
    older.close()


def test_a_database_that_was_down_at_the_start_is_prepared_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.preparation.RETRY_DELAY", 0.0)
    folder = tmp_path / "later"
    store = Store(f"sqlite:///{folder / 'placard.db'}")
    with capture_logs() as log:
        store.prepare_now_or_later()
        with pytest.raises(StoreUnavailable), store.reading():
            pass
        folder.mkdir()
        assert store.fault() is None
    assert [line["event"] for line in log] == ["library_unavailable", "library_available"]
    assert store.migrate() == (head(), head())
    store.close()


def test_a_database_that_is_down_is_tried_once_in_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.preparation.RETRY_DELAY", 3600.0)
    store = Store(f"sqlite:///{tmp_path / 'later' / 'placard.db'}")
    store.prepare_now_or_later()
    (tmp_path / "later").mkdir()
    with pytest.raises(StoreUnavailable, match="CANTOPEN"), store.reading():
        pass
    store.close()


def test_what_sqlite_acknowledges_is_on_the_disk(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    for begin in (store.reading, store.writing):
        with begin() as session:
            connection = session.connection()
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "placard.db"
    file.write_text("no database at all, but a text that is long enough" * 50)
    with pytest.raises(ConfigurationError, match=r"^PLACARD_DATABASE_URL: "):
        Store(f"sqlite:///{file}").prepare()
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(file).execute("SELECT * FROM users")
