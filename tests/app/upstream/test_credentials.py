import socket
import traceback
from contextlib import suppress
from pathlib import Path

import pytest
import responses

from app.errors import UpstreamError
from app.origins import origin_of
from app.telemetry import trace
from app.telemetry.logs import configure_logs
from app.testing.servers import (
    LOOPBACK,
    ClientConnection,
    Handler,
    answer,
    redirect,
    routing,
    saying,
    serving,
)
from app.upstream.client import Exchange
from app.upstream.messages import Credential
from tests.app.upstream.fetching import fetching, request_to
from tests.conftest import MakeHost
from tests.host import ISSUE
from tests.proofs import ISSUE_JSON

SECRET = "Bearer c-secret"


def credential_for(url: str) -> Credential:
    return Credential("TEST_TOKEN#1", origin_of(url), {"Authorization": SECRET})


def test_credential_goes_to_its_origin() -> None:
    with serving(saying(answer())) as server, fetching() as fetcher:
        fetcher.fetch(request_to(server.origin, credential=credential_for(server.origin)))
    assert server.headers()["authorization"] == SECRET


@pytest.mark.parametrize(
    "home",
    ["https://127.0.0.1:{port}", "http://127.0.0.1:{other}", "http://localhost:{port}"],
    ids=["other-scheme", "other-port", "other-host"],
)
def test_credential_does_not_go_to_another_origin(home: str) -> None:
    with serving(saying(answer())) as server, fetching() as fetcher:
        origin = home.format(port=server.port, other=server.port + 1)
        fetcher.fetch(request_to(server.origin, credential=credential_for(origin)))
    assert "authorization" not in server.headers()


def test_credential_is_kept_on_a_redirect_within_its_origin() -> None:
    routes = {"/from": redirect("/to"), "/to": answer()}
    with serving(routing(routes)) as server, fetching() as fetcher:
        url = f"{server.origin}/from"
        fetcher.fetch(request_to(url, credential=credential_for(url)))
    assert server.headers(1)["authorization"] == SECRET


def test_credential_is_dropped_on_a_redirect_to_another_port() -> None:
    with serving(saying(answer())) as other, serving(saying(redirect(other.origin))) as server:
        request = request_to(
            server.origin,
            f"{LOOPBACK}:{other.port}",
            credential=credential_for(server.origin),
            headers={"X-Version": "1"},
        )
        with fetching() as fetcher:
            fetcher.fetch(request)
    assert server.headers()["authorization"] == SECRET
    assert other.headers()["x-version"] == "1"
    assert "authorization" not in other.headers()
    assert SECRET.encode() not in other.requests[0]


def test_credential_is_dropped_on_a_redirect_to_another_name() -> None:
    routes = {"/to": redirect("/end"), "/end": answer()}
    with serving(routing(routes)) as server, fetching(LOOPBACK, "localhost") as fetcher:
        other = f"localhost:{server.port}"
        url = f"{server.origin}/from"
        routes["/from"] = redirect(f"http://{other}/to")
        fetcher.fetch(request_to(url, other, credential=credential_for(url)))
    assert server.targets == ["/from", "/to", "/end"]
    assert ["authorization" in server.headers(place) for place in range(3)] == [True, False, False]


def test_only_the_intended_headers_are_sent() -> None:
    with serving(saying(answer())) as server, fetching() as fetcher:
        fetcher.fetch(request_to(server.origin))
    assert server.headers() == {
        "host": f"{LOOPBACK}:{server.port}",
        "user-agent": "placard",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
    }


def test_headers_of_the_request_override_the_client_s() -> None:
    with serving(saying(answer())) as server, fetching() as fetcher:
        fetcher.fetch(request_to(server.origin, headers={"Accept": "application/vnd.github+json"}))
    assert server.headers()["accept"] == "application/vnd.github+json"


def test_cookies_are_not_kept() -> None:
    routes = {
        "/": answer(b"", "Set-Cookie: a=1; Path=/", "Location: /next", status="302 Found"),
        "/next": answer(b"", "Set-Cookie: b=2; Path=/"),
    }
    with serving(routing(routes)) as server, fetching("localhost") as fetcher:
        for _ in range(2):
            fetcher.fetch(request_to(f"http://localhost:{server.port}/"))
    assert server.targets == ["/", "/next", "/", "/next"]
    assert not any("cookie" in server.headers(place) for place in range(4))


def test_netrc_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text(f"machine {LOOPBACK} login me password c-secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with serving(saying(answer())) as server, fetching() as fetcher:
        fetcher.fetch(request_to(server.origin))
    assert "authorization" not in server.headers()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for spared in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(spared, raising=False)
    with serving(saying(answer(b"proxied"))) as proxy, serving(saying(answer(b"own"))) as server:
        monkeypatch.setenv(name, proxy.origin)
        with fetching() as fetcher:
            assert fetcher.fetch(request_to(server.origin)).body == b"own"
    assert proxy.connections == 0


def ending(connection: ClientConnection) -> None:
    connection.request()


def mute(connection: ClientConnection) -> None:
    connection.request()
    connection.wait()


FAULTS: dict[str, Handler] = {
    "ends": ending,
    "mute": mute,
    "garbage": saying(b"q-secret garbage\r\n\r\n"),
    "too-large": saying(answer(b"x" * 1_048_577)),
    "broken-gzip": saying(answer(b"not compressed", "Content-Encoding: gzip")),
    "loop": saying(redirect("/?token=q-secret")),
    "elsewhere": saying(redirect("http://elsewhere.example/?token=q-secret")),
    "userinfo": saying(redirect("http://user:q-secret@127.0.0.1/")),
    "bad-port": saying(redirect("http://127.0.0.1:x/?token=q-secret")),
    "broken-bracket": saying(redirect("http://[/?token=q-secret")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_an_error_shows_neither_query_nor_credential(fault: Handler) -> None:
    with serving(fault) as server, fetching(deadline=0.3) as fetcher:
        url = f"{server.origin}/?token=q-secret"
        with pytest.raises(UpstreamError) as failure:
            fetcher.fetch(request_to(url, credential=credential_for(url)))
    told = "".join(traceback.format_exception(failure.value))
    assert failure.value.detail
    assert "-secret" not in told + failure.value.detail + failure.value.sentence


def test_the_error_of_a_refused_connection_shows_no_query() -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{unused.getsockname()[1]}/?token=q-secret"
        with fetching() as fetcher, pytest.raises(UpstreamError) as failure:
            fetcher.fetch(request_to(url))
    assert "q-secret" not in "".join(traceback.format_exception(failure.value))


def test_the_log_of_a_truncated_head_shows_no_query(caplog: pytest.LogCaptureFixture) -> None:
    configure_logs(local=False)

    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-")

    with serving(handler) as server, fetching() as fetcher, suppress(UpstreamError):
        fetcher.fetch(request_to(f"{server.origin}/?token=q-secret"))
    assert server.targets == ["/?token=q-secret"]
    assert "q-secret" not in caplog.text


def test_the_trace_shows_neither_query_nor_credential() -> None:
    with serving(saying(answer(b"1234"))) as server, fetching() as fetcher:
        url = f"{server.origin}/a/b?token=q-secret"
        with trace.recording() as taken:
            fetcher.fetch(request_to(url, credential=credential_for(url)))
    assert [(step.name, step.facts) for step in taken.steps] == [
        (
            "fetch",
            {"method": "GET", "host": LOOPBACK, "path": "/a/b", "status": 200, "bytes": 4},
        )
    ]


def test_exchange_names_the_proving_headers_without_their_values() -> None:
    exchanges: list[Exchange] = []
    routes = {"/from": redirect("/to"), "/to": answer(b"there")}
    with (
        serving(routing(routes)) as server,
        fetching(on_exchange=exchanges.append) as fetcher,
    ):
        url = f"{server.origin}/from"
        fetcher.fetch(request_to(url, credential=credential_for(url)))
        assert [exchange.url for exchange in exchanges] == [url, f"{server.origin}/to"]
    assert [exchange.response.status for exchange in exchanges] == [302, 200]
    assert [exchange.proven_by for exchange in exchanges] == [("Authorization",)] * 2
    assert SECRET not in str(exchanges)


@pytest.mark.parametrize(
    ("stand_in", "named", "carried"),
    [
        ("https://stand-in.example", "", True),
        ("http://127.0.0.1:9000", "", True),
        ("http://localhost:9000", "", True),
        ("http://[::1]:9000", "", True),
        ("http://stand-in.example:9000", "", False),
        ("http://stand-in.example:9000", "stand-in.example", True),
        ("http://stand-in.example:9000", "stand-in.example:9000", True),
        ("http://stand-in.example:9000", "stand-in.example:80,other.example", False),
        ("http://127.0.0.1.example", "", False),
    ],
)
def test_credential_goes_to_a_stand_in_in_clear_only_where_nobody_else_reads_it(
    make_host: MakeHost,
    upstream: responses.RequestsMock,
    stand_in: str,
    named: str,
    carried: bool,
) -> None:
    upstream.get(f"{stand_in}/repos/pallets/flask/issues/1", json=ISSUE_JSON)
    host = make_host(
        github_token="ghp_made_up",
        upstreams=f"https://api.github.com={stand_in}",
        cleartext_hosts=named,
    )

    assert host.ask(ISSUE).status_code == 200
    assert ("Authorization" in upstream.calls[0].request.headers) is carried
