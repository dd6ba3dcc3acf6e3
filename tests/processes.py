"""`placard …` in processes of its own, as the README starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Protocol, TextIO

import requests

from tests.host import ISSUE, JWT_SECRET, ORIGIN, query_of, token
from tests.leaks import marked
from tests.mortal import mortal
from tests.ports import free_port
from tests.waiting import PATIENCE, wait_for_answer

BIN: Final = Path(sys.executable).parent
ROOT: Final = Path(__file__).parents[1]
SOUND: Final = {"PLACARD_JWT_SECRETS": JWT_SECRET}


def environment(**settings: str) -> dict[str, str]:
    """An environment with nothing of this one's but the paths."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **settings}


class Service(Protocol):
    """`placard …` in a process of its own, with what is used of `subprocess.Popen`.

    Its log is in a file: a pipe that nobody reads would fill, and hold it up.
    """

    pid: int
    log: TextIO

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return the exit status; raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""

    def logged(self) -> str:
        """What it has written until now."""
        self.log.seek(0)
        return self.log.read()


class LoadedAnew(subprocess.Popen[str], Service):
    """A service as the README starts it; its process loads all that it needs."""

    def __init__(
        self,
        *arguments: str,
        settings: dict[str, str],
        cwd: Path,
        log: TextIO,
        binaries: Path = BIN,
    ) -> None:
        self.log = log
        super().__init__(
            mortal([binaries / "placard", *arguments], signal.SIGTERM),
            env=environment(**settings),
            cwd=cwd,
            text=True,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


# With what `LoadedAnew` is made with.
Launch = Callable[..., Service]
Start = Callable[..., AbstractContextManager[tuple[Service, str]]]


@contextmanager
def running(
    *arguments: str, settings: dict[str, str], cwd: Path = ROOT, launch: Launch = LoadedAnew
) -> Iterator[tuple[Service, str]]:
    """Run `placard …`, wait until it answers, and give the process and its address.

    No token of the tests' provider may stand in its log or its metrics, as it ends. For tests, the
    fixture `start`: it marks them as those that start a server.
    """
    port = free_port()
    with TemporaryFile("a+", encoding="utf-8") as log:
        process = launch(*arguments, "--port", str(port), settings=settings, cwd=cwd, log=log)
        try:
            base = f"http://127.0.0.1:{port}"
            wait_for(base, process)
            yield process, base
            exposed = exposition(base)
        finally:
            stop(process)
        assert not marked(process.logged().encode() + exposed)


def exposition(base: str) -> bytes:
    """Return the metrics of a service; nothing where it does not answer any more."""
    with suppress(requests.RequestException):
        return requests.get(f"{base}/metrics", timeout=2).content
    return b""


def stop(process: Service | subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """End the process and its workers, whatever a test has left of them."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(base: str, process: Service) -> None:
    """Wait until a service answers, or fail with what it logged."""
    wait_for_answer(f"{base}/healthz", process, process.logged)


def ask(base: str, resource_url: str = ISSUE) -> requests.Response:
    """Ask a service for a widget, with a token that holds."""
    return requests.get(
        f"{base}/widget?{query_of(resource_url=resource_url)}",
        headers={"Authorization": f"Bearer {token()}", "Origin": ORIGIN},
        timeout=PATIENCE,
    )


def workers_of(process: int) -> set[int]:
    """The workers of a service that live: the children of the process that they are forked from."""
    return {worker for fork_server in fork_servers_of(process) for worker in _children(fork_server)}


def fork_servers_of(process: int) -> set[int]:
    """The process that the workers of a service are forked from, if it lives."""
    found = set()
    for child in _children(process):
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(child)
    return found


def _children(process: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        listed = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
        return [int(child) for child in listed.split()]
    return []
