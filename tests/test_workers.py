"""Two workers under load: what is lost with one that is killed, and nothing with a stop."""

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import requests

from app.cli.serve import IDLE_SECONDS, refuse_a_port_in_use
from tests.processes import SOUND, Start, ask, fork_servers_of, workers_of
from tests.standin import standing_in
from tests.waiting import PATIENCE, wait_until

CLIENTS = 8
DELAY = 0.5


@dataclass
class Load:
    """Clients that ask for one cold card after the other, and what became of each request."""

    base: str
    ending: threading.Event = field(default_factory=threading.Event)
    answered: list[tuple[float, int]] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def go_on_asking(self) -> None:
        """Ask until told to end, or until nobody listens any more."""
        while not (self.ending.is_set() or self.refused):
            issue = f"https://github.com/pallets/flask/issues/{next(self._numbers)}"
            began = time.monotonic()
            try:
                answer = ask(self.base, issue)
                self.answered.append((began, answer.status_code))
            except requests.ConnectionError as error:
                (self.refused if "refused" in str(error) else self.lost).append(began)

    def statuses(self, since: float = 0.0) -> list[int]:
        """The statuses of the answers to what was asked since a time."""
        return [status for began, status in self.answered if began >= since]


@contextmanager
def loading(base: str) -> Iterator[Load]:
    """Put a service under load for the length of a block."""
    load = Load(base)
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(load.go_on_asking) for _ in range(CLIENTS)]
        try:
            yield load
        finally:
            load.ending.set()
        for client in asking:
            client.result(PATIENCE)


def has_begun(worker: int) -> bool:
    """Whether a worker is past the start of its interpreter, which has one thread."""
    return len(list(Path(f"/proc/{worker}/task").iterdir())) > 1


def is_held(process: int) -> bool:
    """Whether every thread of a process is stopped."""
    threads = Path(f"/proc/{process}/task").glob("*/stat")
    return all(stat.read_text("utf-8").rpartition(") ")[2][0] == "T" for stat in threads)


def is_told_to_end(process: int) -> bool:
    """Whether a process that is held has a SIGTERM waiting for it."""
    told = Path(f"/proc/{process}/status").read_text("ascii").split()
    return bool(int(told[told.index("ShdPnd:") + 1], 16) >> (signal.SIGTERM - 1) & 1)


@contextmanager
def many_descriptors() -> Iterator[None]:
    """Let this process have many connections, but not the service that it starts by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_worker_that_is_killed_takes_only_its_own_requests_along(start: Start) -> None:
    with (
        standing_in(DELAY) as slow,
        start("serve", "--workers", "2", settings=SOUND | slow.settings) as (process, base),
    ):
        before = workers_of(process.pid)
        assert len(before) == 2
        victim = min(before)
        with loading(base) as load:
            wait_until(lambda: len(load.answered) >= CLIENTS)
            os.kill(victim, signal.SIGKILL)
            # Only when its parent knows of its end are its sockets closed for certain.
            wait_until(lambda: not Path(f"/proc/{victim}").exists())
            gone = time.monotonic()
            wait_until(lambda: len(workers_of(process.pid)) == 2)
            wait_until(lambda: len(load.statuses(gone)) >= 2 * CLIENTS)
        assert process.poll() is None
        assert before - workers_of(process.pid) == {victim}
    assert set(load.statuses()) == {200}
    assert len(load.lost) <= CLIENTS
    assert [began for began in load.lost if began >= gone] == []
    assert load.refused == []


def test_a_worker_that_is_killed_again_and_again_is_replaced_each_time(start: Start) -> None:
    with start("serve", settings=SOUND) as (process, base):
        for _ in range(2):
            (worker,) = workers_of(process.pid)
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda worker=worker: bool(workers_of(process.pid) - {worker}))  # type: ignore[misc]
            # Its connection waited for the successor.
            assert requests.get(f"{base}/healthz", timeout=PATIENCE).ok
        assert process.poll() is None


def test_the_process_that_workers_are_forked_from_is_replaced_with_them(start_anew: Start) -> None:
    with start_anew("serve", "--workers", "2", settings=SOUND) as (process, base):
        (fork_server,), workers = fork_servers_of(process.pid), workers_of(process.pid)
        os.kill(fork_server, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
        for _ in range(4):
            assert requests.get(f"{base}/healthz", timeout=PATIENCE).ok
        assert process.poll() is None


def test_the_workers_of_a_first_process_that_is_killed_leave_its_port(start_anew: Start) -> None:
    with start_anew("serve", "--workers", "2", settings=SOUND) as (process, base):
        workers = workers_of(process.pid)
        assert len(workers) == 2
        wait_until(lambda: all(has_begun(worker) for worker in workers))
        # One that is stopped, as a busy one, could not end by itself.
        os.kill(min(workers), signal.SIGSTOP)
        wait_until(lambda: is_held(min(workers)))
        process.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
        refuse_a_port_in_use("127.0.0.1", int(base.rpartition(":")[2]))


def test_more_idle_connections_than_most_systems_allow_hold_nobody_up(start: Start) -> None:
    with many_descriptors(), start("serve", settings=SOUND) as (_, base), ExitStack() as held:
        address = urlsplit(base).hostname, urlsplit(base).port
        opened = (socket.create_connection(address, PATIENCE) for _ in range(1100))
        idle = [held.enter_context(each) for each in opened]
        assert requests.get(f"{base}/healthz", timeout=IDLE_SECONDS / 2).ok
        # It is closed by the service, which is not asked anything.
        assert idle[0].recv(1) == b""


def test_a_stop_under_load_answers_every_request_that_was_taken(start: Start) -> None:
    with (
        standing_in(DELAY) as slow,
        start("serve", "--workers", "2", settings=SOUND | slow.settings) as (process, base),
        loading(base) as load,
    ):
        wait_until(lambda: len(load.answered) >= CLIENTS)
        wait_until(lambda: len(slow.asked) >= len(load.answered) + CLIENTS // 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert set(load.statuses()) == {200}
    assert load.lost == []
    assert len(load.statuses()) == len(slow.asked) > CLIENTS


def test_a_stop_waits_until_a_worker_has_taken_who_is_connected(start: Start) -> None:
    with start("serve", settings=SOUND) as (process, base):
        (worker,) = workers_of(process.pid)
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: is_held(worker))
        address = urlsplit(base)
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as queued:
            queued.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            process.send_signal(signal.SIGTERM)
            # Long enough for a stop that does not wait to have told the worker.
            time.sleep(0.5)
            assert not is_told_to_end(worker)
            os.kill(worker, signal.SIGCONT)
            assert queued.recv(12) == b"HTTP/1.1 200"
        assert process.wait(PATIENCE) == 0
