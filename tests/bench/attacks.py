"""Attacks: cards while one holder of one token of the library does what it can to stop them."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from app.database.store import Store
from app.library.core.models import CustomWidgetRow, SavedWidgetRow, UserRow
from app.library.core.tokens import Grant, TokenStore
from app.library.wiring import SCOPES
from tests.bench.attackers import ATTACKS, slow_widget
from tests.bench.library_rows import DOMAIN, EXPERIENCE, custom_id, saved_id
from tests.bench.load import widget_requests
from tests.bench.machine import CLIENT_CORE, need, need_two_cores
from tests.bench.processes import ROOT, THREADS, Server, placard, upstream
from tests.bench.tables import Table
from tests.host import ORIGIN, TOKEN_SECRET
from tests.mortal import mortal

CARDS_A_SECOND = 20
ROUNDS = 3
BEFORE, DURING = 5.0, 12.0
PATIENCE = 30.0
DOCUMENTS, DOCUMENT_BYTES = 60, 900_000
LONGEST_CARD, LONGEST_RESIDENT = 1.0, 700
COLUMNS = (
    *("attack", "p95 before", "p95 during", "slowest", "cards, not 200", "resident", "bars held"),
    "the attackers were answered",
)
NOTES = f"""
One worker with {THREADS} threads and SQLite, {DOCUMENTS} widgets of {DOCUMENT_BYTES / 1e6} MB in
each of two dialects. The attackers have one token of the library, without a limit of requests that
would be in their way, and come again as soon as they are answered (64 with slow bodies and slow
queries, 16 with large answers and faulty bodies, 1100 idle connections, 70 with tokens of a key
that is nowhere while the key set hangs). {CARDS_A_SECOND} cards a second are asked for on
connections of their own, before ({BEFORE:g} s) and during ({DURING:g} s) the attack: half of them
kept, half fetched. Of {ROUNDS} rounds, each with a service of its own, p95 is the median, all else
the worst or the sum. The bars: every card 200
within {LONGEST_CARD:g} s, p95 at most 100 ms + 3 times that before, at most {LONGEST_RESIDENT} MB.
"""


@dataclass(frozen=True)
class Card:
    """The answer to one card request: its status (0 for none), and how long it took."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Round:
    """One attack on one service: the cards before and during it, and the memory it took."""

    before: Sequence[Card]
    during: Sequence[Card]
    resident: int
    answers: Mapping[str, int]


def measure(names: Sequence[str] = tuple(ATTACKS)) -> Table:
    """Measure each attack against a service of its own."""
    need("taskset")
    need_two_cores()
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    with tempfile.TemporaryDirectory(prefix="placard-bench-") as folder:
        url = f"sqlite:///{folder}/library.db"
        token = fill(url)
        return Table(COLUMNS, [_row(name, url, token) for name in names], NOTES)


def _row(name: str, url: str, token: str) -> list[str]:
    return row_of(name, [_round(name, url, token) for _ in range(ROUNDS)])


def _round(name: str, url: str, token: str) -> Round:
    with (
        tempfile.TemporaryDirectory(prefix="placard-bench-") as folder,
        upstream() as (base, _),
        silence() as silent,
    ):
        settings = {
            "PLACARD_VERIFY": "either",
            "PLACARD_UPSTREAMS": f"https://api.github.com={base},https://keys.example={silent}",
            "PLACARD_JWT_JWKS_URL": "https://keys.example/keys",
            "PLACARD_DATABASE_URL": url,
            "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
            "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": "1000000",
        }
        with placard(Path(folder) / "log.jsonl", settings) as server:
            time.sleep(1)
            before = cards(server, BEFORE)
            with attacking(name, server, token) as answers:
                time.sleep(1)
                during = cards(server, DURING)
            return Round(before, during, server.peak_resident(), answers)


def fill(url: str, documents: int = DOCUMENTS) -> str:
    """Put the widgets into a new database; return a token that may read them."""
    store = Store(url)
    store.prepare()
    tokens = TokenStore(store, [TOKEN_SECRET], SCOPES)
    text = tokens.create(
        Grant("attacker@example.com", "Attacker", SCOPES, (DOMAIN,), timedelta(hours=1))
    ).text
    now = datetime.now(UTC)
    with store.writing() as session:
        (user,) = session.query(UserRow).all()
    with store.writing() as session:
        session.add_all(_rows(user.id, now))
    # The database copies them in a tenth of the time that it takes to write them anew.
    with store.writing() as session:
        for number in range(1, documents):
            _copy(session, SavedWidgetRow, saved_id(0), saved_id(number))
            _copy(session, CustomWidgetRow, custom_id(0), custom_id(number))
    with store.writing() as session:
        session.add(_custom(documents, "slow", slow_widget(), now))
    store.close()
    return text


def _copy(session: Session, kind: Any, known: Any, new: Any) -> None:
    columns = kind.__table__.columns
    copied = [literal(new, each.type) if each.primary_key else each for each in columns]
    chosen = select(*copied).where(kind.id == known)
    session.execute(insert(kind).from_select([each.name for each in columns], chosen))


def _rows(user: Any, now: datetime) -> list[Any]:
    # Of many small parts, as charts are: they take more when they are read than as text.
    large = {"parts": [{"name": f"part {n}", "value": n} for n in range(DOCUMENT_BYTES // 33)]}
    title = "Large"
    saved = SavedWidgetRow(
        id=saved_id(0),
        experience_type=EXPERIENCE,
        title=title,
        widget_type="timeseries",
        definition={"type": "timeseries", "title": title, "requests": [large]},
        tags=[],
        created_at=now,
        created_by_id=user,
        modified_at=now,
        modified_by_id=user,
    )
    return [saved, _custom(0, title, large, now)]


def _custom(number: int, title: str, options: dict[str, Any], now: datetime) -> CustomWidgetRow:
    return CustomWidgetRow(
        id=custom_id(number),
        domain_id=DOMAIN,
        widget_name="large",
        title=title,
        version="v1",
        document={
            "options": options,
            "settings": {},
            "inherit_options": {},
            "labels": [],
            "tags": {},
        },
        user_id="attacker@example.com",
        created_at=now,
        updated_at=now,
    )


def cards(server: Server, seconds: float) -> list[Card]:
    """Ask for cards at a steady rate, whether or not those before were answered."""
    known, threads = [], []
    fresh = widget_requests((_page(next(_PAGES)) for _ in range(int(seconds * 20))), "signature")
    kept = widget_requests([_page(0)], "signature")[0]
    began = time.monotonic()
    for number in range(int(seconds * CARDS_A_SECOND)):
        time.sleep(max(0.0, began + number / CARDS_A_SECOND - time.monotonic()))
        request = kept if number % 2 else fresh[number]
        thread = threading.Thread(target=lambda made=request: known.append(card(server, made)))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return known


_PAGES = count(1)


def _page(number: int) -> str:
    return f"https://github.com/pallets/flask/issues/{number}"


def card(server: Server, request: tuple[str, str, str]) -> Card:
    """Ask for one card."""
    path, header, proof = request
    began = time.monotonic()
    host = urlsplit(server.base).netloc
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={header: proof, "Origin": ORIGIN})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Card(status, time.monotonic() - began)


@contextmanager
def attacking(name: str, server: Server, token: str) -> Iterator[dict[str, int]]:
    """Attack while the block runs; how the attackers were answered is known at its end."""
    answers: dict[str, int] = {}
    port = str(urlsplit(server.base).port)
    process = subprocess.Popen(
        mortal(
            [sys.executable, "-m", "tests.bench.attackers", name, port, token, str(DURING + 3)],
            signal.SIGTERM,
        ),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield answers
        told, _ = process.communicate(timeout=60)
        answers.update(json.loads(told))
    finally:
        process.kill()
        process.wait()


def row_of(name: str, rounds: Sequence[Round]) -> list[str]:
    """Write what was seen, and whether it is within the bars."""
    asked = [card for each in rounds for card in each.during]
    failed = [card for card in asked if card.status != 200]
    slowest = max(card.seconds for card in asked)
    was = median(p95(each.before) for each in rounds)
    now = median(p95(each.during) for each in rounds)
    resident = max(each.resident for each in rounds)
    held = (
        not failed
        and slowest <= LONGEST_CARD
        and now <= 0.1 + 3 * was
        and resident <= LONGEST_RESIDENT * 1e6
    )
    answers: Counter[str] = Counter()
    for each in rounds:
        answers.update(each.answers)
    return [
        name,
        f"{was * 1000:.0f} ms",
        f"{now * 1000:.0f} ms",
        f"{slowest * 1000:,.0f} ms",
        f"{len(asked)}, {len(failed)}",
        f"{resident / 1e6:,.0f} MB",
        "yes" if held else "no",
        ", ".join(f"{times:,} of {status}" for status, times in sorted(answers.items())),
    ]


def p95(seen: Sequence[Card]) -> float:
    """Return the time, in seconds, within which 95 of 100 were answered."""
    return sorted(card.seconds for card in seen)[int(len(seen) * 0.95)]


@contextmanager
def silence() -> Iterator[str]:
    """Listen, and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
