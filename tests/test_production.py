"""The production start, as the README has it: real processes, real signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

import pytest
import requests

from templates_schemas import faults
from tests.host import ISSUE, JWT_SECRET, ORIGIN, query_of, token
from tests.standin import StandIn, standing_in

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
SOUND = {"PLACARD_JWT_SECRETS": JWT_SECRET}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """An environment with nothing of this one's but the paths."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **settings}


class Service(subprocess.Popen[str]):
    """`placard …`, its log in a file: a pipe that nobody reads would fill, and hold it up."""

    def __init__(self, *arguments: str, settings: dict[str, str], cwd: Path, log: TextIO) -> None:
        self._log = log
        super().__init__(
            [BIN / "placard", *arguments],
            env=environment(**settings),
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )

    def logged(self) -> str:
        """What it has written to its log until now."""
        self._log.seek(0)
        return self._log.read()


@contextmanager
def running(
    *arguments: str, settings: dict[str, str], cwd: Path = ROOT
) -> Iterator[tuple[Service, str]]:
    """Run `placard …`, wait until it answers, and give the process and its address."""
    port = free_port()
    with (
        TemporaryFile("a+", encoding="utf-8") as log,
        Service(*arguments, "--port", str(port), settings=settings, cwd=cwd, log=log) as process,
    ):
        try:
            base = f"http://127.0.0.1:{port}"
            wait_for(base, process)
            yield process, base
        finally:
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """End the process and its workers, whatever a test has left of them."""
    if process.poll() is None:
        process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(base: str, process: Service) -> None:
    for _ in range(300):
        assert process.poll() is None, process.logged()
        try:
            if requests.get(f"{base}/healthz", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail("the service did not come up")


def ask(base: str, resource_url: str = ISSUE) -> requests.Response:
    return requests.get(
        f"{base}/widget?{query_of(resource_url=resource_url)}",
        headers={"Authorization": f"Bearer {token()}", "Origin": ORIGIN},
        timeout=20,
    )


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as started:
        yield started


def test_a_signed_request_gives_a_valid_card(stand_in: StandIn) -> None:
    with running("serve", settings=SOUND | stand_in.settings) as (_, base):
        answer = ask(base)
    assert answer.status_code == 200
    assert faults(answer.json()) == ()
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert stand_in.asked == ["/repos/pallets/flask/issues/1"]


def test_a_graceful_stop_answers_what_is_in_flight() -> None:
    with (
        standing_in(delay=1.0) as slow,
        running("serve", settings=SOUND | slow.settings) as (process, base),
        ThreadPoolExecutor(1) as pool,
    ):
        in_flight = pool.submit(ask, base)
        assert slow.arrived.wait(10)
        process.send_signal(signal.SIGTERM)
        assert in_flight.result().status_code == 200
        assert process.wait(10) == 0


def test_a_hundred_requests_for_one_cold_resource_make_one_call() -> None:
    with (
        standing_in(delay=0.5) as slow,
        running("serve", "--threads", "32", settings=SOUND | slow.settings) as (_, base),
        ThreadPoolExecutor(100) as pool,
    ):
        statuses = [answer.status_code for answer in pool.map(ask, [base] * 100)]
    assert statuses == [200] * 100
    assert len(slow.asked) == 1


def test_the_counters_of_all_workers_are_told_by_any(stand_in: StandIn) -> None:
    with running("serve", "--workers", "2", settings=SOUND | stand_in.settings) as (_, base):
        for number in range(1, 21):
            assert ask(base, f"https://github.com/pallets/flask/issues/{number}").ok
        told = {requests.get(f"{base}/metrics", timeout=5).text for _ in range(6)}
    lines = {line for text in told for line in text.splitlines()}
    assert [line for line in lines if line.startswith("placard_cache_total{")] == [
        'placard_cache_total{result="miss"} 20.0'
    ]


def test_each_request_leaves_one_line_of_json_without_secrets(stand_in: StandIn) -> None:
    with running("serve", settings=SOUND | stand_in.settings) as (process, base):
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


def test_the_printed_curl_line_gives_a_valid_card(tmp_path: Path) -> None:
    with running("--local", "serve", settings={}, cwd=tmp_path) as (process, base):
        assert process.stdout is not None
        line = next(line for line in process.stdout if "curl" in line)
        answer = subprocess.run(
            line.strip(), shell=True, capture_output=True, text=True, timeout=20, check=True
        )
    assert base in line
    assert faults(json.loads(answer.stdout)) == ()
