"""Fixtures of the library: an application on each kind of database, and tokens to ask it with."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.database.store import Store
from app.library.core.tokens import Grant, TokenStore
from app.library.http.context import EXTENSION, Library
from app.library.http.dialect import init_dialect
from app.library.wiring import DIALECTS, SCOPES
from tests.conftest import settings_with
from tests.databases import Server, empty
from tests.host import TOKEN_SECRET
from tests.processes import SOUND, Service, Start

ALICE = "alice@example.com"
GRANT = Grant(ALICE, "Alice", SCOPES, ("domain-1",), timedelta(hours=1))
MakeToken = Callable[..., str]


@pytest.fixture(scope="session")
def app_on_sqlite(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The application of `library_app` on SQLite."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("app") / "library.db")
    with application(database_url=f"sqlite:///{file}") as made:
        yield made


@pytest.fixture(scope="session")
def app_on_postgresql(postgresql_server: Server) -> Iterator[Flask]:
    """The same on PostgreSQL."""
    with postgresql_server.database() as url, application(database_url=url) as made:
        yield made


@pytest.fixture
def library_app(request: pytest.FixtureRequest, database_kind: str) -> Flask:
    """An application with the library on and nothing in it, once on each kind of database.

    It is made once, which costs more than most of its tests do. Who changes more of it than the
    rows of its tables overrides this with `own_library_app`.
    """
    made: Flask = request.getfixturevalue(f"app_on_{database_kind}")
    empty(library_of(made).store)
    return made


@pytest.fixture
def own_library_app(database_url: str) -> Iterator[Flask]:
    """An application as `library_app` is, of this test's own."""
    with application(database_url=database_url) as made:
        yield made


@pytest.fixture
def library(library_app: Flask) -> Library:
    """The parts of the library of `library_app`."""
    return library_of(library_app)


@pytest.fixture
def make_token(library: Library) -> MakeToken:
    """Make a token of `library_app`: `make_token()`, `make_token(scopes=("…",))`, …"""
    return lambda **changes: token_of(library, **changes)


@pytest.fixture
def token(make_token: MakeToken) -> str:
    """A token of Alice's, with all scopes and the domain `domain-1`."""
    return make_token()


@pytest.fixture
def served(library_app: Flask) -> Iterator[str]:
    """The address of a running server of `library_app`, for the official clients."""
    with serving(library_app) as base:
        yield base


@dataclass(frozen=True)
class Processes:
    """The service in two worker processes: its address, and a token of Alice's."""

    base: str
    token: str


@pytest.fixture(scope="session")
def service_on_sqlite(
    start: Start, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The addresses of a service of two worker processes, and of its database."""
    file = tmp_path_factory.mktemp("processes") / "library.db"
    url = f"sqlite:///{shutil.copy(sqlite_template, file)}"
    with two_workers(start, url) as (_, base):
        yield base, url


@pytest.fixture(scope="session")
def service_on_postgresql(start: Start, postgresql_server: Server) -> Iterator[tuple[str, str]]:
    """The same on PostgreSQL."""
    with postgresql_server.database() as url, two_workers(start, url) as (_, base):
        yield base, url


@pytest.fixture
def processes(request: pytest.FixtureRequest, database_kind: str) -> Iterator[Processes]:
    """A service of two worker processes over an empty library, once on each kind of database."""
    base, url = request.getfixturevalue(f"service_on_{database_kind}")
    store = Store(url)
    empty(store)
    yield Processes(base, TokenStore(store, [TOKEN_SECRET], SCOPES).create(GRANT).text)
    store.close()


@pytest.fixture(scope="session")
def description_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the service's description, for what generates a client of it."""
    folder = tmp_path_factory.mktemp("description")
    file = shutil.copy(sqlite_template, folder / "library.db")
    with application(database_url=f"sqlite:///{file}", docs="on") as app:
        told = folder / "openapi.json"
        told.write_bytes(app.test_client().get("/openapi.json").data)
    return told


def two_workers(start: Start, url: str) -> AbstractContextManager[tuple[Service, str]]:
    """Start the service with two worker processes on one database."""
    settings = {
        **SOUND,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_DATABASE_URL": url,
        "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": "100000",
    }
    return start("serve", "--workers", "2", "--threads", "32", settings=settings)


@contextmanager
def application(**changes: str) -> Iterator[Flask]:
    """Make an application with the library on, and close its store in the end.

    A property test asks more in a minute than a token may by default.
    """
    made = create_app(settings_with(**{"library_requests_per_minute": "1000000"} | changes))
    try:
        yield made
    finally:
        library_of(made).store.close()


def library_of(app: Flask) -> Library:
    library: Library = app.extensions[EXTENSION]
    return library


def dialect_applications(library: Library) -> Iterator[Flask]:
    """Make the application of each dialect, to look at its routes."""
    for dialect in DIALECTS:
        app = Flask(dialect.title, static_folder=None)
        init_dialect(app, dialect, library)
        yield app


def token_of(library: Library, **changes: Any) -> str:
    return library.tokens.create(replace(GRANT, **changes)).text


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an application on the loopback, with a thread for each request."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass
