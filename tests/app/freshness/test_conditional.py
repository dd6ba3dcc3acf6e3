"""Conditional requests, ours to the upstream and the host's to us."""

import json
import re
from email.utils import formatdate
from pathlib import Path

import pytest
import responses

from app.connectors.github import GitHub
from app.telemetry.trace import recording
from tests.app.freshness.answers import API, DEFINITION, QUERY, AtTime, status, title
from tests.clock import Clock
from tests.host import ORIGIN, Host, token
from tests.standin import ISSUE as RESOURCE


@pytest.mark.parametrize(
    ("validators", "condition"),
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
    ids=["etag", "etag first", "last-modified", "both malformed", "none"],
)
def test_the_upstream_gets_its_own_validator_back(
    host: Host,
    upstream: responses.RequestsMock,
    clock: Clock,
    validators: dict[str, str],
    condition: dict[str, str],
) -> None:
    upstream.get(API, json=RESOURCE, headers=validators)
    host.ask()
    clock.now += 400
    host.ask()
    assert len(upstream.calls) == 2
    first, second = (call.request.headers for call in upstream.calls)
    for name in ("If-None-Match", "If-Modified-Since"):
        assert name not in first
        assert second.get(name) == condition.get(name)


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
    for wait, expected in (
        (400, "Placard; fwd=stale; fwd-status=304; ttl=60"),
        (59, "Placard; hit; ttl=1"),
    ):
        clock.now += wait
        with recording() as trace:
            answer = host.ask()
        assert (answer.data, status(answer)) == (first.data, expected)
        (facts,) = [step.facts for step in trace.steps if step.name == "cache"]
        assert facts["changes"][0].startswith("title: cut")
    clock.now += 400
    assert host.ask().data == first.data
    sent = [call.request.headers.get("If-None-Match") for call in upstream.calls]
    assert sent == [None, '"a"', '"b"']


def test_an_unconditional_request_answered_with_304_is_a_failure(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, status=304)
    assert host.ask().status_code == 500


def test_an_answer_after_a_redirect_has_no_validator(
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
def test_a_304_after_a_redirect_does_not_confirm_the_card(
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
    conditions = [call.request.headers.get("If-None-Match") for call in upstream.calls]
    assert conditions == [None, '"a"', None]
    if moved_status == 200:
        assert title(answer) == "Another"
    else:
        assert answer.status_code == 500


def test_a_post_is_never_conditional(
    host_at: AtTime, upstream: responses.RequestsMock, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "status.toml"
    file.write_text(DEFINITION.replace("headers =", 'method = "POST"\nheaders ='))
    resource = {"name": "a", "at": "2026-01-01T00:00:00Z"}
    upstream.post("https://status.example.com/api", json=resource, headers={"ETag": '"a"'})
    host = host_at(connectors_file=str(file))
    for _ in range(2):
        assert host.ask("https://status.example.com/a").status_code == 200
        clock.now += 400
    assert len(upstream.calls) == 2
    assert "If-None-Match" not in upstream.calls[1].request.headers


@pytest.mark.parametrize(
    "wanted",
    ["{etag}", "W/{etag}", '"other", {etag}', '"a,b" , W/{etag},"c"', "*"],
)
def test_a_host_that_has_the_card_gets_a_304(
    host: Host, upstream: responses.RequestsMock, wanted: str
) -> None:
    upstream.get(API, json=RESOURCE)
    etag = host.ask().headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    headers = {"Authorization": f"Bearer {token()}", "If-None-Match": wanted.format(etag=etag)}
    answer = host.get(QUERY, headers)
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
def test_a_host_that_has_another_card_gets_this_one(
    host: Host, upstream: responses.RequestsMock, wanted: str
) -> None:
    upstream.get(API, json=RESOURCE)
    first = host.ask()
    headers = {
        "Authorization": f"Bearer {token()}",
        "If-None-Match": wanted.format(etag=first.headers["ETag"][:-1]),
    }
    answer = host.get(QUERY, headers)
    assert (answer.status_code, answer.data) == (200, first.data)


def test_an_error_is_never_a_304(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, status=404)
    headers = {"Authorization": f"Bearer {token()}", "If-None-Match": "*"}
    assert host.get(QUERY, headers).status_code == 404


def test_an_issue_that_stands_for_a_pull_request_is_confirmed_by_its_own_etag(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    page, pull = API.replace("issues/1", "pull/1"), API.replace("issues/1", "pulls/1")
    page = page.replace("api.github.com/repos", "github.com")
    for _ in range(2):
        upstream.get(pull, status=404)
    upstream.get(API, json=RESOURCE, headers={"ETag": '"a"'})
    upstream.get(API, status=304)
    first = host.ask(page)
    clock.now += 400
    second = host.ask(page)
    assert (first.status_code, second.data) == (200, first.data)
    assert upstream.calls[3].request.headers["If-None-Match"] == '"a"'
