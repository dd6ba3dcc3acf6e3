"""Isolation: warm requests while others hang on an upstream that is dead."""

import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from tests.bench.load import Load, load, middle, widget_requests, write_requests
from tests.bench.machine import need, need_two_cores
from tests.bench.processes import Server, placard, upstream
from tests.bench.tables import Table
from tests.bench.warm import RESOURCES, addresses, ask
from tests.host import ORIGIN

HANGING = 32
ROUNDS = 2
SECONDS = 4
CONNECTIONS = 4
COLUMNS = ("threads", "meanwhile", "requests a second", "p50", "p99", "p99, against without")
NOTES = f"""
Medians of {ROUNDS} rounds of {SECONDS} s, wrk over {CONNECTIONS} connections. The dead upstream
takes connections and never says a word; {HANGING} clients ask for ever new resources of it, each
again as soon as it is answered (by the fetch deadline, 5 s, or sooner by what Placard has learnt).
"""


def measure() -> Table:
    """Measure with the threads of the README, and with more than hang."""
    need("wrk", "taskset")
    need_two_cores()
    with (
        tempfile.TemporaryDirectory(prefix="placard-bench-") as name,
        upstream() as (base, _),
        _dead() as dead,
    ):
        stand_ins = f"https://api.github.com={base},https://gitlab.com={dead}"
        settings = {"PLACARD_VERIFY": "signature", "PLACARD_UPSTREAMS": stand_ins}
        rows = [row for threads in (16, 64) for row in _rows(Path(name), threads, settings)]
    return Table(COLUMNS, rows, NOTES)


def _rows(folder: Path, threads: int, settings: Mapping[str, str]) -> list[list[str]]:
    written = write_requests(widget_requests(addresses(2000), "signature"), folder / "warm.tsv")
    with placard(folder / "log.jsonl", settings, threads=threads) as server:
        for line in written.read_text("utf-8").splitlines()[:RESOURCES]:
            ask(server, line)
        alone, beside = [], []
        for turn in range(ROUNDS):
            alone.append(load(server, written, connections=CONNECTIONS, seconds=SECONDS))
            with _hanging(server, turn):
                beside.append(load(server, written, connections=CONNECTIONS, seconds=SECONDS))
    without, during = middle(alone), middle(beside)
    ratio = f"{during.p99 / without.p99:.1f} times" if during.rate else ""
    return [
        [str(threads), "nothing", *_told(without), ""],
        [str(threads), f"{HANGING} hang", *_told(during), ratio],
    ]


def _told(seen: Load) -> list[str]:
    if not seen.rate:
        return ["none was answered", "", ""]
    return [f"{seen.rate:,.0f}", f"{seen.p50:.2f} ms", f"{seen.p99:.2f} ms"]


@contextmanager
def _dead() -> Iterator[str]:
    """Listen, and never answer: the system takes the connections."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def _hanging(server: Server, turn: int) -> Iterator[None]:
    """Keep requests hanging on the dead upstream until the block ends."""
    over = threading.Event()

    def ask_on(client: int) -> None:
        for count in range(100_000):
            if over.is_set():
                return
            number = (turn * HANGING + client) * 100_000 + count
            page = f"https://gitlab.com/a/b/-/issues/{number + 1}"
            ((path, header, value),) = widget_requests([page], "signature")
            with suppress(requests.RequestException):
                requests.get(
                    server.base + path, headers={header: value, "Origin": ORIGIN}, timeout=30
                )
            # One that is refused at once comes again soon, but is not a load of its own.
            over.wait(0.1)

    clients = [threading.Thread(target=ask_on, args=(client,)) for client in range(HANGING)]
    for client in clients:
        client.start()
    try:
        over.wait(1)
        yield
    finally:
        over.set()
        for client in clients:
            client.join()
