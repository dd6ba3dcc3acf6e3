"""The doctor, at the bedside of real services: sound ones, broken ones, and ones behind proxies."""

import datetime as dt
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from click.testing import CliRunner, Result as Ended

from app import create_app
from app.cli import main
from app.cli.doctor import example_for
from app.devtools.doctor import Finding, Patient, examine, verdict_of
from app.devtools.doctor.answers import ReceivedAnswer
from app.devtools.doctor.expectations import HIDDEN, LASTING, SECURE
from app.settings import Settings
from app.testing.servers import answer, saying, serving as serving_raw
from tests.app.access.world import settings_of
from tests.app.upstream.fetching import certificate
from tests.conftest import settings_with
from tests.host import ISSUE, JWT_SECRET, ORIGIN, SIGNATURE_SECRET

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Any]
GITLAB = "https://gitlab.com/gitlab-org/gitlab/-/issues/1"


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


def answering(change: Callable[[list[tuple[str, str]]], None], settings: Settings) -> Wsgi:
    """Put a proxy that changes the headers of answers before the service."""
    inner = create_app(settings)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def changed(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            headers = list(headers)
            change(headers)
            return start_response(status, headers, *rest)

        return inner(environ, changed)

    return application


def examined(
    application: Wsgi, settings: Settings, path: str = "", **changes: Any
) -> list[Finding]:
    with serving(application) as base:
        given = {"origin": ORIGIN, "resource_url": ISSUE} | changes
        return list(examine(Patient(settings, base + path, **given)))


def those(findings: list[Finding], result: str) -> list[str]:
    return [finding.check for finding in findings if finding.result == result]


def the(findings: list[Finding], name: str) -> Finding:
    (found,) = [finding for finding in findings if finding.check == name]
    return found


@pytest.mark.parametrize("verify", ["jwt", "signature", "either"])
def test_sound_service_passes_every_check(verify: str) -> None:
    settings = local(verify=verify)
    findings = examined(create_app(settings), settings)
    assert {finding.result for finding in findings} == {"passed"}
    assert verdict_of(findings) == "sound"
    proofs = ["jwt", "signature"] if verify == "either" else [verify]
    for by in proofs:
        kinds = [f"{by}_{kind}" for kind in ("proof", "altered", "expired", "forged")]
        assert set(kinds) <= {finding.check for finding in findings}
    assert {"preflight", "cors_401", "cors_404", "cors_405", "stranger", "card", "cors_200"} <= {
        finding.check for finding in findings
    }


def test_every_check_says_what_was_sent_what_came_and_what_it_should_be() -> None:
    for finding in examined(create_app(local()), local()):
        assert finding.about
        assert finding.sent
        assert finding.came
        assert finding.expected
        assert (finding.advice == "") == (finding.result == "passed")


def test_no_finding_holds_a_proof_or_a_secret() -> None:
    settings = local(verify="either")
    told = repr(examined(create_app(settings), settings))
    assert JWT_SECRET not in told
    assert SIGNATURE_SECRET not in told
    assert "Bearer ey" not in told


def test_address_where_nothing_is() -> None:
    findings = list(examine(Patient(local(), "http://127.0.0.1:1", ORIGIN, ISSUE)))
    failed = the(findings, "placard")
    assert (failed.result, failed.came.partition(" (")[0]) == (
        "failed",
        "no answer: the connection was refused: nothing listens on this port",
    )
    assert "passed" not in {each.result for each in findings if each.check != "tls"}
    assert verdict_of(findings) == "unsound"


def test_card_that_cannot_be_made_is_no_success() -> None:
    """A 500 had a tick."""
    settings = local(offline="off", upstreams="https://api.github.com=http://127.0.0.1:1")
    findings = examined(create_app(settings), settings)
    assert those(findings, "failed") == ["card"]
    assert "500" in the(findings, "card").came
    assert those(findings, "not_tried") == ["cors_200", "attach", "typeahead", "search"]


def test_path_at_which_no_placard_is() -> None:
    """`404` had a tick."""
    findings = examined(create_app(local()), local(), path="/elsewhere")
    failed = the(findings, "placard")
    assert (failed.result, failed.came.partition(",")[0]) == ("failed", "404 “Not found.”")
    assert "is the path of the address right" in failed.advice
    assert those(findings, "passed") == ["tls"]


@pytest.mark.parametrize(
    ("status", "told", "result", "said"),
    [
        (200, {"cache": "redis", "library": "ok", "sign_in": "off"}, "failed", "cache: redis"),
        (200, {"cache": "ok", "library": "database"}, "failed", "library: database"),
        (404, {}, "not_tried", "--direct"),
    ],
)
def test_service_whose_database_or_cache_is_down_is_not_sound(
    status: int, told: dict[str, str], result: str, said: str
) -> None:
    settings = local()
    inner = create_app(settings)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] == "/readyz":
            start_response(f"{status} Told", [("Content-Type", "application/json")])
            return [json.dumps(told).encode()]
        return inner(environ, start_response)

    findings = examined(application, settings)
    assert the(findings, "parts").result == result
    assert said in the(findings, "parts").came
    assert verdict_of(findings) != "sound"
    with serving(inner) as direct:
        findings = examined(application, settings, direct=direct)
    assert verdict_of(findings) == "sound"


def test_person_without_an_account_is_rightly_asked_to_connect_one(sqlite_url: str) -> None:
    """It was called unsound, and the secret was blamed."""
    settings = settings_with(**settings_of("http://127.0.0.1:1", database_url=sqlite_url))
    findings = examined(create_app(settings), settings)
    assert those(findings, "failed") == []
    card = the(findings, "card")
    assert (card.result, "--user" in card.came) == ("not_tried", True)
    assert "Connect your GitHub account" in card.came
    assert verdict_of(findings) == "incomplete"


def test_workspace_that_is_not_served() -> None:
    """`403` had a tick."""
    settings = local(allowed_workspaces="111,222")
    app = create_app(settings)
    assert those(examined(app, settings, workspace="222"), "failed") == []
    findings = examined(app, settings, workspace="333")
    assert those(findings, "failed") == ["card"]
    assert the(findings, "card").came.startswith("403")
    assert "PLACARD_ALLOWED_WORKSPACES" in the(findings, "card").advice


def test_resource_that_is_not_there() -> None:
    findings = examined(create_app(local()), local(), resource_url="https://nowhere.example/1")
    assert those(findings, "failed") == ["card"]
    assert "--resource-url" in the(findings, "card").advice


@pytest.mark.parametrize("origin", ["https://wrong.example", "https://app.asana.com/"])
def test_wrong_origin_is_a_matter_of_cors_and_of_no_proof(origin: str) -> None:
    """It was reported as a proof that fails."""
    findings = examined(create_app(local()), local(), origin=origin)
    of_cors = ["preflight", "preflight_attach", "cors_401", "cors_404", "cors_405", "cors_200"]
    assert those(findings, "failed") == [*of_cors, "typeahead", "search"]
    assert "PLACARD_ALLOWED_ORIGINS" in the(findings, "preflight").advice
    assert origin in the(findings, "preflight").expected


@pytest.mark.parametrize("verify", ["jwt", "signature"])
def test_proxy_that_writes_bodies_anew(verify: str) -> None:
    """Nothing of the body's meaning changes; but what is signed is the text of `data`."""
    settings = local(verify=verify)

    def write_anew(environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] == "POST":
            read = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            document = json.loads(read)
            if "data" in document:
                document["data"] = json.dumps(json.loads(document["data"]), separators=(",", ":"))
            body = json.dumps(document).encode()
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))

    findings = examined(behind(write_anew, settings), settings)
    assert those(findings, "failed") == [f"{verify}_body"]
    assert "rewrite the query or the body" in the(findings, f"{verify}_body").advice


def test_service_that_has_no_lookup() -> None:
    """One of an earlier release, or behind a proxy that passes `/widget` only."""
    settings = local()
    inner = create_app(settings)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] in ("/attach", "/typeahead"):
            start_response("404 Not Found", [("Content-Type", "text/html")])
            return [b"<h1>nginx"]
        return inner(environ, start_response)

    findings = examined(application, settings)
    failed = ["preflight_attach", "jwt_body", "typeahead", "search"]
    assert those(findings, "failed") == failed
    assert "nothing that Placard answers (text/html" in the(findings, "typeahead").came


@pytest.mark.parametrize("envelope", ["nested", "flat", "both"])
@pytest.mark.parametrize("status", ["400", "401"])
def test_service_that_refuses_in_another_form_is_sound(envelope: str, status: str) -> None:
    settings = local(error_envelope=envelope, false_proof_status=status)
    assert those(examined(create_app(settings), settings), "failed") == []


def test_proxy_that_reorders_the_query() -> None:
    settings = local(verify="signature")

    def reorder(environ: dict[str, Any]) -> None:
        environ["QUERY_STRING"] = "&".join(sorted(environ["QUERY_STRING"].split("&")))

    findings = examined(behind(reorder, settings), settings)
    assert those(findings, "failed") == ["signature_proof"]
    # A 401 would now prove nothing of them.
    assert "signature_altered" in those(findings, "not_tried")


def test_proxy_that_drops_the_proof() -> None:
    settings = local()
    dropping = behind(lambda environ: environ.pop("HTTP_AUTHORIZATION", None), settings)
    assert those(examined(dropping, settings), "failed") == ["jwt_proof", "jwt_body"]


def test_other_secret_on_this_machine() -> None:
    findings = examined(
        create_app(local()), local(jwt_secrets="another secret of 32 bytes or more")
    )
    assert those(findings, "failed") == ["jwt_proof", "jwt_body"]
    assert "PLACARD_JWT_SECRETS" in the(findings, "jwt_proof").advice


def test_verification_that_is_off() -> None:
    findings = examined(create_app(local(verify="off")), local())
    failed = the(findings, "placard")
    assert those(findings, "failed") == ["placard"]
    assert failed.advice.startswith("Verification is off")


def test_cache_that_answers_what_placard_would_refuse() -> None:
    settings = local()
    inner = create_app(settings)
    kept: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"] if environ.get("HTTP_AUTHORIZATION") else ""
        if path in kept:
            start_response(*kept[path][:2])
            return kept[path][2]

        def keep(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept[path] = (status, headers, body)
            return start_response(status, headers, *rest)

        body: list[bytes] = []
        body.extend(inner(environ, keep if path else start_response))
        return body

    failed = those(examined(application, settings), "failed")
    of_jwt = [f"jwt_{kind}" for kind in ("altered", "expired", "forged", "body_altered")]
    assert failed == [*of_jwt, "jwt_body_expired", "jwt_body_inner"]


def test_service_that_stops_answering_halfway() -> None:
    settings = local()

    def drop(environ: dict[str, Any]) -> None:
        if environ["REQUEST_METHOD"] == "OPTIONS":
            raise ConnectionResetError

    findings = examined(behind(drop, settings), settings)
    assert those(findings, "failed") == ["preflight", "preflight_attach"]
    assert the(findings, "preflight").came.startswith("no answer: the connection was closed")


def test_proxy_that_answers_preflights_itself() -> None:
    settings = local()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "OPTIONS":
            start_response("204 No Content", [("Access-Control-Allow-Origin", ORIGIN)])
            return []
        return inner(environ, start_response)

    inner = create_app(settings)
    findings = examined(application, settings)
    assert those(findings, "failed") == ["preflight", "preflight_attach"]
    assert "no Access-Control-Allow-Headers" in the(findings, "preflight").came


def test_proxy_that_lets_every_page_read() -> None:
    def open_to_all(headers: list[tuple[str, str]]) -> None:
        if not any(name == "Access-Control-Allow-Origin" for name, _ in headers):
            headers.append(("Access-Control-Allow-Origin", "*"))

    findings = examined(answering(open_to_all, local()), local())
    assert those(findings, "failed") == ["stranger"]


def test_proxy_that_drops_vary() -> None:
    def drop(headers: list[tuple[str, str]]) -> None:
        headers[:] = [pair for pair in headers if pair[0] != "Vary"]

    failed = those(examined(answering(drop, local()), local()), "failed")
    assert failed == ["cors_401", "cors_404", "cors_405", "cors_200"]


def test_page_of_a_proxy_in_the_place_of_errors() -> None:
    def page(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        headers = [("Content-Type", "text/html"), ("Access-Control-Allow-Origin", ORIGIN)]
        start_response("401 Unauthorized", headers)
        return [b"<html>"]

    failed = the(examined(page, local()), "placard")
    assert failed.result == "failed"
    assert "nothing that Placard answers (text/html, 6 bytes)" in failed.came


def test_what_a_server_says_directs_no_terminal() -> None:
    def handler(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("401 \x1b[31m", [("Content-Type", "\x1b[2J")])
        return [b""]

    told = the(examined(handler, local()), "placard").came
    assert told.isprintable()
    assert "x1b" in told


def test_redirect_to_another_host_is_told() -> None:
    settings = local()
    with serving(create_app(settings)) as behind_it:

        def redirect(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            target = f"{behind_it}{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
            start_response("301 Moved Permanently", [("Location", target)])
            return []

        failed = the(examined(redirect, settings), "placard")
    assert (failed.result, failed.came) == ("failed", "no answer: it redirects to another host")
    assert "redirect" in failed.advice


def test_redirect_to_another_address_is_told() -> None:
    settings = local()
    inner = create_app(settings)

    def redirect(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"].startswith("/old"):
            path = environ["PATH_INFO"].removeprefix("/old")
            location = f"http://{environ['HTTP_HOST']}{path}?{environ['QUERY_STRING']}"
            start_response("301 Moved Permanently", [("Location", location)])
            return []
        return inner(environ, start_response)

    failed = the(examined(redirect, settings, path="/old"), "placard")
    assert failed.result == "failed"
    assert "an answer from http://127.0.0.1" in failed.came
    assert "redirects" in failed.advice


@pytest.mark.parametrize(("off", "said"), [(-120, "behind"), (120, "ahead")])
def test_clock_that_is_off(off: int, said: str) -> None:
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=off)
    told = format_datetime(when, usegmt=True)
    findings = examined(answering(lambda headers: headers.append(("Date", told)), local()), local())
    assert those(findings, "failed") == ["clock"]
    assert said in the(findings, "clock").came


def test_doctor_without_the_secret_says_so() -> None:
    findings = examined(create_app(local()), local(jwt_secrets=""))
    missing = the(findings, "jwt_proof")
    assert those(findings, "failed") == []
    assert missing.result == "not_tried"
    assert missing.came.startswith("PLACARD_JWT_SECRETS: is missing")
    assert verdict_of(findings) == "incomplete"


def handshake(tmp_path: Path, days: float, *, trusted: bool = True) -> Finding:
    """Examine the certificate of a server that holds for so many days."""
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=-1)
    context, authorities = certificate(tmp_path, "127.0.0.1", now=now, age=dt.timedelta(days=90))
    settings = Settings(
        jwt_secrets=(JWT_SECRET,), ca_bundle=authorities if trusted else None, mode="local"
    )
    with serving_raw(saying(answer()), tls=context) as server:
        return the(list(examine(Patient(settings, server.origin, ORIGIN, ISSUE))), "certificate")


@pytest.mark.parametrize(
    ("days", "trusted", "result", "told"),
    [
        (30, True, "passed", "one that holds until "),
        (7, True, "failed", "one that holds until "),
        (-1, True, "failed", "its certificate has expired"),
        (30, False, "failed", "its certificate is signed by itself"),
    ],
)
def test_certificate(tmp_path: Path, days: float, trusted: bool, result: str, told: str) -> None:
    found = handshake(tmp_path, days, trusted=trusted)
    assert (found.result, found.came.startswith(told)) == (result, True)


def test_what_holds_for_a_service_that_is_reached_from_outside_only() -> None:
    outside = Patient(local(), "http://placard.example", ORIGIN, ISSUE)
    assert not SECURE.is_met(ReceivedAnswer(), outside)
    assert not HIDDEN.is_met(ReceivedAnswer(200, size=9000), outside)
    assert HIDDEN.is_met(ReceivedAnswer(404), outside)
    assert not LASTING.is_met(ReceivedAnswer(failure="x"), outside)


def doctor(monkeypatch: pytest.MonkeyPatch, *arguments: str, **settings: str) -> Ended:
    given = {
        "PLACARD_MODE": "local", "PLACARD_LIBRARY": "off", "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET, "PLACARD_TOKEN_SECRETS": "t" * 32,
    }  # fmt: skip
    monkeypatch.setattr(os, "environ", given | settings)
    return CliRunner().invoke(main, ["doctor", *arguments])


def test_exit_status_is_what_a_pipeline_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(create_app(local())) as base:
        sound = doctor(monkeypatch, base)
        unsound = doctor(monkeypatch, base, "--origin", "https://wrong.example")
        incomplete = doctor(monkeypatch, base, PLACARD_MODE="production", PLACARD_JWT_SECRETS="")
    assert (sound.exit_code, sound.stdout.splitlines()[-1].partition(":")[0]) == (0, "sound")
    assert (unsound.exit_code, "\nunsound: " in unsound.output) == (1, True)
    assert "expected  " in unsound.output
    assert (incomplete.exit_code, "\nincomplete: " in incomplete.output) == (2, True)
    assert doctor(monkeypatch, "no address").exit_code == 2


def test_findings_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(create_app(local())) as base:
        ended = doctor(monkeypatch, base, "--json", "--workspace", "123")
    told = json.loads(ended.stdout)
    assert (told["verdict"], told["base_url"], told["workspace"]) == ("sound", base, "123")
    assert {"check", "about", "result", "sent", "came", "expected", "advice"} == set(
        told["checks"][0]
    )


def test_resource_that_is_asked_for_is_of_a_connector_that_has_a_credential() -> None:
    assert example_for(settings_with(), None) == ISSUE
    assert example_for(settings_with(gitlab_token="a-token"), None) == GITLAB


def test_workspace_decides_which_credential_there_is(tmp_path: Path) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text(
        '[[credential]]\nname = "a"\nhost = "gitlab.com"\nworkspace = "1"\nbearer = "secret"\n'
    )
    file.chmod(0o600)
    settings = settings_with(credentials_file=str(file))
    assert example_for(settings, "1") == GITLAB
    assert example_for(settings, "2") == ISSUE
