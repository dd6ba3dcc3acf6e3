"""Warm requests with one worker and two, their cards in memory or in Redis."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import widget_requests, write_requests
from tests.bench.machine import CLIENT_CORE, SERVER_CORE, need, need_two_cores
from tests.bench.processes import Server, ServerFailed, granian, running
from tests.bench.tables import Missing, Table, skipped
from tests.bench.warm import REQUESTS, addresses, keep_body, take_turns, warm_placard
from tests.ports import free_port

COLUMNS = (
    *("workers and cache", "requests a second", "p50", "p99", "processor time a request"),
    *("cores of the workers", "of wrk"),
)
NOTES = """
As in `warm`, proven by signatures. Two workers have both cores, and share the second one with wrk
and Redis; one has a core for itself. So the rate can grow only by the cores that the workers had,
and by what a request takes of them. Placard's workers keep to a core each, the bare route's float.
"""


def measure() -> Table:
    """Measure each number of workers with each cache."""
    need("wrk", "taskset")
    need_two_cores()
    rows = []
    with tempfile.TemporaryDirectory(prefix="placard-bench-") as name:
        folder = Path(name)
        made = widget_requests(addresses(REQUESTS), "signature")
        written = write_requests(made, folder / "requests.tsv")
        for workers in (1, 2):
            shown = f"{workers} worker{'s' * (workers > 1)}"
            rows.append(_row(f"{shown}, memory", workers, folder, written, "memory://"))
            try:
                rows.append(_redis_row(f"{shown}, Redis", workers, folder, written))
            except Missing as missing:
                rows.append(skipped(f"{shown}, Redis", COLUMNS, missing))
            rows.append(_bare_row(f"{shown}, the bare Flask route", workers, folder, written))
    return Table(COLUMNS, rows, NOTES)


def _redis_row(shown: str, workers: int, folder: Path, written: Path) -> list[str]:
    with _redis(folder) as port:
        url = f"redis://127.0.0.1:{port}/0"
        try:
            row = _row(shown, workers, folder, written, url)
        except ServerFailed as failed:
            raise Missing(f"Placard does not start with {url}") from failed
        if not _keys(port):
            raise Missing("`PLACARD_CACHE_URL=redis://…` keeps nothing in Redis yet")
    return row


def _row(shown: str, workers: int, folder: Path, written: Path, cache: str) -> list[str]:
    settings = {"PLACARD_VERIFY": "signature", "PLACARD_CACHE_URL": cache}
    with warm_placard(folder, written, settings, workers=workers, cores=_cores(workers)) as server:
        keep_body(server, written, folder)
        return _measured(shown, server, written)


def _bare_row(shown: str, workers: int, folder: Path, written: Path) -> list[str]:
    settings = {"BENCH_BODY": str(folder / "card.json")}
    cores = _cores(workers)
    with granian("tests.bench.bare:app", settings, workers=workers, cores=cores) as server:
        return _measured(shown, server, written)


def _cores(workers: int) -> str:
    return SERVER_CORE if workers == 1 else f"{SERVER_CORE},{CLIENT_CORE}"


def _measured(shown: str, server: Server, written: Path) -> list[str]:
    (seen,) = take_turns({shown: server}, written).values()
    rate, cpu = f"{seen.rate:,.0f}", f"{seen.cpu:.0f} µs"
    times = [f"{seen.p50:.2f} ms", f"{seen.p99:.2f} ms", cpu]
    return [shown, rate, *times, f"{seen.cores:.2f}", f"{seen.wrk:.2f}"]


@contextmanager
def _redis(folder: Path) -> Iterator[int]:
    """Run a Redis that writes nothing to the disk, and give its port."""
    need("redis-server")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    with running(command, {}, port=port, cores=CLIENT_CORE):
        yield port


def _keys(port: int) -> int:
    """Return how many keys a Redis holds."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"DBSIZE\r\n")
        return int(connection.recv(64).strip().lstrip(b":"))
