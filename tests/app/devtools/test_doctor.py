"""The doctor, at the bedside of real services: sound ones, and ones behind bad proxies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from app import create_app
from app.devtools.doctor import Finding, examine
from app.settings import Settings
from tests.conftest import settings_with
from tests.host import ISSUE, ORIGIN

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Any]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(application: Wsgi) -> Iterator[str]:
    """Serve an application on the loopback for the length of a block."""
    server: WSGIServer = make_server("127.0.0.1", 0, application, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def local(**changes: str) -> Settings:
    return settings_with(mode="local", **changes)


def behind(rewrite: Callable[[dict[str, Any]], None], settings: Settings) -> Wsgi:
    """Put a proxy that rewrites requests before the service."""
    inner = create_app(settings)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        rewrite(environ)
        return inner(environ, start_response)

    return application


def examined(application: Wsgi, settings: Settings) -> list[Finding]:
    with serving(application) as base:
        return list(examine(settings, base, ISSUE, ORIGIN))


def unsound(findings: list[Finding]) -> list[str]:
    return [finding.what for finding in findings if not finding.sound]


@pytest.mark.parametrize(("verify", "probes"), [("jwt", 10), ("signature", 10), ("either", 13)])
def test_a_sound_service_passes_every_probe(verify: str, probes: int) -> None:
    settings = local(verify=verify)
    findings = examined(create_app(settings), settings)
    assert unsound(findings) == []
    assert len(findings) == probes


def test_an_address_where_nothing_is() -> None:
    (finding,) = examine(local(), "http://127.0.0.1:1", ISSUE, ORIGIN)
    assert not finding.sound
    assert "cannot be reached (upstream_unreachable" in finding.what


def test_a_proxy_that_reorders_the_query() -> None:
    settings = local(verify="signature")

    def reorder(environ: dict[str, Any]) -> None:
        environ["QUERY_STRING"] = "&".join(sorted(environ["QUERY_STRING"].split("&")))

    findings = examined(behind(reorder, settings), settings)
    assert unsound(findings) == ["a request with a signature is answered 401"]


def test_a_proxy_that_drops_the_proof() -> None:
    settings = local()
    findings = examined(behind(lambda e: e.pop("HTTP_AUTHORIZATION", None), settings), settings)
    assert unsound(findings) == ["a request with a jwt is answered 401"]


def test_verification_that_is_off() -> None:
    findings = examined(create_app(local(verify="off")), local())
    assert unsound(findings) == [
        "GET /widget without a proof is answered 400",
        "an altered query with a jwt is answered 200",
    ]


def test_a_service_that_stops_answering_halfway() -> None:
    settings = local()

    def drop(environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] == "OPTIONS":
            raise ConnectionResetError

    findings = examined(behind(drop, settings), settings)
    assert unsound(findings) == ["the preflight is not answered"]


def test_an_origin_that_is_not_allowed() -> None:
    settings = local(allowed_origins="https://other.example")
    findings = examined(create_app(settings), settings)
    assert "the preflight is answered 204" in unsound(findings)
    assert "GET /widget without a proof is answered 401" in unsound(findings)


def test_a_proxy_s_own_pages_in_the_place_of_errors() -> None:
    def page(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(
            "200 OK", [("Content-Type", "text/html"), ("Access-Control-Allow-Origin", ORIGIN)]
        )
        return [b"<html>"]

    findings = examined(page, local())
    assert "/healthz answers 200" in unsound(findings)
    assert "GET /no-such-page without a proof is answered 200" in unsound(findings)


def test_a_clock_that_is_off() -> None:
    settings = local()
    inner = create_app(settings)
    late = format_datetime(datetime.now(UTC) - timedelta(minutes=2), usegmt=True)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def dated(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, ("Date", late)], *rest)

        return inner(environ, dated)

    (found,) = unsound(examined(application, settings))
    assert found.startswith("its clock is 1")


def test_a_doctor_without_the_secret_says_so() -> None:
    settings = local(jwt_secrets="", jwt_public_key="")
    with serving(create_app(local())) as base:
        findings = list(examine(settings, base, ISSUE, ORIGIN))
    assert unsound(findings) == ["nothing was signed: this machine has no secret"]
