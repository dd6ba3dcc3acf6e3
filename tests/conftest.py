"""Fixtures that all tests share, and the rules that the whole suite runs by."""

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Final

import certifi
import pytest
import responses
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from prometheus_client.metrics import MetricWrapperBase
from werkzeug.routing import Rule

from app import create_app
from app.connectors import connector_settings
from app.database.store import Store
from app.settings import Settings, load_settings
from tests import loaded
from tests.corpora import NAMED
from tests.databases import NoPostgresql, Server, empty, migrated, postgresql
from tests.host import JWT_SECRET, SIGNATURE_SECRET, TOKEN_SECRET, Host
from tests.leaks import fail_where_written, marked_files, noting_labels, written_by_postgresql
from tests.official_clients import node_folder, older_python_packages
from tests.processes import Start, running
from tests.profiles import register_profiles
from tests.redis_server import RunRedis, redis_running

register_profiles()
# By default a tenth of a run's time goes into the search for garbage.
gc.set_threshold(10_000)
# Not by its entry point, as others have it: that is before coverage looks.
pytest_plugins = ["app.testing.plugin"]

OWN: Final = {option.name for option in connector_settings()}
# What a test needs of the machine, by the fixture that gives it.
NEEDS: Final = {
    "caddy": "server",
    "chromium": "browser",
    "loaded_placard": "server",
    "nginx": "server",
    "node_clients": "server",
    "older_clients": "server",
    "postgresql_server": "server",
    "processes": "server",
    "run_redis": "server",
    "start_anew": "server",
}
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


@pytest.fixture(scope="session", autouse=True)
def _no_variables_of_the_suite() -> None:
    """Take away what tells the suite what to try: a service would take it for a wrong setting."""
    for name in ("PLACARD_CORPORA", "PLACARD_EXAMPLES"):
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _variables_of_each_test_only() -> Iterator[None]:
    """Take back what a command has written into the environment, as its mode: `placard --local`."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust one of Mozilla's authorities: reading all takes longer than the rest of an application.

    No test reaches a certificate of theirs.
    """
    end = "-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_text("utf-8").partition(end)[0] + end
    file = tmp_path_factory.mktemp("authorities") / "one.pem"
    file.write_text(first, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(file))
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what Jinja compiles for all applications; each would compile its pages anew."""
    kept = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": kept})
        yield


@pytest.fixture(scope="session", autouse=True)
def _labels_are_noted() -> Iterator[None]:
    """Note what becomes a label of a metric, to look for tokens there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MetricWrapperBase, "labels", noting_labels(MetricWrapperBase.labels))
        yield


@pytest.fixture(scope="session", autouse=True)
def _addresses_written_by_few_routes() -> Iterator[None]:
    """Let Werkzeug compile a route's writer of addresses when it writes one, which few ever do.

    To compile those of all routes takes a third of what an application takes.
    """
    compiled = Rule._compile_builder

    def at_first(route: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        writer = cache(lambda: compiled(route, append_unknown))
        return lambda _route, /, **values: writer()(route, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", at_first)
        yield


@pytest.fixture(scope="session")
def start(loaded_placard: loaded.Loaded) -> Start:
    """Run `placard …` in processes of its own, which costs more than most tests do."""
    return partial(running, launch=loaded_placard.launch)


@pytest.fixture(scope="session")
def start_anew() -> Start:
    """The same, but each loads what it needs, which takes most of a second."""
    return running


@pytest.fixture(scope="session")
def loaded_placard() -> Iterator[loaded.Loaded]:
    """A `placard` whose commands are run in processes of their own, without loading it anew."""
    with loaded.loaded_placard() as made:
        yield made


@pytest.fixture(scope="session")
def run_redis() -> RunRedis:
    """Run a Redis server for the length of a block."""
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    return redis_running


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """The folder of the official clients for Node, with what they import."""
    return node_folder()


@pytest.fixture(scope="session")
def older_clients() -> Path:
    """The folder of packages for Python of which this environment has later versions."""
    return older_python_packages()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """The PostgreSQL server of this run; it starts when the first test asks for it."""
    with ExitStack() as running:
        try:
            server = running.enter_context(postgresql())
        except NoPostgresql as missing:
            pytest.skip(f"{missing}; half is not tested")
        yield server
        assert marked_files(written_by_postgresql(server.folder)) == []


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite that has the library's tables."""
    file = tmp_path_factory.mktemp("library") / "template.db"
    migrated(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a file of SQLite of this test's own, with the library's tables."""
    yield f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'library.db')}"
    assert marked_files(tmp_path.glob("library.db*")) == []


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str) -> Iterator[str]:
    """The address of a database of this test's own, with the library's tables: one of each kind."""
    if database_kind == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Server = request.getfixturevalue("postgresql_server")
    with server.database() as url:
        yield url


@pytest.fixture(scope="session")
def store_on_sqlite(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """The store of `store` on SQLite."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("store") / "library.db")
    opened = Store(f"sqlite:///{file}")
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def store_on_postgresql(postgresql_server: Server) -> Iterator[Store]:
    """The same on PostgreSQL."""
    with postgresql_server.database() as url:
        opened = Store(url)
        opened.prepare()
        yield opened
        opened.close()


@pytest.fixture
def store(request: pytest.FixtureRequest, database_kind: str) -> Store:
    """A store with empty tables, once on each kind of database."""
    opened: Store = request.getfixturevalue(f"store_on_{database_kind}")
    empty(opened)
    return opened


@pytest.fixture
def own_store(database_url: str) -> Iterator[Store]:
    """A store of this test's own, which may change more than rows."""
    opened = Store(database_url)
    opened.prepare()
    yield opened
    opened.close()


def settings_with(**changes: str) -> Settings:
    """Load settings as from an environment: `verify="off"` stands for `PLACARD_VERIFY=off`."""
    given = {
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        # Properties ask for more new cards in a minute than a person may.
        "PLACARD_COLD_FETCHES_PER_MINUTE": "1000000",
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run two processes for each core: tests wait for servers and browsers as long as they work."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with what it needs of the machine: `-m "not server and not browser"`.

    Tests of real payloads are left out where there are none.
    """
    if not NAMED:
        items[:] = [item for item in items if item.get_closest_marker("corpora") is None]
    for item in items:
        for fixture in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(NEEDS[fixture])


def pytest_collection_finish() -> None:
    """Let the search for garbage pass over the tests: half a million objects that stay."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look for tokens in what each test has written down."""
    report = yield
    fail_where_written(report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run for its skips; of several processes, the one that has all reports does."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not session.config.getoption("--no-skips"):
        return
    if skipped := len(reporter.stats.get("skipped", ())):
        reporter.write_line(f"\n--no-skips: {skipped} skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
