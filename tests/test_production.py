"""The production start, as the README has it: real processes, real signals."""

import json
import os
import runpy
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from app.cli import main
from app.errors import ConfigurationError
from templates_schemas import faults
from tests.host import ISSUE, JWT_SECRET, ORIGIN, TOKEN_SECRET, query_of, token
from tests.loaded import Loaded
from tests.ports import free_port
from tests.processes import BIN, ROOT, SOUND, Service, Start, ask, environment, workers_of
from tests.standin import StandIn, standing_in
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.server
NONE: Mapping[str, str] = {}


def run(
    command: list[str | Path], *, cwd: Path = ROOT, settings: Mapping[str, str] = NONE
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command,
        env=environment(**settings),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True)
class Running:
    """A service of one worker, the address of its metrics, and its upstream."""

    process: Service
    base: str
    metrics: str
    upstream: StandIn


@pytest.fixture(scope="module")
def running(start: Start) -> Iterator[Running]:
    port = free_port()
    options = ["--threads", "32", "--metrics-port", str(port)]
    with (
        standing_in() as upstream,
        start("serve", *options, settings=SOUND | upstream.settings) as (process, base),
    ):
        yield Running(process, base, f"http://127.0.0.1:{port}", upstream)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as started:
        yield started


def test_a_graceful_stop_answers_what_is_in_flight(start_anew: Start) -> None:
    with (
        standing_in(delay=0.5) as slow,
        start_anew("serve", settings=SOUND | slow.settings) as (process, base),
        ThreadPoolExecutor(1) as pool,
    ):
        in_flight = pool.submit(ask, base)
        assert slow.arrived.wait(PATIENCE)
        process.send_signal(signal.SIGTERM)
        assert in_flight.result().status_code == 200
        assert process.wait(PATIENCE) == 0


def test_a_hundred_requests_for_one_cold_resource_make_one_call(running: Running) -> None:
    issue, running.upstream.delay = "https://github.com/pallets/flask/issues/100", 0.5
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, [running.base] * 100, [issue] * 100))
    running.upstream.delay = 0
    assert [answer.status_code for answer in answers] == [200] * 100
    assert running.upstream.asked.count("/repos/pallets/flask/issues/100") == 1


def test_the_counters_of_all_workers_are_told_by_any(start_anew: Start, stand_in: StandIn) -> None:
    with start_anew("serve", "--workers", "2", settings=SOUND | stand_in.settings) as (_, base):
        for number in range(1, 21):
            assert ask(base, f"https://github.com/pallets/flask/issues/{number}").ok
        told = {requests.get(f"{base}/metrics", timeout=PATIENCE).text for _ in range(6)}
    lines = {line for text in told for line in text.splitlines()}
    assert [line for line in lines if line.startswith("placard_cache_total{")] == [
        'placard_cache_total{result="miss"} 20.0'
    ]


def test_what_workers_have_at_the_moment_is_told_of_those_that_live(start: Start) -> None:
    port = free_port()
    options = ["--workers", "2", "--threads", "8", "--metrics-port", str(port)]
    with start("serve", *options, settings=SOUND) as (process, _):
        before = workers_of(process.pid)
        wait_until(lambda: told_by(port) == {f'process_threads{{pid="{pid}"}}' for pid in before})
        wait_until(lambda: 'placard_threads_limit{pool="requests"} 16.0' in exposed(port))
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(workers_of(process.pid) - before) == 1)
        alive = {f'process_threads{{pid="{pid}"}}' for pid in workers_of(process.pid)}
        wait_until(lambda: told_by(port) == alive)
        wait_until(lambda: 'placard_threads_limit{pool="requests"} 16.0' in exposed(port))


def exposed(port: int) -> list[str]:
    return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).text.splitlines()


def told_by(port: int) -> set[str]:
    """The processes that tell how many threads they have."""
    return {line.split()[0] for line in exposed(port) if line.startswith("process_threads{")}


def test_every_line_of_the_log_is_json(start_anew: Start) -> None:
    with start_anew("serve", "--workers", "2", settings=SOUND) as (process, base):
        assert requests.get(f"{base}/nowhere", timeout=PATIENCE).status_code == 404
        told = [json.loads(line) for line in process.logged().splitlines()]
    assert {"event", "level", "timestamp"} <= set.intersection(*map(set, told))
    loggers = {line.get("logger", "").partition(".")[0] for line in told}
    assert loggers == {"_granian", ""}


def test_secrets_can_stand_in_files(start: Start, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{JWT_SECRET}\n", "utf-8")
    settings = {"PLACARD_JWT_SECRETS_FILE": str(tmp_path / "secret")}
    with start("serve", settings=settings) as (_, base):
        assert ask(base, "https://nowhere.example/").status_code == 404


def test_a_signed_request_gives_a_valid_card_and_leaves_one_line_without_secrets(
    running: Running,
) -> None:
    proof = token()
    headers = {"Authorization": f"Bearer {proof}", "Origin": ORIGIN, "X-Request-Id": "the-one"}
    url = f"{running.base}/widget?{query_of(resource_url=ISSUE)}"
    answer = requests.get(url, headers=headers, timeout=PATIENCE)
    log = running.process.logged()
    assert answer.status_code == 200
    assert faults(answer.json()) == ()
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert running.upstream.asked.count("/repos/pallets/flask/issues/1") == 1
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
def test_an_unsafe_service_is_not_made(
    settings: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", environment(**settings))
    ended = CliRunner().invoke(main, ["serve"])
    assert (ended.exit_code, f"{named}: " in ended.stderr) == (2, True)
    with pytest.raises(ConfigurationError, match=f"{named}: "):
        runpy.run_path(str(ROOT / "wsgi.py"))


@pytest.mark.parametrize(
    "command", [["placard", "serve"], ["python", "-c", "import wsgi"]], ids=["serve", "wsgi:app"]
)
def test_a_service_without_a_secret_does_not_start(command: list[str]) -> None:
    ended = run([BIN / command[0], *command[1:]])
    assert ended.returncode != 0
    assert "PLACARD_JWT_SECRETS: " in ended.stderr


def test_the_local_mode_listens_on_this_machine_only(
    loaded_placard: Loaded, tmp_path: Path
) -> None:
    ended = run([loaded_placard.command, "--local", "serve", "--host", "0.0.0.0"], cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("PLACARD_MODE: ")


def test_a_port_that_somebody_listens_on_is_refused(
    loaded_placard: Loaded, stand_in: StandIn
) -> None:
    port = stand_in.url.rpartition(":")[2]
    ended = run([loaded_placard.command, "serve", "--port", port], settings=SOUND)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"--host, --port: 127.0.0.1 {port}: Address already in use; "
        "--port takes another (make run PORT=8081)\n"
    )


def test_a_database_of_a_newer_release_is_refused_with_a_sentence(
    loaded_placard: Loaded, sqlite_url: str
) -> None:
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    library = {"PLACARD_DATABASE_URL": sqlite_url, "PLACARD_TOKEN_SECRETS": TOKEN_SECRET}
    ended = run([loaded_placard.command, "serve"], settings=SOUND | library)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("PLACARD_DATABASE_URL: the tables are at 9999")
    assert "Traceback" not in ended.stderr


def test_the_printed_curl_line_gives_a_valid_card(start_anew: Start, tmp_path: Path) -> None:
    with start_anew("--local", "serve", settings={}, cwd=tmp_path) as (process, base):
        (line,) = (line for line in process.logged().splitlines() if "curl" in line)
        answer = subprocess.run(
            line.strip(), shell=True, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
    assert base in line
    assert faults(json.loads(answer.stdout)) == ()


def test_metrics_can_have_a_port_of_their_own(running: Running) -> None:
    assert ask(running.base, "https://github.com/pallets/flask/issues/101").ok
    told = requests.get(f"{running.metrics}/metrics", timeout=PATIENCE).text
    assert 'placard_requests_total{outcome="ok",route="widget"}' in told
    assert requests.get(f"{running.base}/metrics", timeout=PATIENCE).status_code == 404
