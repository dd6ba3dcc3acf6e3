"""The load: wrk, with signed requests that are written before it starts."""

import os
import re
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.bench.machine import CLIENT_CORE
from tests.bench.processes import Server
from tests.host import EXPIRES_AT, ORIGIN, query_of, signature, token

SCRIPT = Path(__file__).parent / "requests.lua"
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw; times are in milliseconds, `cpu` in microseconds a request.

    `wrk` is how many cores wrk itself took.
    """

    rate: float
    p50: float
    p99: float
    failed: int
    cpu: float = 0.0
    wrk: float = 0.0

    @property
    def cores(self) -> float:
        """How many cores the server took."""
        return self.rate * self.cpu / 1e6


def widget_requests(addresses: Iterable[str], proof: str) -> list[tuple[str, str, str]]:
    """Make requests as the host's client does: the path, and the header that proves it.

    No two of them are the same: each is of another user, with a signature or a token of its own;
    of the proof `jwt for 20`, twenty have one token.
    """
    made = []
    # As long as Placard lets a token live, which is longer than a bench.
    until = int(time.time()) + 590
    for user, address in enumerate(addresses):
        query = query_of(
            resource_url=address,
            workspace="12345",
            task="23456",
            user=str(user),
            attachment="45678",
            locale="en",
            expires_at=EXPIRES_AT,
        )
        if proof.startswith("jwt"):
            holder = str(user if proof == "jwt" else user // 20)
            header = ("Authorization", f"Bearer {token(sub=holder, iat=until - 590, exp=until)}")
        else:
            header = ("x-asana-request-signature", signature(query))
        made.append((f"/widget?{query}", *header))
    return made


def write_requests(made: Iterable[tuple[str, str, str]], path: Path) -> Path:
    """Write requests for the script, one a line."""
    path.write_text("".join("\t".join(request) + "\n" for request in made), "utf-8")
    return path


def load(server: Server, requests: Path, *, connections: int, seconds: float) -> Load:
    """Ask for the requests in turn, over some kept connections, as fast as answers come."""
    began, wrk = server.cpu_seconds(), _children_seconds()
    ended = subprocess.run(
        [
            *("taskset", "-c", CLIENT_CORE, "wrk", "--latency", "--timeout", "30s"),
            *("-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "-s", str(SCRIPT)),
            *(server.base, "--", str(requests), ORIGIN),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    seen = read_report(ended.stdout)
    taken = (server.cpu_seconds() - began) * 1e6
    cpu = taken / max(1.0, seen.rate * seconds)
    return replace(seen, cpu=cpu, wrk=(_children_seconds() - wrk) / seconds)


def _children_seconds() -> float:
    """Return the time on a processor of the children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def read_report(text: str) -> Load:
    """Read what wrk says."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert rate, text
    failures = re.findall(r"Non-2xx or 3xx responses: (\d+)|(?:read|timeout) (\d+)", text)
    failed = sum(int(count) for found in failures for count in found if count)
    return Load(float(rate[1]), _percentile(text, "50"), _percentile(text, "99"), failed)


def middle(loads: Iterable[Load]) -> Load:
    """Return the median of each figure over several runs, and the sum of the failures."""
    known = list(loads)
    return Load(
        median(one.rate for one in known),
        median(one.p50 for one in known),
        median(one.p99 for one in known),
        sum(one.failed for one in known),
        median(one.cpu for one in known),
        median(one.wrk for one in known),
    )


def _percentile(text: str, share: str) -> float:
    found = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    assert found, text
    return float(found[1]) * _MILLISECONDS[found[2]]
