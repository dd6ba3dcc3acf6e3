"""Warm requests: a kept card, against Flask with a constant and Express with a proof to verify."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.bench.load import Load, load, middle, widget_requests, write_requests
from tests.bench.machine import SERVER_CORE, need, need_two_cores
from tests.bench.processes import ROOT, THREADS, Server, granian, placard, running, upstream
from tests.bench.tables import Missing, Table, skipped
from tests.host import JWT_SECRET, ORIGIN, SIGNATURE_SECRET
from tests.ports import free_port

ROUNDS = 7
SECONDS = 3
CONNECTIONS = 8
RESOURCES = 100
REQUESTS = 20_000
PROOFS = ("signature", "jwt", "jwt for 20")
COLUMNS = (
    *("contestant", "requests a second", "p50", "p99", "processor time a request"),
    *("rate, of the bare route", "rate, of Express"),
)
NOTES = f"""
Medians of {ROUNDS} rounds in which all take turns, {SECONDS} s each: wrk over {CONNECTIONS} kept
connections on one core, the server on the other, so the times are those of a busy server. The
{REQUESTS:,} requests are all different, for {RESOURCES} resources; each has a proof of its own, but
for `jwt for 20`, where twenty have one token. Placard verifies every one, counts it and writes its
log line to a file. The bare route is a Flask view that returns the same bytes, on the same server
with the same {THREADS} threads. Express 5 verifies the proof and the expiry (tokens with its
`jsonwebtoken`) and returns the bytes; it keeps nothing, logs nothing and counts nothing.
"""


def measure() -> Table:
    """Measure each proof, against both of the others."""
    need("wrk", "taskset")
    need_two_cores()
    with tempfile.TemporaryDirectory(prefix="placard-bench-") as name:
        return Table(COLUMNS, [row for proof in PROOFS for row in _rows(Path(name), proof)], NOTES)


def _rows(folder: Path, proof: str) -> list[list[str]]:
    express = f"Express 5, {proof}"
    written = write_requests(widget_requests(addresses(REQUESTS), proof), folder / "requests.tsv")
    rows = []
    settings = {"PLACARD_VERIFY": proof.partition(" ")[0]}
    with ExitStack() as stack:
        ours = stack.enter_context(warm_placard(folder, written, settings))
        body = keep_body(ours, written, folder)
        bare = stack.enter_context(granian("tests.bench.bare:app", {"BENCH_BODY": str(body)}))
        servers = {f"Placard, {proof}": ours, "the bare Flask route": bare}
        try:
            servers[express] = stack.enter_context(_express(folder, proof, body))
        except Missing as missing:
            rows.append(skipped(express, COLUMNS, missing))
        return table_rows(take_turns(servers, written)) + rows


@contextmanager
def warm_placard(
    folder: Path,
    written: Path,
    settings: Mapping[str, str],
    *,
    workers: int = 1,
    cores: str = SERVER_CORE,
) -> Iterator[Server]:
    """Run Placard with the cards of all requests kept, in each of its workers."""
    log = folder / "log.jsonl"
    with (
        upstream() as (_, stand_in),
        placard(log, {**stand_in, **settings}, workers=workers, cores=cores) as server,
    ):
        # Each time over a new connection, which any of the workers may take.
        for _ in range(1 if workers == 1 else 8 * workers):
            for line in written.read_text("utf-8").splitlines()[:RESOURCES]:
                ask(server, line)
        yield server


def take_turns(servers: Mapping[str, Server], written: Path) -> dict[str, Load]:
    """Load all contestants, round by round, and return the medians of each."""
    seen: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            seen[name].append(load(server, written, connections=CONNECTIONS, seconds=SECONDS))
    medians = {name: middle(loads) for name, loads in seen.items()}
    wrong = {name: told.failed for name, told in medians.items() if told.failed}
    assert not wrong, f"requests failed: {wrong}"
    return medians


def table_rows(seen: Mapping[str, Load]) -> list[list[str]]:
    """Write the contestants' rows: ours, the bare route's and Express's, with ours as ratios."""
    mine, *others = seen.values()
    ratios = [f"{mine.rate / other.rate:.2f}" for other in others]
    rows = [
        [
            name,
            f"{told.rate:,.0f}",
            f"{told.p50:.2f} ms",
            f"{told.p99:.2f} ms",
            f"{told.cpu:.0f} µs",
        ]
        for name, told in seen.items()
    ]
    filled = [*ratios, "", ""][:2]
    return [[*rows[0], *filled], *([*row, "", ""] for row in rows[1:])]


def addresses(count: int) -> list[str]:
    """List addresses of the resources, in turn."""
    return [f"https://github.com/pallets/flask/issues/{n % RESOURCES + 1}" for n in range(count)]


def keep_body(server: Server, written: Path, folder: Path) -> Path:
    """Keep the bytes that Placard answers with, for the others to send."""
    body = folder / "card.json"
    body.write_bytes(ask(server, written.read_text("utf-8").splitlines()[0]))
    return body


def ask(server: Server, line: str) -> bytes:
    """Send one of the written requests, and return the body of its answer."""
    path, header, value = line.split("\t")
    headers = {header: value, "Origin": ORIGIN}
    answer = requests.get(server.base + path, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.content


@contextmanager
def _express(folder: Path, proof: str, body: Path) -> Iterator[Server]:
    need("node", "npm")
    home = folder / "express"
    home.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests/bench/express.js", home)
    if not (home / "node_modules").is_dir():
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
        done = subprocess.run([*install, "express@5", "jsonwebtoken@9"], cwd=home, check=False)
        if done.returncode:
            raise Missing("npm could not install express and jsonwebtoken")
    port = free_port()
    settings = {
        "NODE_ENV": "production",
        "PORT": str(port),
        "BENCH_BODY": str(body),
        "BENCH_PROOF": proof,
        "JWT_SECRET": JWT_SECRET,
        "SIGNATURE_SECRET": SIGNATURE_SECRET,
    }
    with running(["node", str(home / "express.js")], settings, port=port) as server:
        yield server
