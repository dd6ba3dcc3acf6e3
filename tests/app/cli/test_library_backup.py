"""`placard library backup`: a copy of a database that is in use."""

import os
import resource
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.connectors import connector_settings
from app.database.store import Store
from app.library.core.models import UserRow
from app.library.core.tokens import utc_now
from app.library.core.users import upsert_user
from app.settings.report import setting_names
from tests.host import TOKEN_SECRET

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in setting_names(connector_settings()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLACARD_TOKEN_SECRETS", TOKEN_SECRET)
    monkeypatch.setenv("PLACARD_DATABASE_URL", sqlite_url)
    return lambda *arguments: CliRunner().invoke(main, ["library", "backup", *arguments])


@pytest.fixture
def kept(sqlite_url: str) -> Iterator[Store]:
    """The store of the service, whose connections stay open."""
    store = Store(sqlite_url)
    yield store
    store.close()


def add_user(store: Store, handle: str) -> None:
    with store.writing() as session:
        upsert_user(session, handle, handle, utc_now())


def handles(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return [row[0] for row in database.execute("SELECT handle FROM users ORDER BY rowid")]


def files() -> set[str]:
    return {file.name for file in Path().iterdir()}


def test_the_copy_has_what_was_written_last_and_is_one_file_for_its_owner(
    run: Run, kept: Store
) -> None:
    add_user(kept, "ann")
    assert Path("library.db-wal").stat().st_size > 0
    before = files()
    ended = run("copy.db")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert files() == before | {"copy.db"}
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert handles(Path("copy.db")) == ["ann"]


def test_a_copy_under_writes_is_of_one_moment_and_holds_no_writer_up(run: Run, kept: Store) -> None:
    stop = threading.Event()
    written: list[str] = []

    def write() -> None:
        while not stop.is_set():
            add_user(kept, str(len(written)))
            written.append(str(len(written)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            acknowledged = list(written)
            assert run(f"{number}.db").exit_code == 0
            copied = handles(Path(f"{number}.db"))
            # All that was acknowledged before, and no gap in what came meanwhile.
            assert copied[: len(acknowledged)] == acknowledged
            assert copied == [str(each) for each in range(len(copied))]
    finally:
        stop.set()
        writer.join()
    assert len(written) > 5


def test_a_file_that_is_there_is_replaced_only_by_force(run: Run, kept: Store) -> None:
    Path("copy.db").write_text("of yesterday")
    refused = run("copy.db")
    assert (refused.exit_code, "--force replaces it" in refused.stderr) == (2, True)
    assert Path("copy.db").read_text() == "of yesterday"
    add_user(kept, "ann")
    assert run("--force", "copy.db").exit_code == 0
    assert handles(Path("copy.db")) == ["ann"]
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["library.db", "./library.db", "library.db-wal", "link.db"])
def test_the_database_is_never_replaced_by_its_copy(run: Run, kept: Store, name: str) -> None:
    add_user(kept, "ann")
    Path("link.db").symlink_to("library.db")
    ended = run("--force", name)
    assert (ended.exit_code, "is the database itself" in ended.stderr) == (2, True)
    assert handles(Path("library.db")) == ["ann"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_copy_that_fails_leaves_what_was_there_and_nothing_else(run: Run, kept: Store) -> None:
    add_user(kept, "ann")
    Path("copy.db").write_text("of yesterday")
    before = files()
    with files_of_at_most(20_000):
        ended = run("--force", "copy.db")
    assert ended.exit_code == 2
    assert "SQLITE_" in ended.stderr
    assert Path("copy.db").read_text() == "of yesterday"
    assert files() == before


def test_a_damaged_database_is_told_instead_of_copied(run: Run, sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    content = bytearray(file.read_bytes())
    content[3 * 4096 : 6 * 4096] = os.urandom(3 * 4096)
    file.write_bytes(content)
    ended = run("copy.db")
    assert ended.exit_code == 2
    assert "damaged" in ended.stderr or "SQLITE_" in ended.stderr
    assert "copy.db" not in files()


@pytest.mark.parametrize("missing", ["no-such-folder/copy.db", "."])
def test_a_place_that_cannot_be_written_is_told(run: Run, missing: str) -> None:
    ended = run(missing)
    assert (ended.exit_code, missing in ended.stderr) == (2, True)


def test_no_database_is_made_where_none_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_DATABASE_URL", "sqlite:///other.db")
    ended = run("copy.db")
    assert (ended.exit_code, "SQLITE_CANTOPEN" in ended.stderr) == (2, True)
    assert {"other.db", "copy.db"} & files() == set()


def test_a_copy_can_be_opened_by_the_service(run: Run, kept: Store, tmp_path: Path) -> None:
    add_user(kept, "ann")
    run("copy.db")
    copy = Store(f"sqlite:///{tmp_path / 'copy.db'}")
    with copy.reading() as session:
        assert session.query(UserRow).one().handle == "ann"
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    copy.close()
