"""What Prometheus is told: of requests, and of how the parts are at the moment."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import responses
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from app.errors import UpstreamUnreachable
from app.telemetry.metrics import Metrics
from app.telemetry.processes import forget_ended
from app.upstream.bulkhead import Bulkhead
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.policy import UpstreamPolicy
from tests.conftest import MakeHost
from tests.host import ISSUE, Host
from tests.proofs import API_ISSUE, ISSUE_JSON
from tests.waiting import PATIENCE, wait_until


def told(host: Host) -> dict[str, float]:
    """The samples of `/metrics`, by name and labels."""
    answer = host.client.get("/metrics")
    text = answer.text
    answer.close()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_requests_are_timed_by_route_and_outcome(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    host.ask()
    host.ask()
    host.get("")
    samples = told(host)
    of_cards = 'outcome="ok",route="widget"'
    assert samples[f"placard_requests_total{{{of_cards}}}"] == 2
    assert samples[f"placard_request_seconds_count{{{of_cards}}}"] == 2
    assert samples[f'placard_request_seconds_bucket{{le="+Inf",{of_cards}}}'] == 2
    assert 0 < samples[f"placard_request_seconds_sum{{{of_cards}}}"] < 60
    assert samples['placard_request_seconds_count{outcome="malformed_request",route="widget"}'] == 1


def test_requests_in_flight_are_counted_while_they_are(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(threads="8")
    seen: dict[str, float] = {}

    def look(_: object) -> tuple[int, dict[str, str], str]:
        seen.update(told(host))
        return (500, {}, "")

    upstream.add_callback("GET", API_ISSUE, look)
    host.ask().close()
    # The request for the metrics is one, too.
    assert seen["placard_requests_in_flight"] == 2
    assert seen['placard_threads_busy{pool="requests"}'] == 2
    assert seen['placard_threads_limit{pool="requests"}'] == 8
    assert seen['placard_upstream_calls{state="running"}'] == 1
    after = told(host)
    assert after["placard_requests_in_flight"] == 1
    assert after['placard_upstream_calls{state="running"}'] == 0


def test_body_that_is_made_while_it_is_sent_is_in_flight_until_it_is_closed(host: Host) -> None:
    answer = host.client.get("/nowhere", buffered=False)
    assert told(host)["placard_requests_in_flight"] == 2
    answer.close()
    assert told(host)["placard_requests_in_flight"] == 1


def test_call_that_queues_is_waiting() -> None:
    bulkhead = Bulkhead(ConcurrencyLimit(1), max_wait=5)
    entered, go_on = threading.Event(), threading.Event()

    def call() -> None:
        with bulkhead.slot("a"):
            entered.set()
            assert go_on.wait(PATIENCE)

    threads = [threading.Thread(target=call) for _ in range(2)]
    threads[0].start()
    assert entered.wait(PATIENCE)
    assert (bulkhead.running, bulkhead.waiting) == (1, 0)
    threads[1].start()
    wait_until(lambda: bulkhead.waiting == 1)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


def test_breaker_that_is_open_is_counted_until_it_may_be_tried() -> None:
    now = [0.0]
    policy = UpstreamPolicy(failures=2, rest=10, clock=lambda: now[0])

    def fail() -> object:
        raise UpstreamUnreachable

    for _ in range(2):
        assert policy.breakers_open == 0
        with pytest.raises(UpstreamUnreachable):
            policy.call("https://a.example", "anonymous", fail)  # type: ignore[arg-type]
    assert policy.breakers_open == 1
    now[0] = 10.0
    assert policy.breakers_open == 0


def test_age_of_the_key_set_is_infinite_until_it_has_been_fetched(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    upstream.get("https://keys.example/jwks", status=500)
    host = make_host(jwt_secrets="", jwt_jwks_url="https://keys.example/jwks")
    host.client.get("/readyz")
    assert told(host)["placard_key_set_age_seconds"] == float("inf")


def test_process_tells_what_it_is_and_takes(host: Host) -> None:
    text = host.client.get("/metrics").text
    assert re.search(
        r'^placard_build_info\{python="3\.\d+\.\d+",version="[\d.]+"\} 1\.0$', text, re.MULTILINE
    )
    samples = told(host)
    for name in (
        "process_start_time_seconds",
        "process_cpu_seconds",
        "process_resident_memory_bytes",
        "process_threads",
        "process_open_fds",
        "process_max_fds",
    ):
        assert samples[name] > 0


def test_connections_to_the_database_are_told(make_host: MakeHost, sqlite_url: str) -> None:
    samples = told(make_host(database_url=sqlite_url))
    assert samples["placard_database_connections"] == 0
    assert samples["placard_database_connections_limit"] == 32


def test_a_pool_without_a_bound_has_no_limit() -> None:
    metrics = Metrics()
    metrics.threads("some", lambda: 1, 2)
    metrics.threads("others", lambda: 3, 4)
    lines = metrics.exposition().decode().splitlines()
    assert 'placard_threads_busy{pool="others"} 3.0' in lines
    assert 'placard_threads_limit{pool="some"} 2.0' in lines


def test_parts_that_tell_the_same_are_told_together() -> None:
    metrics = Metrics()
    for value in (2, 3):
        metrics.gauge("calls", "Calls.", lambda value=value: value, state="running")  # type: ignore[misc]
        metrics.gauge("age", "Age.", lambda value=value: value, "livemax")  # type: ignore[misc]
    lines = metrics.exposition().decode().splitlines()
    assert 'calls{state="running"} 5.0' in lines
    assert "age 3.0" in lines


def test_what_processes_that_have_ended_had_is_forgotten(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [
        f"gauge_livesum_{ended.pid}.db",
        f"gauge_liveall_{os.getpid()}.db",
        f"counter_{ended.pid}.db",
        "gauge_livesum_odd.db",
    ]
    for name in names:
        (tmp_path / name).touch()
    forget_ended(str(tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == set(names[1:3])


def test_the_metrics_of_others_are_told_while_a_worker_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    counted: Any = MmapedDict(str(tmp_path / "counter_1.db"))  # type: ignore[no-untyped-call]
    key = mmap_key("placard_cache", "placard_cache_total", ["result"], ["hit"], "Look-ups.")
    counted.write_value(key, 3.0, 0.0)
    counted.close()
    # So the client has it for a moment, when it creates one.
    (tmp_path / "counter_2.db").touch()
    assert b'placard_cache_total{result="hit"} 3.0' in Metrics(shared=True).exposition()


def test_stale_cards_tell_their_age(host: Host) -> None:
    assert "placard_cache_stale_seconds_count" in host.client.get("/metrics").text
    assert ISSUE
