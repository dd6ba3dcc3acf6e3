"""The production start, as the README has it: real processes, real signals."""

import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from templates_schemas import faults
from tests.host import ISSUE, JWT_SECRET, ORIGIN, query_of, token
from tests.processes import BIN, ROOT, SOUND, Start, ask, environment
from tests.standin import StandIn, standing_in


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as started:
        yield started


def test_a_signed_request_gives_a_valid_card(start: Start, stand_in: StandIn) -> None:
    with start("serve", settings=SOUND | stand_in.settings) as (_, base):
        answer = ask(base)
    assert answer.status_code == 200
    assert faults(answer.json()) == ()
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert stand_in.asked == ["/repos/pallets/flask/issues/1"]


def test_a_graceful_stop_answers_what_is_in_flight(start: Start) -> None:
    with (
        standing_in(delay=1.0) as slow,
        start("serve", settings=SOUND | slow.settings) as (process, base),
        ThreadPoolExecutor(1) as pool,
    ):
        in_flight = pool.submit(ask, base)
        assert slow.arrived.wait(10)
        process.send_signal(signal.SIGTERM)
        assert in_flight.result().status_code == 200
        assert process.wait(10) == 0


def test_a_hundred_requests_for_one_cold_resource_make_one_call(start: Start) -> None:
    with (
        standing_in(delay=0.5) as slow,
        start("serve", "--threads", "32", settings=SOUND | slow.settings) as (_, base),
        ThreadPoolExecutor(100) as pool,
    ):
        statuses = [answer.status_code for answer in pool.map(ask, [base] * 100)]
    assert statuses == [200] * 100
    assert len(slow.asked) == 1


def test_the_counters_of_all_workers_are_told_by_any(start: Start, stand_in: StandIn) -> None:
    with start("serve", "--workers", "2", settings=SOUND | stand_in.settings) as (_, base):
        for number in range(1, 21):
            assert ask(base, f"https://github.com/pallets/flask/issues/{number}").ok
        told = {requests.get(f"{base}/metrics", timeout=5).text for _ in range(6)}
    lines = {line for text in told for line in text.splitlines()}
    assert [line for line in lines if line.startswith("placard_cache_total{")] == [
        'placard_cache_total{result="miss"} 20.0'
    ]


def test_each_request_leaves_one_line_of_json_without_secrets(
    start: Start, stand_in: StandIn
) -> None:
    with start("serve", settings=SOUND | stand_in.settings) as (process, base):
        proof = token()
        requests.get(
            f"{base}/widget?{query_of(resource_url=ISSUE)}",
            headers={"Authorization": f"Bearer {proof}", "X-Request-Id": "the-one"},
            timeout=20,
        )
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        log = process.logged()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request_id") == "the-one"]
    assert {key: line[key] for key in ("event", "status", "outcome", "connector", "cache")} == {
        "event": "request",
        "status": 200,
        "outcome": "ok",
        "connector": "github",
        "cache": "miss",
    }
    assert proof not in log
    assert JWT_SECRET not in log


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "PLACARD_JWT_SECRETS"),
        ({"PLACARD_JWT_SECRETS": "short"}, "PLACARD_JWT_SECRETS"),
        ({**SOUND, "PLACARD_VERIFY": "off"}, "PLACARD_VERIFY"),
        ({**SOUND, "PLACARD_FETCH_DEADLINE": "soon"}, "PLACARD_FETCH_DEADLINE"),
    ],
    ids=["no secret", "a short secret", "verification off", "a setting that does not parse"],
)
@pytest.mark.parametrize(
    "command", [["placard", "serve"], ["python", "-c", "import wsgi"]], ids=["serve", "wsgi:app"]
)
def test_an_unsafe_service_does_not_start(
    command: list[str], settings: dict[str, str], named: str
) -> None:
    ended = subprocess.run(
        [BIN / command[0], *command[1:]],
        env=environment(**settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert f"{named}: " in ended.stderr


def test_the_local_mode_listens_on_this_machine_only(tmp_path: Path) -> None:
    ended = subprocess.run(
        [BIN / "placard", "--local", "serve", "--host", "0.0.0.0"],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("PLACARD_MODE: ")


def test_a_port_that_somebody_listens_on_is_refused(stand_in: StandIn) -> None:
    port = stand_in.url.rpartition(":")[2]
    ended = subprocess.run(
        [BIN / "placard", "serve", "--port", port],
        env=environment(**SOUND),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == f"--host, --port: 127.0.0.1 {port}: Address already in use\n"


def test_the_printed_curl_line_gives_a_valid_card(start: Start, tmp_path: Path) -> None:
    with start("--local", "serve", settings={}, cwd=tmp_path) as (process, base):
        assert process.stdout is not None
        line = next(line for line in process.stdout if "curl" in line)
        answer = subprocess.run(
            line.strip(), shell=True, capture_output=True, text=True, timeout=20, check=True
        )
    assert base in line
    assert faults(json.loads(answer.stdout)) == ()
