"""A database that is full, down or of another release: what clients are told, and what goes on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import requests
from flask import Flask
from sqlalchemy import event
from structlog.testing import capture_logs

from app.library.core.tokens import TokenStore
from app.library.http.context import Library
from app.library.wiring import SCOPES
from app.telemetry.logs import merge_log_fields
from tests.app.library.conftest import GRANT, application, library_of, token_of
from tests.databases import Server, migrated, postgresql
from tests.host import TOKEN_SECRET
from tests.processes import SOUND, Start, ask, workers_of
from tests.standin import standing_in
from tests.waiting import PATIENCE

LARGE: Final = "x" * 100_000
DATADOG: Final = "/api/v2/widgets/ccm_reports"
AZURE: Final = "/Fabrikam/Web/Team/_apis/dashboard/dashboards"
SPACEONE: Final = "/dashboard/v1/custom-widget/create"
DEFINITION: Final = {"title": "T", "type": "change", "requests": []}
Fill = Callable[[bool], None]


@dataclass(frozen=True)
class Write:
    """A request of a dialect that stores something large, and what its envelope says of a 507."""

    path: str
    body: Any
    told: Callable[[Any], str]


WRITES: Final = [
    pytest.param(
        Write(
            DATADOG,
            {
                "data": {
                    "type": "widgets",
                    "attributes": {"definition": DEFINITION | {"requests": [LARGE]}},
                }
            },
            lambda body: str(body["errors"][0]),
        ),
        id="datadog",
    ),
    pytest.param(
        Write(
            SPACEONE,
            {
                "domain_id": "domain-1",
                "widget_name": "w",
                "title": "T",
                "options": {"a": LARGE},
            },
            lambda body: f"{body['detail']['code']} {body['detail']['message']}",
        ),
        id="spaceone",
    ),
    pytest.param(
        Write(
            AZURE,
            {"name": "D", "description": LARGE},
            lambda body: f"{body['typeKey']} {body['message']}",
        ),
        id="azure_devops",
    ),
]


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Flask]:
    with application(database_url=sqlite_url) as app:
        yield app


def filling(library: Library) -> Fill:
    """Return what leaves SQLite no page, or many: it refuses then as it does on a full disk."""
    pages = [2**31]

    def limit(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages[0]}")

    def fill(is_full: bool) -> None:
        pages[0] = 1 if is_full else 2**31

    event.listen(library.store._engine, "checkout", limit)
    return fill


@pytest.mark.parametrize("write", WRITES)
def test_a_full_disk_is_a_507_that_passes_by_itself(on_sqlite: Flask, write: Write) -> None:
    library, client = library_of(on_sqlite), on_sqlite.test_client()
    text = token_of(library)
    headers = {"DD-APPLICATION-KEY": text, "Authorization": f"Bearer {text}"}
    fill = filling(library)

    def post() -> Any:
        return client.post(write.path, json=write.body, headers=headers)

    def state() -> str:
        ready = client.get("/readyz")
        assert ready.status_code == 200
        return str(ready.get_json()["library"])

    assert (post().status_code, state()) == (200, "ok")
    fill(True)
    with capture_logs(processors=[merge_log_fields]) as log:
        refused = post()
    assert (refused.status_code, state()) == (507, "disk full")
    assert "disk of the library's database is full" in write.told(refused.get_json())
    assert (log[-1]["outcome"], log[-1]["detail"]) == ("store_full", "SQLITE_FULL")
    fill(False)
    assert (post().status_code, state()) == (200, "ok")


@pytest.fixture
def own_postgresql() -> Iterator[Server]:
    """A PostgreSQL server that a test may stop."""
    with postgresql() as server:
        yield server


def test_postgresql_may_go_and_come_back_and_a_worker_may_start_meanwhile(
    start: Start, own_postgresql: Server
) -> None:
    with own_postgresql.database() as url, standing_in() as stand_in:
        store = migrated(url)
        text = TokenStore(store, [TOKEN_SECRET], SCOPES).create(GRANT).text
        store.close()
        settings = SOUND | stand_in.settings
        settings |= {"PLACARD_DATABASE_URL": url, "PLACARD_TOKEN_SECRETS": TOKEN_SECRET}
        own_postgresql.stop()
        # The first process and its worker start without it.
        with start("serve", settings=settings) as (process, base):

            def asked() -> requests.Response:
                headers = {"DD-APPLICATION-KEY": text}
                return requests.get(base + DATADOG, headers=headers, timeout=PATIENCE)

            def check(status: int, state: str) -> None:
                """Wait for an answer of the library; cards are answered all the time."""
                end = time.monotonic() + 15
                while (answer := asked()).status_code != status and time.monotonic() < end:
                    time.sleep(0.1)
                ready = requests.get(f"{base}/readyz", timeout=PATIENCE)
                assert (answer.status_code, ready.status_code) == (status, 200), answer.text
                assert ready.json()["library"] == state
                assert (answer.headers.get("Retry-After") == "5") == (status == 503)
                assert ask(base).status_code == 200

            check(503, "database")
            own_postgresql.start()
            check(200, "ok")
            own_postgresql.stop()
            check(503, "database")
            (worker,) = workers_of(process.pid)
            os.kill(worker, signal.SIGKILL)
            check(503, "database")
            own_postgresql.start()
            check(200, "ok")
            assert workers_of(process.pid) != {worker}
