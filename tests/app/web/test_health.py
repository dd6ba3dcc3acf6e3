"""What those learn who run the service: is it alive, can it answer cards, how are its parts."""

import socket
import threading

import pytest
import responses
from structlog.testing import capture_logs

from app.database.store import Store
from app.web.health import BoundedCheck
from tests.conftest import MakeHost
from tests.host import Host
from tests.proofs import API_ISSUE, ISSUE_JSON
from tests.waiting import PATIENCE


@pytest.mark.parametrize("path", ["/healthz", "/livez"])
def test_process_that_answers_is_alive(host: Host, path: str) -> None:
    answer = host.client.get(path)

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_cards_are_ready_without_the_database(
    make_host: MakeHost,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    upstream: responses.RequestsMock,
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    monkeypatch.setattr(Store, "fault", lambda _: "database")
    host = make_host(database_url=sqlite_url)

    ready = host.client.get("/readyz")

    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert (ready.get_json()["library"], ready.get_json()["waiting_for"]) == ("database", [])
    assert host.ask().status_code == 200


def test_database_that_hangs_holds_readiness_up_for_a_moment_only(
    make_host: MakeHost, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def fault(_: Store) -> None:
        assert go_on.wait(PATIENCE)

    monkeypatch.setattr(Store, "fault", fault)
    host = make_host(database_url=sqlite_url)

    told = [host.client.get("/readyz").get_json()["library"] for _ in range(3)]
    go_on.set()

    assert told == ["slow"] * 3
    assert host.client.get("/readyz").get_json()["library"] == "ok"


def test_cards_are_ready_without_redis(make_host: MakeHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    host = make_host(cache_url=f"redis://127.0.0.1:{port}/0")

    ready = host.client.get("/readyz")

    assert (ready.status_code, ready.get_json()["cache"]) == (200, "redis")


def test_check_runs_once_at_a_time_and_tells_what_breaks_it() -> None:
    began: list[int] = []
    go_on = threading.Event()

    def check() -> None:
        began.append(1)
        assert go_on.wait(PATIENCE)
        raise ValueError("a secret")

    bounded = BoundedCheck(check)

    assert [bounded() for _ in range(3)] == ["slow"] * 3
    assert began == [1]
    go_on.set()
    assert bounded() == "ValueError"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/metrics"])
def test_probes_are_logged_at_debug(
    host: Host, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    host.client.get(path)

    assert capsys.readouterr().err == ""


def test_service_that_is_not_ready_says_so_in_the_log(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    upstream.get("https://keys.example/jwks", status=500)
    host = make_host(jwt_secrets="", jwt_jwks_url="https://keys.example/jwks")

    with capture_logs() as lines:
        host.client.get("/readyz")

    assert [(line["event"], line["log_level"]) for line in lines[-1:]] == [("request", "error")]


@pytest.mark.parametrize(
    "path",
    ["//metrics", "/%6detrics", "/metric%73?x=%20", "//healthz", "/%72eadyz"],
)
def test_address_has_one_spelling(host: Host, path: str) -> None:
    assert host.client.get(path).status_code == 404


def test_escape_in_a_query_is_not_one_in_the_path(host: Host) -> None:
    assert host.client.get("/metrics?a=%6d").status_code == 200


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.1", {}),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}),
        ("127.0.0.1", {"Host": "placard.example.com"}),
    ],
)
def test_metrics_are_for_this_machine(host: Host, address: str, headers: dict[str, str]) -> None:
    at = {"REMOTE_ADDR": address}
    answer = host.client.get("/metrics", headers=headers, environ_overrides=at)

    assert answer.status_code == 404
    assert host.client.get("/metrics").status_code == 200
