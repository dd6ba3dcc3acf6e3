"""Isolation: warm requests while others hang on an upstream that is dead."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.load import Load, load, middle, widget_requests, write_requests
from tests.bench.machine import CLIENT_CORE, need, need_two_cores
from tests.bench.processes import THREADS, Server, placard, upstream
from tests.bench.tables import Table
from tests.bench.warm import RESOURCES, addresses, ask
from tests.host import ORIGIN

HANGING = 32
ROUNDS = 5
SECONDS = 3
CONNECTIONS = 4
# How long who is refused waits before asking again, in seconds: not in this round, or soon.
ONCE, AGAIN = 60.0, 0.1
# How many pages of the dead upstream are asked for, at most: for ten seconds of coming again.
ASKED = HANGING * 100
COLUMNS = ("threads", "meanwhile", "requests a second", "p50", "p99", "p99, against without")
NOTES = f"""
Medians of {ROUNDS} rounds of {SECONDS} s, each with a service of its own; wrk over {CONNECTIONS}
connections. The dead upstream takes connections and never says a word; {HANGING} clients ask for as
many resources of it, and those that get a place hang all through the round: half of the threads are
for one host, the others are refused. Then the same with clients that, refused, come again with
another resource after {AGAIN} s: a load of its own, of up to 320 requests a second.
"""


def measure() -> Table:
    """Measure with fewer threads than hang, and with those of the README."""
    need("wrk", "taskset")
    need_two_cores()
    with (
        tempfile.TemporaryDirectory(prefix="placard-bench-") as name,
        upstream() as (base, _),
        _dead() as dead,
    ):
        stand_ins = f"https://api.github.com={base},https://gitlab.com={dead}"
        settings = {"PLACARD_VERIFY": "signature", "PLACARD_UPSTREAMS": stand_ins}
        rows = [row for threads in (16, THREADS) for row in _rows(Path(name), threads, settings)]
    return Table(COLUMNS, rows, NOTES)


def _rows(folder: Path, threads: int, settings: Mapping[str, str]) -> list[list[str]]:
    written = write_requests(widget_requests(addresses(2000), "signature"), folder / "warm.tsv")
    alone, beside, pressed = [], [], []
    for _ in range(ROUNDS):
        with _warm(folder, threads, settings, written) as server:
            alone.append(_load(server, written))
            with _hanging(server, ONCE):
                beside.append(_load(server, written))
        with _warm(folder, threads, settings, written) as server, _hanging(server, AGAIN):
            pressed.append(_load(server, written))
    without = middle(alone)
    rows = [[str(threads), "nothing", *_told(without), ""]]
    for meanwhile, loads in ((f"{HANGING} hang", beside), ("and come again", pressed)):
        during = middle(loads)
        ratio = f"{during.p99 / without.p99:.1f} times" if during.rate else ""
        rows.append([str(threads), meanwhile, *_told(during), ratio])
    return rows


@contextmanager
def _warm(
    folder: Path, threads: int, settings: Mapping[str, str], written: Path
) -> Iterator[Server]:
    with placard(folder / "log.jsonl", settings, threads=threads) as server:
        for line in written.read_text("utf-8").splitlines()[:RESOURCES]:
            ask(server, line)
        yield server


def _load(server: Server, written: Path) -> Load:
    return load(server, written, connections=CONNECTIONS, seconds=SECONDS)


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
def _hanging(server: Server, pause: float) -> Iterator[None]:
    """Keep requests hanging on the dead upstream until the block ends."""
    over = threading.Event()
    # Signed before, and sent by little code: these clients have the core of the load.
    pages = [f"https://gitlab.com/a/b/-/issues/{number + 1}" for number in range(ASKED)]
    signed = widget_requests(pages, "signature")

    def ask_on(client: int) -> None:
        os.sched_setaffinity(0, {int(CLIENT_CORE)})
        address = urlsplit(server.base)
        for path, header, value in signed[client::HANGING]:
            connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
            with closing(connection), suppress(OSError, HTTPException):
                connection.request("GET", path, headers={header: value, "Origin": ORIGIN})
                connection.getresponse().read()
            if over.wait(pause):
                return

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
