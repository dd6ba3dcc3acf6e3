"""CORS: the host's pages, and no others, may read every answer."""

from collections.abc import Callable

import pytest
import responses
from werkzeug.test import TestResponse

from app.errors import ConfigurationError
from app.settings import load_settings
from tests.conftest import MakeHost
from tests.host import ISSUE, JWT_SECRET, ORIGIN, Host, query_of, token
from tests.proofs import API_ISSUE, ISSUE_JSON

Send = Callable[[dict[str, str]], TestResponse]

ANSWERS = [
    "200",
    "400",
    "401",
    "403",
    "404 of a connector",
    "404 of a path",
    "405",
    "500 of an upstream",
    "500 unhandled",
    "health",
]


def fails() -> str:
    raise RuntimeError("a bug")


@pytest.fixture
def open_host(make_host: MakeHost) -> Host:
    """The host of a service that serves one workspace, and has a view with a bug in it."""
    host = make_host(allowed_workspaces="1", allowed_origins=f"{ORIGIN},https://other.example")
    host.client.application.add_url_rule("/bug", view_func=fails)
    return host


def answer_of(host: Host, kind: str, headers: dict[str, str]) -> TestResponse:
    """Make the service give an answer of one kind."""
    proof = headers | {"Authorization": f"Bearer {token(workspace='1')}"}
    unbound = headers | {"Authorization": f"Bearer {token()}"}
    served = query_of(resource_url=ISSUE, workspace="1")
    elsewhere = query_of(resource_url="https://example.com/", workspace="1")
    client = host.client
    sends: dict[str, Callable[[], TestResponse]] = {
        "200": lambda: client.get(f"/widget?{served}", headers=proof),
        "400": lambda: client.get("/widget", headers=unbound),
        "401": lambda: client.get(f"/widget?{served}", headers=headers),
        "403": lambda: client.get(f"/widget?{served}", headers=unbound),
        "404 of a connector": lambda: client.get(f"/widget?{elsewhere}", headers=proof),
        "404 of a path": lambda: client.get("/no/such/path", headers=proof),
        "405": lambda: client.delete("/widget", headers=proof),
        "500 of an upstream": lambda: client.get(f"/widget?{served}", headers=proof),
        "500 unhandled": lambda: client.get("/bug", headers=proof),
        "health": lambda: client.get("/healthz", headers=headers),
    }
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        outside.get(API_ISSUE, json=ISSUE_JSON, status=200 if kind == "200" else 503)
        answer = sends[kind]()
    assert answer.status_code == (200 if kind == "health" else int(kind[:3]))
    return answer


@pytest.mark.parametrize("origin", [ORIGIN, "https://other.example"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_may_be_read_by_the_hosts_pages(
    open_host: Host, kind: str, origin: str
) -> None:
    answer = answer_of(open_host, kind, {"Origin": origin})

    assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin]
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-Id, Cache-Status"
    assert answer.headers["X-Request-Id"]
    assert "Origin" in answer.vary


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.asana.com",
        "https://app.asana.com:8443",
        "https://app.asana.com.evil.example",
        "https://evil.example/https://app.asana.com",
        "https://appxasana.com",
        "https://asana.com",
        "null",
        "*",
        "",
        None,
    ],
)
@pytest.mark.parametrize("kind", ANSWERS)
def test_no_answer_may_be_read_by_other_pages(
    open_host: Host, kind: str, origin: str | None
) -> None:
    answer = answer_of(open_host, kind, {} if origin is None else {"Origin": origin})

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "*" not in str(answer.headers)
    assert "Origin" in answer.vary


def test_one_origin_is_allowed_by_default(host: Host) -> None:
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://other.example", None)):
        answer = host.client.get("/widget", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Origin" in answer.vary


def test_credentials_of_the_browser_are_not_asked_for(host: Host) -> None:
    assert "Access-Control-Allow-Credentials" not in host.ask("https://example.com/").headers


@pytest.mark.parametrize("path", ["/widget", "/no/such/path", "/healthz", "/"])
@pytest.mark.parametrize("header", ["authorization", "x-asana-request-signature", "x-request-id"])
def test_preflight_without_a_proof_is_answered(host: Host, path: str, header: str) -> None:
    answer = host.client.options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": header,
        },
    )

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert header in answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert "Origin" in answer.vary


def test_preflight_allows_no_other_header(host: Host) -> None:
    answer = host.client.options(
        "/widget",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "x-other, authorization",
        },
    )

    assert answer.headers["Access-Control-Allow-Headers"] == (
        "Authorization, Content-Type, x-asana-request-signature, X-Request-Id"
    )


def test_preflight_of_another_page_is_not_allowed(host: Host) -> None:
    answer = host.client.options(
        "/widget",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
    )

    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert "Origin" in answer.vary


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "https://*",
        "https://*.asana.com",
        "https://app.asana.com,*",
        "https://app.asana.com$",
        "https://(app|www).asana.com",
        "https://app.asana.com/path",
        "app.asana.com",
        "null",
    ],
)
def test_pattern_is_no_origin(origins: str) -> None:
    with pytest.raises(ConfigurationError, match="PLACARD_ALLOWED_ORIGINS"):
        load_settings({"PLACARD_JWT_SECRETS": JWT_SECRET, "PLACARD_ALLOWED_ORIGINS": origins})


def test_origin_of_an_ipv6_host_is_matched_exactly(make_host: MakeHost) -> None:
    host = make_host(allowed_origins="http://[::1]:3000")

    for origin, allowed in {
        "http://[::1]:3000": "http://[::1]:3000",
        "http://1:3000": None,
        "http://1:3000.evil.example": None,
    }.items():
        answer = host.client.get("/healthz", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
