"""The story: match → fetch → map → check → answer, through the front door."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import responses
from structlog.testing import capture_logs

from app.connectors.github import GitHub
from app.telemetry.logs import merge_log_fields
from app.telemetry.trace import recording
from templates_schemas import Created, Pill, SummaryWithDetails
from tests.conftest import MakeHost
from tests.host import Host
from tests.standin import ISSUE, standing_in
from tests.waiting import PATIENCE

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
API = "https://api.github.com/repos/pallets/flask/issues/1"


def test_a_card_is_answered_as_compact_json(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json=ISSUE)
    answer = host.ask()
    assert answer.mimetype == "application/json"
    assert (
        answer.get_data()
        == json.dumps(answer.json, ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert json.loads(answer.get_data())["metadata"]["title"] == "Stand-in issue"


def test_the_second_answer_is_the_first_one_s_bytes_without_a_call(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, json=ISSUE)
    assert host.ask().get_data() == host.ask().get_data()
    assert len(upstream.calls) == 1


def test_addresses_of_one_resource_share_an_entry(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, json=ISSUE)
    for address in ("", "/", "#issuecomment-1", "?query=1"):
        assert host.ask(f"https://github.com/pallets/flask/issues/1{address}").status_code == 200
    assert len(upstream.calls) == 1


def test_a_failure_is_kept_for_a_short_while_too(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, status=500)
    first, second = host.ask(), host.ask()
    assert (first.status_code, second.status_code) == (500, 500)
    assert first.json == second.json == {"data": {"error": "GitHub answered with an error."}}
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(
    ("status", "headers", "expected", "sentence"),
    [
        (401, {}, 403, "Access forbidden. GitHub does not let us see this page."),
        (403, {}, 403, "Access forbidden. GitHub does not let us see this page."),
        (403, {"X-RateLimit-Remaining": "0"}, 500, "GitHub asks us to wait before we ask again."),
        (403, {"Retry-After": "60"}, 500, "GitHub asks us to wait before we ask again."),
        (429, {}, 500, "GitHub asks us to wait before we ask again."),
        (404, {}, 404, "Not found. GitHub has no such page, or does not show it to us."),
        (410, {}, 404, "Not found. GitHub has no such page, or does not show it to us."),
        (451, {}, 404, "Not found. GitHub has no such page, or does not show it to us."),
        (500, {}, 500, "GitHub answered with an error."),
        (206, {}, 500, "GitHub answered with an error."),
    ],
)
def test_an_upstream_s_status_has_its_meaning_for_the_host(
    host: Host,
    upstream: responses.RequestsMock,
    status: int,
    headers: dict[str, str],
    expected: int,
    sentence: str,
) -> None:
    upstream.get(API, status=status, headers=headers, body="a body that must not leak")
    answer = host.ask()
    assert (answer.status_code, answer.json) == (expected, {"data": {"error": sentence}})


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("<html>", "$: is not JSON"),
        ('{"title":', "$: is not JSON"),
        ("", "$: is not JSON"),
        ("[" * 100_000, "$: is not JSON"),
        ("[]", "$: "),
        ('{"title": 5, "created_at": "2026-01-01T00:00:00Z"}', "$.title: "),
        ('{"created_at": "2026-01-01T00:00:00Z"}', "$: has none of: title, state"),
    ],
    ids=["html", "half", "empty", "deep", "list", "title", "neither title nor state"],
)
def test_an_answer_that_is_not_as_documented_is_named_by_its_path(
    host: Host, upstream: responses.RequestsMock, body: str, path: str
) -> None:
    upstream.get(API, body=body)
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.ask()
    assert answer.status_code == 500
    assert answer.json == {"data": {"error": "GitHub gave an answer that we cannot read."}}
    assert log[-1]["outcome"] == "upstream_unreadable"
    assert log[-1]["detail"].startswith(path)


def test_a_broken_card_is_never_sent_and_its_fault_is_logged(
    host: Host, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> SummaryWithDetails:
        state = Pill("State", "open")
        object.__setattr__(state, "color", "teal")
        return SummaryWithDetails(title="t", fields=[state], footer=Created(NOON))

    monkeypatch.setattr(GitHub, "widget", broken)
    upstream.get(API, json=ISSUE)
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.ask()
    assert (answer.status_code, answer.json) == (500, {"data": {"error": "Internal server error."}})
    assert log[-1]["outcome"] == "broken_card"
    assert log[-1]["detail"].startswith("github: $.metadata.fields[0].color: ")
    assert "(one_of)" in log[-1]["detail"]


def test_what_a_connector_cannot_build_is_a_broken_card(
    host: Host, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> SummaryWithDetails:
        return SummaryWithDetails(title="", fields=[], footer=None)

    monkeypatch.setattr(GitHub, "widget", failing)
    upstream.get(API, json=ISSUE)
    with capture_logs(processors=[merge_log_fields]) as log:
        assert host.ask().status_code == 500
    assert log[-1]["outcome"] == "broken_card"
    assert log[-1]["detail"] == "github: $: a card needs a visible title"


def test_a_hundred_concurrent_requests_make_one_call(make_host: MakeHost) -> None:
    with standing_in(delay=0.5) as slow, ThreadPoolExecutor(100) as pool:
        host = make_host(upstreams=slow.settings["PLACARD_UPSTREAMS"])
        gate = threading.Barrier(100)

        def ask(_: int) -> int:
            gate.wait(PATIENCE)
            return host.ask().status_code

        assert list(pool.map(ask, range(100))) == [200] * 100
    assert len(slow.asked) == 1


def test_one_who_waits_for_another_s_call_is_answered_by_the_deadline_too(
    make_host: MakeHost,
) -> None:
    with standing_in(held=True) as slow, ThreadPoolExecutor(1) as pool:
        host = make_host(upstreams=slow.settings["PLACARD_UPSTREAMS"])
        # It would wait for longer than this call may take.
        host.client.application.extensions["placard"].widgets._cache._single_flight._patience = 0.1
        leader = pool.submit(host.ask)
        assert slow.arrived.wait(PATIENCE)
        answer = host.ask()
        slow.go_on.set()
        assert leader.result().status_code == 200
    assert answer.json == {"data": {"error": "GitHub did not answer in time."}}
    assert answer.headers["Cache-Status"] == "Placard; fwd=miss; detail=upstream_timeout"


def test_an_upstream_that_hangs_is_answered_by_the_deadline(make_host: MakeHost) -> None:
    with standing_in(held=True) as slow:
        host = make_host(upstreams=slow.settings["PLACARD_UPSTREAMS"], fetch_deadline="0.3")
        answer = host.ask()
    assert (answer.status_code, answer.json) == (
        500,
        {"data": {"error": "GitHub did not answer in time."}},
    )


@pytest.mark.parametrize(
    "part",
    [
        '"title": 5',
        '"created_at": "0001-01-01T00:00:00+14:00"',
        '"created_at": "2026-01-01T00:00:00"',
        '"comments": ' + "9" * 4000,
        '"labels": [' + "1," * 9_999 + "1]",
    ],
    ids=["title", "out of range", "no offset", "thousands of digits", "thousands of faults"],
)
def test_a_value_that_is_not_as_documented_does_not_cost_the_card(
    host: Host, upstream: responses.RequestsMock, part: str
) -> None:
    upstream.get(API, body=json.dumps(ISSUE)[:-1] + f", {part}}}")
    assert host.ask().status_code == 200


def test_the_log_tells_the_first_few_of_many_faults(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, json={"title": 1, "state": 2, "labels": [1] * 9_998})
    with capture_logs(processors=[merge_log_fields]) as log:
        assert host.ask().status_code == 500
    assert log[-1]["detail"].endswith("; and 9995 more")
    assert len(log[-1]["detail"]) < 1000


def test_answers_are_for_the_one_who_asked(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json=ISSUE)
    for answer in (host.ask(), host.get("", headers={})):
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_each_step_is_traced(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json={**ISSUE, "title": "x" * 300})
    with recording() as trace:
        host.ask()
    facts = {step.name: step.facts for step in trace.steps}
    assert list(facts) == ["verify", "match", "cache", "fetch", "map", "check"]
    assert facts["verify"]["by"] == "jwt"
    assert facts["match"] == {
        "connector": "github",
        "parts": {"owner": "pallets", "repo": "flask", "issue": "1"},
        "pattern": GitHub.path.pattern,
    }
    assert (facts["cache"]["result"], facts["cache"]["ttl"]) == ("miss", 60)
    assert datetime.fromisoformat(facts["cache"]["as_of"]) <= datetime.now(UTC)
    assert (facts["fetch"]["host"], facts["fetch"]["status"]) == ("api.github.com", 200)
    assert facts["cache"]["changes"][0] == "title: cut from 300 to 200 UTF-16 code units"
    assert "changes" not in facts["map"]


def test_a_hit_tells_what_was_cut_too(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json={**ISSUE, "title": "x" * 300})
    host.ask()
    with recording() as trace:
        host.ask()
    (facts,) = [step.facts for step in trace.steps if step.name == "cache"]
    assert facts["result"] == "hit"
    assert facts["changes"] == ["title: cut from 300 to 200 UTF-16 code units"]


def test_what_happens_is_counted(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json=ISSUE)
    host.ask()
    host.ask()
    host.get("", headers={})
    told = host.client.get("/metrics").get_data(as_text=True)
    for line in (
        'placard_requests_total{outcome="ok",route="widget"} 2.0',
        'placard_requests_total{outcome="no_token",route="widget"} 1.0',
        'placard_refusals_total{reason="no_token"} 1.0',
        'placard_cache_total{result="miss"} 1.0',
        'placard_cache_total{result="hit"} 1.0',
        'placard_upstream_seconds_count{connector="github"} 1.0',
    ):
        assert line in told


def test_the_service_says_that_it_is_alive_and_ready(host: Host) -> None:
    assert host.client.get("/healthz").json == {"status": "ok"}
    assert host.client.get("/readyz").json == {
        "status": "ready",
        "waiting_for": [],
        "keys": "ok",
        "cache": "ok",
        "library": "off",
        "sign_in": "off",
    }
