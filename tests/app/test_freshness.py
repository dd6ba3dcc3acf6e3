"""Freshness through the front door: a signed request in, bytes and headers out."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from werkzeug.test import TestResponse

from app import build_fetcher, build_widgets, create_app
from app.connectors.github import GitHub
from app.trace import recording
from app.web import EXTENSION, Service
from tests.app.cache.parts import Clock
from tests.conftest import settings_with
from tests.host import ISSUE, ORIGIN, Host, query_of, token
from tests.standin import ISSUE as RESOURCE

API = "https://api.github.com/repos/pallets/flask/issues/1"
QUERY = query_of(resource_url=ISSUE)
CREDENTIALS = """
[[credential]]
name = "team"
host = "api.github.com"
workspace = "111"
bearer = "made_up_a"

[[credential]]
name = "team"
host = "api.github.com"
workspace = "222"
bearer = "made_up_b"
"""

AtTime = Callable[..., Host]


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def host_at(clock: Clock) -> AtTime:
    """Make the host of a service whose cache reads the clock of the test."""

    def make(**changes: str) -> Host:
        settings = settings_with(**changes)
        app = create_app(settings)
        service: Service = app.extensions[EXTENSION]
        widgets = build_widgets(settings, build_fetcher(settings), service.metrics, clock)
        app.extensions[EXTENSION] = replace(service, widgets=widgets)
        return Host(app.test_client())

    return make


@pytest.fixture
def host(host_at: AtTime) -> Host:
    return host_at()


def status(answer: TestResponse) -> str:
    return answer.headers["Cache-Status"]


def title(answer: TestResponse) -> str:
    return str(answer.get_json()["metadata"]["title"])


def counted(host: Host, line: str) -> bool:
    """Wait for a counter: what is refreshed behind is done when it is done."""
    for _ in range(200):
        if line in host.client.get("/metrics").text.splitlines():
            return True
        time.sleep(0.02)
    return False


def refreshed(result: str, count: int = 1) -> str:
    return f'placard_cache_refreshes_total{{result="{result}"}} {count}.0'


def test_every_answer_says_what_the_cache_did(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    upstream.get(API, json=RESOURCE)
    assert status(host.ask()) == "Placard; fwd=miss; ttl=60"
    clock.now += 18
    assert status(host.ask()) == "Placard; hit; ttl=42"
    assert status(host.get(QUERY, {})) == "Placard; detail=not-used"
    assert status(host.ask("https://example.com/")) == "Placard; detail=not-used"


def test_a_kept_failure_says_what_the_cache_did_too(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, status=404)
    assert [status(host.ask()) for _ in range(2)] == [
        "Placard; fwd=miss; ttl=10",
        "Placard; hit; ttl=10",
    ]


def test_a_stale_card_is_answered_and_refreshed_behind(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, json={**RESOURCE, "title": "Newer"})
    host.ask()
    made_at = clock.now
    clock.now += 75
    with recording() as trace:
        stale = host.ask()
    assert (title(stale), status(stale)) == (
        "Stand-in issue",
        "Placard; hit; ttl=-15; detail=stale-while-revalidate",
    )
    (facts,) = [step.facts for step in trace.steps if step.name == "cache"]
    assert facts["result"] == "stale"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", facts["as_of"])
    assert facts["as_of"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(made_at)))
    assert counted(host, refreshed("replaced"))
    assert (title(host.ask()), len(upstream.calls)) == ("Newer", 2)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"ETag": 'W/"a"'}, {"If-None-Match": 'W/"a"'}),
        ({"ETag": '"a"', "Last-Modified": "now"}, {"If-None-Match": '"a"'}),
        (
            {"Last-Modified": formatdate(0, usegmt=True)},
            {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        ),
        ({"ETag": "unquoted", "Last-Modified": "a;b"}, {}),
        ({}, {}),
    ],
    ids=["etag", "etag first", "last-modified", "neither is one", "none"],
)
def test_the_upstream_is_asked_by_its_own_validator(
    host: Host,
    upstream: responses.RequestsMock,
    clock: Clock,
    given: dict[str, str],
    asked: dict[str, str],
) -> None:
    upstream.get(API, json=RESOURCE, headers=given)
    host.ask()
    clock.now += 400
    host.ask()
    assert len(upstream.calls) == 2
    first, second = (call.request.headers for call in upstream.calls)
    for name in ("If-None-Match", "If-Modified-Since"):
        assert name not in first
        assert second.get(name) == asked.get(name)


def test_a_304_renews_the_card_without_mapping_it_again(
    host: Host,
    upstream: responses.RequestsMock,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upstream.get(API, json={**RESOURCE, "title": "x" * 300}, headers={"ETag": '"a"'})
    upstream.get(API, status=304, headers={"ETag": '"b"'})
    upstream.get(API, status=304)
    first = host.ask()
    monkeypatch.setattr(GitHub, "widget", lambda *_: pytest.fail("mapped again"))
    for wait, told in (
        (400, "Placard; fwd=stale; fwd-status=304; ttl=60"),
        (59, "Placard; hit; ttl=1"),
    ):
        clock.now += wait
        with recording() as trace:
            answer = host.ask()
        assert (answer.data, status(answer)) == (first.data, told)
        (facts,) = [step.facts for step in trace.steps if step.name == "cache"]
        assert facts["changes"][0].startswith("title: cut")
    clock.now += 400
    assert host.ask().data == first.data
    sent = [call.request.headers.get("If-None-Match") for call in upstream.calls]
    assert sent == [None, '"a"', '"b"']


def test_a_304_that_was_not_asked_for_is_no_card(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, status=304)
    assert host.ask().status_code == 500


def test_what_a_redirect_led_to_has_no_validator_of_the_first_address(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    moved = "https://api.github.com/repositories/1/issues/1"
    upstream.get(API, status=301, headers={"Location": moved})
    upstream.get(moved, json=RESOURCE, headers={"ETag": '"a"'})
    host.ask()
    clock.now += 400
    host.ask()
    assert len(upstream.calls) == 4
    assert not any("If-None-Match" in call.request.headers for call in upstream.calls)


@pytest.mark.parametrize("moved_status", [200, 304])
def test_a_card_is_confirmed_by_its_own_address_only(
    host: Host, upstream: responses.RequestsMock, clock: Clock, moved_status: int
) -> None:
    moved = "https://api.github.com/repos/other/repo/issues/9"
    upstream.get(API, json=RESOURCE, headers={"ETag": '"a"', "Last-Modified": formatdate(0)})
    upstream.get(API, status=301, headers={"Location": moved})
    body = "" if moved_status == 304 else json.dumps({**RESOURCE, "title": "Another"})
    upstream.get(moved, status=moved_status, body=body)
    host.ask()
    clock.now += 400
    answer = host.ask()
    asked = [call.request.headers.get("If-None-Match") for call in upstream.calls]
    assert asked == [None, '"a"', None]
    if moved_status == 200:
        assert title(answer) == "Another"
    else:
        assert answer.status_code == 500


FAILURES: dict[str, dict[str, Any]] = {
    "timeout": {"body": requests.ReadTimeout()},
    "unreachable": {"body": requests.ConnectionError()},
    "500": {"status": 500},
    "503": {"status": 503, "headers": {"Retry-After": "5"}},
    "429": {"status": 429},
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_stale_card_stands_in_for_a_transient_failure(
    host: Host, upstream: responses.RequestsMock, clock: Clock, kind: str
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, **FAILURES[kind])
    first = host.ask()
    clock.now += 400
    answer = host.ask()
    assert (answer.status_code, answer.data) == (200, first.data)
    assert status(answer).startswith("Placard; fwd=stale; ttl=-340; detail=upstream_")
    clock.now += 3600
    assert host.ask().status_code == 500


@pytest.mark.parametrize("refusal", [401, 403, 404, 410])
@pytest.mark.parametrize("wait", [75, 400], ids=["behind", "in front"])
def test_a_definitive_answer_is_never_hidden_and_no_500_brings_the_card_back(
    host: Host, upstream: responses.RequestsMock, clock: Clock, refusal: int, wait: int
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, status=refusal)
    upstream.get(API, status=500)
    host.ask()
    clock.now += wait
    answer = host.ask()
    if wait == 75:
        assert answer.status_code == 200
        assert counted(host, refreshed("replaced"))
        answer = host.ask()
    assert answer.status_code == (403 if refusal in (401, 403) else 404)
    clock.now += 11
    assert host.ask().status_code == 500
    assert len(upstream.calls) == 3


def test_what_a_connector_calls_missing_is_definitive_whatever_its_status(
    host: Host,
    upstream: responses.RequestsMock,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(GitHub, "missing", frozenset({500}))
    upstream.get(API, json=RESOURCE)
    upstream.get(API, status=500)
    host.ask()
    clock.now += 400
    assert host.ask().status_code == 404


OTHERS: dict[str, dict[str, Any]] = {
    "400": {"status": 400},
    "418": {"status": 418},
    "a maintenance page": {"body": "<html>Back soon</html>"},
    "too large": {"body": "x" * ((1 << 20) + 1)},
    "elsewhere": {"status": 302, "headers": {"Location": "https://example.com/"}},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_neither_transient_nor_definitive_leaves_the_card_for_its_stale_time(
    host: Host, upstream: responses.RequestsMock, clock: Clock, kind: str
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, **OTHERS[kind])
    first = host.ask()
    clock.now += 75
    assert host.ask().data == first.data
    assert counted(host, refreshed("failed"))
    kept = host.ask()
    assert (kept.status_code, kept.data) == (200, first.data)
    assert len(upstream.calls) == 2
    clock.now += 400
    assert host.ask().status_code == 500


@pytest.mark.parametrize("status_code", [206, 400, 418])
def test_for_no_other_failure_does_a_stale_card_stand_in(
    host: Host, upstream: responses.RequestsMock, clock: Clock, status_code: int
) -> None:
    upstream.get(API, json=RESOURCE)
    upstream.get(API, status=status_code)
    host.ask()
    clock.now += 400
    assert host.ask().status_code == 500


def test_a_rate_limit_lives_as_long_as_it_says(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    upstream.get(API, status=429, headers={"Retry-After": "120"})
    assert status(host.ask()) == "Placard; fwd=miss; ttl=120"
    clock.now += 119
    assert status(host.ask()) == "Placard; hit; ttl=1"
    # The hold of that host goes by its own clock, which has not moved.
    clock.now += 1
    assert status(host.ask()) == "Placard; fwd=miss; ttl=10"


def test_a_connector_may_have_a_time_of_its_own(
    host: Host, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GitHub, "ttl", 7.0)
    upstream.get(API, json=RESOURCE)
    assert status(host.ask()) == "Placard; fwd=miss; ttl=7"


@pytest.mark.parametrize(
    "wanted",
    ["{etag}", "W/{etag}", '"other", {etag}', '"a,b" , W/{etag},"c"', "*"],
)
def test_who_has_the_card_already_is_told_so(
    host: Host, upstream: responses.RequestsMock, wanted: str
) -> None:
    upstream.get(API, json=RESOURCE)
    etag = host.ask().headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    given = {"Authorization": f"Bearer {token()}", "If-None-Match": wanted.format(etag=etag)}
    answer = host.get(QUERY, given)
    assert (answer.status_code, answer.data) == (304, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-Id, Cache-Status"
    assert "Origin" in answer.vary
    assert answer.headers["X-Request-Id"]
    assert status(answer) == "Placard; hit; ttl=60"


@pytest.mark.parametrize("wanted", ['"other"', "", '"*"', 'W/"a', "{etag}x"])
def test_who_has_another_card_gets_this_one(
    host: Host, upstream: responses.RequestsMock, wanted: str
) -> None:
    upstream.get(API, json=RESOURCE)
    first = host.ask()
    given = {
        "Authorization": f"Bearer {token()}",
        "If-None-Match": wanted.format(etag=first.headers["ETag"][:-1]),
    }
    answer = host.get(QUERY, given)
    assert (answer.status_code, answer.data) == (200, first.data)


def test_an_error_is_never_a_304(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, status=404)
    given = {"Authorization": f"Bearer {token()}", "If-None-Match": "*"}
    assert host.get(QUERY, given).status_code == 404


@pytest.mark.parametrize("proof", [{}, {"Authorization": f"Bearer {token(secret='x' * 32)}"}])
def test_without_a_proof_nobody_learns_what_is_kept(
    host: Host, upstream: responses.RequestsMock, proof: dict[str, str]
) -> None:
    upstream.get(API, json=RESOURCE)
    etag = host.ask().headers["ETag"]
    for wanted in (etag, "*"):
        answer = host.get(QUERY, {**proof, "If-None-Match": wanted})
        assert answer.status_code == 401
        assert "ETag" not in answer.headers


@pytest.mark.parametrize(("mode", "calls"), [("production", 1), ("local", 2)])
def test_a_hard_reload_refreshes_in_the_local_mode_only(
    host_at: AtTime, upstream: responses.RequestsMock, mode: str, calls: int
) -> None:
    upstream.get(API, json=RESOURCE)
    host = host_at(mode=mode, **({"offline": "off"} if mode == "local" else {}))
    host.ask()
    given = {"Authorization": f"Bearer {token()}", "Cache-Control": "no-cache"}
    answer = host.get(QUERY, given)
    assert answer.status_code == 200
    assert len(upstream.calls) == calls
    assert status(answer).startswith("Placard; hit" if calls == 1 else "Placard; fwd=request")


class Private:
    """One private resource: the tenant with the right token sees it, and no other."""

    def __init__(self, upstream: responses.RequestsMock, refusal: int = 404) -> None:
        self.refusal = refusal
        self.asked: list[tuple[str, str | None]] = []
        upstream.add_callback(responses.GET, API, callback=self)

    def __call__(self, request: Any) -> tuple[int, dict[str, str], str]:
        proof, wanted = request.headers["Authorization"], request.headers.get("If-None-Match")
        self.asked.append((proof, wanted))
        if wanted == '"private"':
            return 304, {}, ""
        if proof != "Bearer made_up_a":
            return self.refusal, {}, ""
        return 200, {"ETag": '"private"'}, json.dumps({**RESOURCE, "title": "Private"})


@pytest.fixture
def tenants(host_at: AtTime, tmp_path: Path) -> Callable[..., TestResponse]:
    """Ask for the private resource, as a workspace."""
    file = tmp_path / "credentials.toml"
    file.write_text(CREDENTIALS)
    file.chmod(0o600)
    host = host_at(credentials_file=str(file))

    def ask(workspace: str, **headers: str) -> TestResponse:
        proof = {"Authorization": f"Bearer {token(workspace=workspace)}"}
        query = query_of(resource_url=ISSUE, workspace=workspace)
        return host.get(query, proof | {name.replace("_", "-"): v for name, v in headers.items()})

    return ask


@pytest.mark.parametrize("wait", [0, 75, 400], ids=["fresh", "stale", "old"])
@pytest.mark.parametrize(("refusal", "told"), [(404, 404), (403, 403), (500, 500)])
def test_what_one_tenant_s_credential_fetched_is_not_answered_for_another(
    tenants: Callable[..., TestResponse],
    upstream: responses.RequestsMock,
    clock: Clock,
    wait: int,
    refusal: int,
    told: int,
) -> None:
    private = Private(upstream, refusal)
    assert title(tenants("111")) == "Private"
    clock.now += wait
    answer = tenants("222")
    assert answer.status_code == told
    assert "Private" not in answer.text
    # Nor is the other's state of it asked about with our credential.
    assert private.asked == [("Bearer made_up_a", None), ("Bearer made_up_b", None)]


@pytest.mark.parametrize("wait", [0, 75, 400], ids=["fresh", "stale", "old"])
def test_one_tenant_s_etag_proves_nothing_for_another(
    tenants: Callable[..., TestResponse],
    upstream: responses.RequestsMock,
    clock: Clock,
    wait: int,
) -> None:
    Private(upstream)
    etag = tenants("111").headers["ETag"]
    assert tenants("111", If_None_Match=etag).status_code == 304
    clock.now += wait
    for wanted in (etag, "*"):
        answer = tenants("222", If_None_Match=wanted)
        assert answer.status_code == 404
        assert "ETag" not in answer.headers


def test_a_warm_hit_builds_and_reads_no_json_and_runs_no_schema(
    host: Host, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.get(API, json=RESOURCE)
    first = host.ask()
    given = {"Authorization": f"Bearer {token()}"}

    def used(*_: object, **__: object) -> None:
        raise AssertionError("a warm hit did work")

    monkeypatch.setattr("app.widgets.json.loads", loads_of_a_token_only)
    monkeypatch.setattr("app.widgets.json.dumps", used)
    monkeypatch.setattr("marshmallow.Schema._do_load", used)
    monkeypatch.setattr("app.cache.entry.hashlib.sha256", used)
    answer = host.get(QUERY, given)
    assert (answer.status_code, answer.data) == (200, first.data)
    assert status(answer) == "Placard; hit; ttl=60"


_loads = json.loads


def loads_of_a_token_only(text: Any, *more: Any, **options: Any) -> Any:
    """Let PyJWT read its header and claims: what proves a request is read each time."""
    found = _loads(text, *more, **options)
    assert set(found) <= {"alg", "typ", "aud", "iat", "exp"}
    return found


def test_a_fresh_widget_can_be_had_without_any_io(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    widgets = host.client.application.extensions[EXTENSION].widgets
    assert widgets.fresh(ISSUE) is None
    upstream.get(API, json=RESOURCE)
    answer = host.ask()
    widget = widgets.fresh(ISSUE)
    assert (widget.body, widget.etag) == (answer.data, answer.headers["ETag"])
    clock.now += 60
    assert widgets.fresh(ISSUE) is None
    assert len(upstream.calls) == 1


DEFINITION = """
[[connector]]
name = "status-page"
label = "Status page"
hosts = ["status.example.com"]
path = "/{tenant}"
example = "https://status.example.com/a"

[connector.request]
url = "https://status.example.com/api"
headers = { X-Tenant = "{tenant}" }

[connector.card]
title = "name"
footer = { updated = "at" }

[[connector.card.fields]]
type = "pill"
name = "Status"
text = "name"
color = "'red'"
"""


def test_requests_that_differ_in_a_header_only_do_not_meet(
    host_at: AtTime, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    def named(request: Any) -> tuple[int, dict[str, str], str]:
        told = {"name": request.headers["X-Tenant"], "at": "2026-01-01T00:00:00Z"}
        return 200, {}, json.dumps(told)

    file = tmp_path / "status.toml"
    file.write_text(DEFINITION)
    upstream.add_callback(responses.GET, "https://status.example.com/api", callback=named)
    host = host_at(connectors_file=str(file))
    titles = [title(host.ask(f"https://status.example.com/{tenant}")) for tenant in "abab"]
    assert titles == ["a", "b", "a", "b"]
    assert len(upstream.calls) == 2


def test_what_is_asked_by_post_is_not_asked_conditionally(
    host_at: AtTime, upstream: responses.RequestsMock, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "status.toml"
    file.write_text(DEFINITION.replace("headers =", 'method = "POST"\nheaders ='))
    told = {"name": "a", "at": "2026-01-01T00:00:00Z"}
    upstream.post("https://status.example.com/api", json=told, headers={"ETag": '"a"'})
    host = host_at(connectors_file=str(file))
    for _ in range(2):
        assert host.ask("https://status.example.com/a").status_code == 200
        clock.now += 400
    assert len(upstream.calls) == 2
    assert "If-None-Match" not in upstream.calls[1].request.headers
