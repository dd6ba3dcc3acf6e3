"""Servers in processes of their own, on a core of their own, and gone with all their workers."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import CLIENT_CORE, SERVER_CORE
from tests.host import JWT_SECRET, SIGNATURE_SECRET, TOKEN_SECRET
from tests.ports import free_port

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
# As the README has it.
THREADS = 64
_TICKS = os.sysconf("SC_CLK_TCK")


class ServerFailed(Exception):
    """A server did not start; the text names its command."""


@dataclass(frozen=True)
class Server:
    """A server that runs: its address, and the group that its processes are in."""

    base: str
    group: int

    def peak_resident(self) -> int:
        """Return the most memory, in bytes, that the largest of its processes ever held."""
        return max(_peak(stat, self.group) for stat in Path("/proc").glob("[0-9]*/stat"))

    def cpu_seconds(self) -> float:
        """Return the time on a processor that all its processes have had."""
        return sum(_ticks(stat, self.group) for stat in Path("/proc").glob("[0-9]*/stat")) / _TICKS


@contextmanager
def running(
    command: Sequence[str],
    settings: Mapping[str, str],
    *,
    port: int,
    cores: str = SERVER_CORE,
    log: Path | None = None,
) -> Iterator[Server]:
    """Run a server on some cores until the block ends.

    Its standard error, where Placard's log goes, is written to a file.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (log or Path(os.devnull)).open("ab") as written:
        process = subprocess.Popen(
            ["taskset", "-c", cores, *command],
            env={**kept, **settings},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=written,
            start_new_session=True,
        )
        try:
            _wait_for(port, process)
            yield Server(f"http://127.0.0.1:{port}", process.pid)
        finally:
            _stop(process)


@contextmanager
def placard(
    log: Path,
    more: Mapping[str, str],
    *,
    workers: int = 1,
    threads: int = THREADS,
    cores: str = SERVER_CORE,
) -> Iterator[Server]:
    """Run Placard as in production, its JSON log in a file; `more` are settings."""
    settings = {
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_CACHE_TTL": "3600",
        # All load is one holder's, in most of them.
        "PLACARD_COLD_FETCHES_PER_MINUTE": "1000000",
    }
    port = free_port()
    start = [str(BIN / "placard"), "serve", "--port", str(port)]
    size = ["--workers", str(workers), "--threads", str(threads)]
    with running([*start, *size], {**settings, **more}, port=port, cores=cores, log=log) as server:
        yield server


@contextmanager
def granian(
    target: str, settings: Mapping[str, str], *, workers: int = 1, cores: str = SERVER_CORE
) -> Iterator[Server]:
    """Run another WSGI application on the server that Placard has, started as Placard starts it."""
    port = free_port()
    command = [str(BIN / "granian"), "--interface", "wsgi", "--http", "1", "--no-ws"]
    size = ["--workers", str(workers), "--blocking-threads", str(THREADS), "--port", str(port)]
    with running([*command, *size, target], settings, port=port, cores=cores) as server:
        yield server


@contextmanager
def upstream(delay: float = 0.0) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Run the stand-in for GitHub on the load's core; give its address, and Placard's settings."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.upstream", str(port), str(delay)]
    with running(command, {}, port=port, cores=CLIENT_CORE) as server:
        yield server.base, {"PLACARD_UPSTREAMS": f"https://api.github.com={server.base}"}


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(400):
        if process.poll() is not None:
            raise ServerFailed(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise ServerFailed(f"{process.args!r} did not come up")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)


def _ticks(stat: Path, group: int) -> int:
    """Read a process's time, where it is of the group; see proc(5)."""
    told = _told(stat, group)
    return int(told[11]) + int(told[12]) if told else 0


def _peak(stat: Path, group: int) -> int:
    """Read the most memory that a process held, where it is of the group."""
    with suppress(OSError):
        status = (stat.parent / "status").read_text("utf-8", "replace")
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found and _told(stat, group) else 0
    return 0


def _told(stat: Path, group: int) -> list[str]:
    """Read what the system tells of a process of the group; nothing of another one."""
    with suppress(OSError):
        # The name before it may hold anything, blanks and parentheses too.
        told = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        return told if int(told[2]) == group else []
    return []
