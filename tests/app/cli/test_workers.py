"""What a worker does first, and when one that ended is replaced."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import responses

from app import create_app
from app.cli.workers import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    STEADY,
    Restarts,
    _is_orphan,
    fetch_keys,
    forget_secrets,
)
from app.connectors import connector_settings
from app.settings import load_settings
from app.web import EXTENSION
from tests.app.verification.test_keys import ED, ED_JWK, JWKS_URL, document, signed_by
from tests.clock import Clock
from tests.conftest import settings_with
from tests.host import Host
from tests.proofs import API_ISSUE, ISSUE_JSON, QUERY


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_worker_is_an_orphan_where_its_parent_is_not_of_the_first_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status = Path(f"/proc/{os.getppid()}/status").read_text("ascii").split()
    first = int(status[status.index("PPid:") + 1])
    for parent, is_orphan in ((None, False), (first, False), (first + 1, True)):
        given = parent if parent is None else SimpleNamespace(pid=parent)
        monkeypatch.setattr("multiprocessing.parent_process", lambda given=given: given)
        assert _is_orphan() is is_orphan
    monkeypatch.setattr("os.getppid", lambda: 1 << 30)
    assert _is_orphan()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def restarts(clock: Clock) -> Restarts:
    return Restarts(clock)


def pause_after_end(restarts: Restarts, clock: Clock, worker: int = 0) -> float:
    """Let a worker end, wait for its successor to be due, and return how long that took."""
    restarts.note_end(worker)
    pause = restarts.seconds_to_next()
    assert pause is not None
    clock.now += pause
    assert restarts.take_due() == [worker]
    return pause


def test_worker_that_lived_long_is_replaced_at_once(restarts: Restarts, clock: Clock) -> None:
    for _ in range(3):
        clock.now += STEADY
        assert pause_after_end(restarts, clock) == 0.0


def test_pause_grows_with_each_early_end_up_to_a_bound(restarts: Restarts, clock: Clock) -> None:
    pauses = [pause_after_end(restarts, clock) for _ in range(8)]

    assert pauses[:3] == pytest.approx([FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE])
    assert pauses[-2:] == pytest.approx([LONGEST_PAUSE, LONGEST_PAUSE])


def test_pause_begins_anew_once_a_worker_has_lived_long(restarts: Restarts, clock: Clock) -> None:
    for _ in range(4):
        pause_after_end(restarts, clock)
    clock.now += STEADY
    pause_after_end(restarts, clock)

    assert pause_after_end(restarts, clock) == pytest.approx(FIRST_PAUSE)


def test_each_worker_has_its_own_pause(restarts: Restarts, clock: Clock) -> None:
    for _ in range(6):
        pause_after_end(restarts, clock, worker=0)
    restarts.note_end(0)

    assert pause_after_end(restarts, clock, worker=1) == pytest.approx(FIRST_PAUSE)


def test_nothing_is_due_before_its_time_and_each_is_due_once(
    restarts: Restarts, clock: Clock
) -> None:
    assert restarts.seconds_to_next() is None
    restarts.note_end(0)

    assert restarts.take_due() == []
    clock.now += FIRST_PAUSE
    assert restarts.take_due() == [0]
    assert restarts.take_due() == []
    assert restarts.seconds_to_next() is None


def test_worker_fetches_the_key_set_before_anybody_needs_it(
    upstream: responses.RequestsMock,
) -> None:
    upstream.get(JWKS_URL, body=document(ED_JWK))
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    app = create_app(settings_with(jwt_secrets="", jwt_jwks_url=JWKS_URL))

    fetch_keys(app.extensions[EXTENSION])

    assert [call.request.url for call in upstream.calls] == [JWKS_URL]
    answer = Host(app.test_client()).get(QUERY, signed_by(ED, "EdDSA"))
    assert answer.status_code == 200
    assert len(upstream.calls) == 2


def test_no_secret_stays_in_the_environment_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "PLACARD_JWT_SECRETS": "s" * 32,
        "PLACARD_DATABASE_URL": "postgresql+psycopg://placard:hunter2@127.0.0.1/placard",
        "GITHUB_TOKEN": "t",
        "PLACARD_CACHE_TTL": "30",
    }
    monkeypatch.setattr(os, "environ", dict(given))
    forget_secrets(load_settings(given, connector_settings()))
    assert os.environ == {"PLACARD_CACHE_TTL": "30"}
