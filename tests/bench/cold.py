"""Cold requests: what Placard adds to an upstream that takes 50 ms."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import requests

from tests.bench.load import Load, load, middle, widget_requests, write_requests
from tests.bench.machine import need, need_two_cores
from tests.bench.processes import THREADS, Server, granian, placard, upstream
from tests.bench.tables import Table
from tests.host import ORIGIN

DELAY = 0.05
CALLS = 60
ROUNDS = 5
SECONDS = 3
AT_A_TIME = 32
COLUMNS = ("at a time", "asked", "p50", "p99", "added, p50", "p99", "requests a second")
NOTES = f"""
Every request is for a resource that was not asked for before; medians of {ROUNDS} rounds in turn
with direct calls. One at a time by `requests` over a kept connection, {CALLS} calls a round, on
either side; {AT_A_TIME} at a time by wrk, {SECONDS} s a round, on either side. The upstream is a
threaded server of its own process, on the load's core. The bare route is a Flask view on the same
server that asks the upstream by `requests` and answers with a constant: what the second hop alone
costs. With fewer threads than are asked at a time, requests wait for one; and as half of the
threads may be with one host, some are refused: the others are for the cards of other hosts.
"""


def measure() -> Table:
    """Measure one at a time and many, through Placard and directly."""
    need("wrk", "taskset")
    need_two_cores()
    with (
        tempfile.TemporaryDirectory(prefix="placard-bench-") as name,
        upstream(DELAY) as (base, stand_in),
    ):
        folder = Path(name)
        settings = {**stand_in, "PLACARD_VERIFY": "signature"}
        with placard(folder / "log.jsonl", settings) as server, _bare(folder, base) as bare:
            rows = _rows("1", *_one_at_a_time(server, bare, base))
        for threads in (16, THREADS):
            with placard(folder / "log.jsonl", settings, threads=threads) as server:
                many = _many_at_a_time(server, base, folder)
            rows += _rows(f"{AT_A_TIME}, by {threads} threads", *many)
    return Table(COLUMNS, rows, NOTES)


@contextmanager
def _bare(folder: Path, base: str) -> Iterator[Server]:
    (folder / "body").write_bytes(bytes(500))
    settings = {"BENCH_BODY": str(folder / "body"), "BENCH_UPSTREAM": base}
    with granian("tests.bench.bare:app", settings) as server:
        yield server


def _rows(at_a_time: str, direct: Load, *through: Load) -> list[list[str]]:
    rows = [[at_a_time, "directly", *_times(direct), "", "", f"{direct.rate:,.0f}"]]
    for asked, seen in zip(("through Placard", "through the bare route"), through, strict=False):
        added = [f"{seen.p50 - direct.p50:.1f} ms", f"{seen.p99 - direct.p99:.1f} ms"]
        rows.append([at_a_time, asked, *_times(seen), *added, _rate(seen)])
    return rows


def _rate(seen: Load) -> str:
    refused = f", {seen.failed:,} of all refused" if seen.failed else ""
    return f"{seen.rate:,.0f}{refused}"


def _times(seen: Load) -> list[str]:
    return [f"{seen.p50:.1f} ms", f"{seen.p99:.1f} ms"]


def _one_at_a_time(server: Server, bare: Server, base: str) -> tuple[Load, Load, Load]:
    direct, through, barely = [], [], []
    with requests.Session() as session:
        for turn in range(ROUNDS):
            numbers = range(turn * CALLS, (turn + 1) * CALLS)
            direct.append(_timed([_call(session, f"{base}/repos/{n}", {}) for n in numbers]))
            calls = [
                _call(session, server.base + path, {header: value, "Origin": ORIGIN})
                for path, header, value in _cold(turn * CALLS, CALLS)
            ]
            through.append(_timed(calls))
            barely.append(_timed([_call(session, f"{bare.base}/fetch/{n}", {}) for n in numbers]))
    return middle(direct), middle(through), middle(barely)


def _call(session: requests.Session, url: str, headers: dict[str, str]) -> Callable[[], None]:
    return lambda: session.get(url, headers=headers, timeout=30).raise_for_status()


def _timed(calls: list[Callable[[], None]]) -> Load:
    """Make calls one after the other, and say how long they took."""
    taken = []
    for call in calls:
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    p99 = quantiles(taken, n=100, method="inclusive")[98]
    return Load(1000 * len(taken) / sum(taken), median(taken), p99, 0)


def _many_at_a_time(server: Server, base: str, folder: Path) -> tuple[Load, Load]:
    direct, through = [], []
    # More than an upstream of this delay can be asked in a round.
    share = int(2 * SECONDS * AT_A_TIME / DELAY)
    for turn in range(ROUNDS):
        made = _cold(1_000_000 + turn * share, share)
        cold = write_requests(made, folder / "cold.tsv")
        plain = write_requests(
            [(f"/repos/{n}", "Accept", "*/*") for n in range(share)], folder / "plain.tsv"
        )
        directly = Server(base, 0)
        direct.append(load(directly, plain, connections=AT_A_TIME, seconds=SECONDS))
        through.append(load(server, cold, connections=AT_A_TIME, seconds=SECONDS))
    assert not any(seen.failed for seen in direct)
    return middle(direct), middle(through)


def _cold(first: int, count: int) -> list[tuple[str, str, str]]:
    numbers = range(first + 1, first + count + 1)
    return widget_requests(
        (f"https://github.com/pallets/flask/issues/{n}" for n in numbers), "signature"
    )
