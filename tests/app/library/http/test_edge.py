"""What all dialects share at the edge: who may ask, how often, and in whose envelope."""

import base64
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Request
from hypothesis import given, strategies as st
from limits.errors import StorageError
from structlog.testing import capture_logs
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from app.errors import ConfigurationError, StoreFull, StoreUnavailable
from app.library.datadog.store import SavedWidgets
from app.library.http.authentication import application_key, basic_or_bearer, bearer
from app.library.http.context import Library
from app.library.http.rate_limit import PERIOD, Limiter
from app.settings import check_settings
from app.telemetry.logs import merge_log_fields
from app.testing.servers import LOOPBACK
from tests.app.library.conftest import application, library_of, token_of
from tests.app.upstream.fetching import certificate
from tests.conftest import MakeHost, settings_with
from tests.host import ORIGIN, token as host_token
from tests.profiles import on_one_fixture
from tests.redis_server import RunRedis
from tests.waiting import PATIENCE

CCM = "/api/v2/widgets/ccm_reports"
ONE = f"{CCM}/a1b2c3d4-e5f6-7890-abcd-ef1234567890"


@pytest.fixture
def library_app(own_library_app: Flask) -> Flask:
    return own_library_app


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Flask]:
    """An application on SQLite alone: what is asked here does not reach the tables."""
    with application(database_url=sqlite_url) as app:
        yield app


def key(text: str, **headers: str) -> dict[str, str]:
    return {"DD-APPLICATION-KEY": text, **headers}


@pytest.mark.parametrize("path", [ONE, CCM, "/api/v2/", "/api/v2/no/such/page"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS", "DELETE"])
def test_nobody_gets_further_without_a_token(on_sqlite: Flask, path: str, method: str) -> None:
    answer = on_sqlite.test_client().open(path, method=method)
    assert (answer.status_code, answer.get_json()) == (403, {"errors": ["Forbidden"]})


def test_a_token_of_the_host_is_no_token_of_the_library(on_sqlite: Flask) -> None:
    answer = on_sqlite.test_client().get(ONE, headers=key(host_token()))
    assert answer.status_code == 403


def test_a_token_of_the_library_is_no_token_of_the_host(on_sqlite: Flask) -> None:
    text = token_of(library_of(on_sqlite))
    answer = on_sqlite.test_client().get(
        "/widget?resource_url=x", headers={"Authorization": f"Bearer {text}"}
    )
    assert (answer.status_code, answer.get_json()) == (
        401,
        {"data": {"error": "Authorization required."}},
    )


def test_a_token_is_refused_from_the_moment_it_is_revoked(
    library_app: Flask, library: Library, token: str
) -> None:
    client = library_app.test_client()
    assert client.get(ONE, headers=key(token)).status_code == 404
    (known,) = library.tokens.listed()
    library.tokens.revoke(known.jti)
    assert client.get(ONE, headers=key(token)).status_code == 403


def test_the_log_says_why_and_never_holds_the_token(on_sqlite: Flask) -> None:
    text = token_of(library_of(on_sqlite))
    client = on_sqlite.test_client()
    with capture_logs(processors=[merge_log_fields]) as log:
        client.get(ONE, headers=key(text + "x"))
        client.get(ONE)
        client.get(ONE, headers=key(text))
    assert [line.get("reason") for line in log] == ["bad_signature", "no_token", None]
    assert log[2]["token"] == library_of(on_sqlite).tokens.listed()[0].jti
    assert text[:20] not in str(log)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/api/v2/nothing", "GET", 404), (ONE, "PATCH", 405), (CCM, "TRACE", 405)],
)
def test_unknown_addresses_and_methods_have_the_dialect_s_envelope(
    on_sqlite: Flask, path: str, method: str, status: int
) -> None:
    text = token_of(library_of(on_sqlite))
    answer = on_sqlite.test_client().open(path, method=method, headers=key(text))
    assert answer.status_code == status
    assert list(answer.get_json()) == ["errors"]
    assert ("Allow" in answer.headers) == (status == 405)
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/nothing", "/api/v2", "/api/v1/widgets", "/widget"])
def test_all_other_addresses_keep_the_host_s_envelope(on_sqlite: Flask, path: str) -> None:
    answer = on_sqlite.test_client().get(path)
    assert list(answer.get_json()) == ["data"]


@pytest.mark.parametrize(
    ("raised", "status", "told", "logged"),
    [
        (RuntimeError("hunter2"), 500, "Internal error.", "broken"),
        (StoreUnavailable("57P01"), 503, StoreUnavailable.sentence, "store_unavailable"),
        (StoreFull("53100"), 507, StoreFull.sentence, "store_full"),
    ],
)
def test_our_own_fault_is_answered_in_the_dialect_s_envelope(
    on_sqlite: Flask,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    status: int,
    told: str,
    logged: str,
) -> None:
    def fail(*_: Any) -> None:
        raise raised

    text = token_of(library_of(on_sqlite))
    monkeypatch.setattr(SavedWidgets, "get", fail)
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = on_sqlite.test_client().get(ONE, headers=key(text))
    assert (answer.status_code, answer.get_json()) == (status, {"errors": [told]})
    assert ("Retry-After" in answer.headers) == (status != 500)
    assert log[-1]["outcome"] == logged
    assert "hunter2" not in str(log)


def test_a_statement_that_is_wrong_is_our_own_fault(library_app: Flask, token: str) -> None:
    store = library_of(library_app).store
    client = library_app.test_client()
    with store.writing() as session:
        session.connection().exec_driver_sql("ALTER TABLE tokens RENAME TO hidden")
    assert client.get(ONE, headers=key(token)).status_code == 500
    assert client.get(ONE, headers=key(token)).get_json() == {"errors": ["Internal error."]}


def test_pages_of_the_host_cannot_read_the_library(on_sqlite: Flask) -> None:
    client, text = on_sqlite.test_client(), token_of(library_of(on_sqlite))
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    answers = [
        client.options(ONE, headers=preflight),
        client.get(ONE, headers=key(text, Origin=ORIGIN)),
        client.get(ONE, headers={"Origin": ORIGIN}),
    ]
    assert [answer.headers.get("Access-Control-Allow-Origin") for answer in answers] == [None] * 3
    assert client.options("/nothing", headers=preflight).status_code == 204


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("none", 404), ("same-origin", 404)],
)
def test_forms_of_other_sites_are_refused(on_sqlite: Flask, site: str, status: int) -> None:
    headers = key(token_of(library_of(on_sqlite)), **{"Sec-Fetch-Site": site})
    assert on_sqlite.test_client().get(ONE, headers=headers).status_code == status


def test_a_library_that_is_off_leaves_its_addresses_to_the_host(make_host: MakeHost) -> None:
    answer = make_host().client.get(ONE)
    assert (answer.status_code, answer.get_json()) == (404, {"data": {"error": "Not found."}})


def request_with(authorization: str) -> Request:
    return asked_with("Authorization", authorization)


def asked_with(name: str, value: str) -> Request:
    return Request(EnvironBuilder(headers=Headers([(name, value)])).get_environ())


def test_each_client_s_way_to_carry_the_token_is_read() -> None:
    basic = base64.b64encode(b":the.token").decode()
    assert basic_or_bearer(request_with(f"Basic {basic}")) == "the.token"
    assert basic_or_bearer(request_with("bearer the.token")) == "the.token"
    assert bearer(request_with("Bearer the.token")) == "the.token"
    assert bearer(request_with(f"Basic {basic}")) is None
    asked = asked_with("DD-APPLICATION-KEY", "the.token")
    assert application_key(asked) == "the.token"
    assert (bearer(asked), basic_or_bearer(asked)) == (None, None)


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc", "Cs"]), max_size=60))
@on_one_fixture
def test_any_header_is_read_or_is_none(given_header: str) -> None:
    for written in (given_header, f"Basic {given_header}", f"Bearer {given_header}"):
        for read in (bearer, basic_or_bearer):
            assert isinstance(read(request_with(written)), str | None)


def test_each_token_has_its_own_requests_in_a_minute(sqlite_url: str) -> None:
    changes = {"library_requests_per_minute": "3"}
    with application(database_url=sqlite_url, **changes) as app:
        client, library = app.test_client(), library_of(app)
        alice, bob = token_of(library), token_of(library, subject="bob@example.com")
        answers = [client.get(ONE, headers=key(alice)) for _ in range(5)]
        other = client.get(ONE, headers=key(bob))
        stranger = client.get(ONE)
    assert [answer.status_code for answer in answers] == [404] * 3 + [429] * 2
    left = [answer.headers["X-RateLimit-Remaining"] for answer in answers]
    assert left == ["2", "1", "0", "0", "0"]
    last = answers[-1]
    assert 1 <= int(last.headers["Retry-After"]) == int(last.headers["X-RateLimit-Reset"]) <= 60
    assert (last.headers["X-RateLimit-Limit"], last.headers["X-RateLimit-Period"]) == ("3", "60")
    assert last.get_json()["errors"][0].startswith("Too many requests; try again in ")
    assert other.status_code == 404
    assert "X-RateLimit-Limit" not in stranger.headers


def test_a_counter_that_does_not_answer_leaves_each_process_its_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limiter = Limiter(2, "memory://", str(tmp_path))

    def fail(*_: Any) -> None:
        raise StorageError(ConnectionError())

    monkeypatch.setattr(limiter._shared[0], "hit", fail)
    assert [limiter.take("one").granted for _ in range(3)] == [True, True, False]


def test_a_counter_that_hangs_holds_no_request_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging, ThreadPoolExecutor(1) as pool:
        limiter = Limiter(2, f"redis://127.0.0.1:{hanging.getsockname()[1]}/0")
        taken = pool.submit(lambda: [limiter.take("one").granted for _ in range(3)])
        # Whoever waited for an answer would wait until the listener is closed.
        assert taken.result(PATIENCE) == [True, True, False]


def test_processes_count_together_in_redis(tmp_path: Path, run_redis: RunRedis) -> None:
    with run_redis(tmp_path) as server:
        first, second = (Limiter(2, server.url) for _ in range(2))
        taken = [limiter.take("one").granted for limiter in (first, second, first, second)]
    assert taken == [True, True, False, False]


def test_a_counter_behind_an_own_authority_is_trusted(tmp_path: Path, run_redis: RunRedis) -> None:
    _, bundle = certificate(tmp_path, LOOPBACK)
    with run_redis(tmp_path, tls=True) as server:
        first, second = (Limiter(1, server.url, ca_bundle=bundle) for _ in range(2))
        assert [first.take("one").granted, second.take("one").granted] == [True, False]


@pytest.mark.parametrize(("away", "seconds"), [(-1000, PERIOD), (0, PERIOD), (1000, 1)])
def test_the_reset_is_within_the_period_whatever_the_clock(away: float, seconds: int) -> None:
    limiter = Limiter(2, "memory://", clock=lambda: time.time() + away)
    assert limiter.take("one").reset == pytest.approx(seconds, abs=1)


def test_the_service_refuses_a_library_without_a_secret(sqlite_url: str) -> None:
    settings = settings_with(token_secrets="", database_url=sqlite_url)
    with pytest.raises(ConfigurationError, match=r"\APLACARD_TOKEN_SECRETS: [^\n]+\Z"):
        check_settings(settings, serving=True)
