"""Fixtures that all tests share."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import responses
from hypothesis import settings as examples

from app import create_app
from app.connectors import connector_settings
from app.library.core.store import Store
from app.settings import Settings, load_settings
from tests.databases import NoPostgresql, Server, migrated, postgresql
from tests.host import JWT_SECRET, SIGNATURE_SECRET, Host

# How long an example takes says nothing here; all else is as hypothesis has it, also in CI.
examples.register_profile("placard", parent=examples(), deadline=None)
examples.load_profile("placard")

OWN = {setting.name for setting in connector_settings()}
MakeHost = Callable[..., Host]


@pytest.fixture
def settings() -> Settings:
    """The settings of a service in production, with a secret for each kind of proof."""
    return settings_with()


@pytest.fixture
def make_host() -> MakeHost:
    """Make an application with changed settings, and the host that talks to it."""
    return lambda **changes: Host(create_app(settings_with(**changes)).test_client())


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """The host of a service in production."""
    return make_host()


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    """The outside world: only what a test registers answers, and all of it must be asked for."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """The PostgreSQL server of this run; it starts when the first test asks for it."""
    with ExitStack() as running:
        try:
            server = running.enter_context(postgresql())
        except NoPostgresql as missing:
            pytest.skip(f"{missing}; half is not tested")
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite that has the library's tables."""
    file = tmp_path_factory.mktemp("library") / "template.db"
    migrated(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a file of SQLite of this test's own, with the library's tables."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'library.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database of this test's own, with the library's tables: one of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Server = request.getfixturevalue("postgresql_server")
    with server.database() as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with empty tables, once on each kind of database."""
    opened = Store(database_url)
    opened.prepare()
    yield opened
    opened.close()


def settings_with(**changes: str) -> Settings:
    """Load settings as from an environment: `verify="off"` stands for `PLACARD_VERIFY=off`."""
    given = {
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
        # Also in the local mode: who wants the library names its database.
        "PLACARD_LIBRARY": "on" if "database_url" in changes else "off",
    }
    for name, value in changes.items():
        upper = name.upper()
        given[upper if upper in OWN else f"PLACARD_{upper}"] = value
    return load_settings(given, connector_settings())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="fail where a test skips: nothing may be missing"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--no-skips"):
        return
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
