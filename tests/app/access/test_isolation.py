"""Thousands of requests of several people at once: nobody is answered with another's card."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from flask import Flask
from structlog.testing import capture_logs

from app.devtools.local_provider import LocalPerson
from app.verification import Viewer
from tests.app.access.world import ALICE, BOB, World, world
from tests.host import EXPIRES_AT, JWT_SECRET, query_of, signature
from tests.redis_server import RunRedis

REQUESTS: Final = 10_000
THREADS: Final = 8
STRANGER: Final = LocalPerson("1200000000000003", "stranger")
# Of repository n, issue 1: who may read it. Alice has attached those of the last two in task 7.
READERS: Final = [{ALICE.login}, {BOB.login}, {ALICE.login, BOB.login}, set(), {ALICE.login}, set()]
ATTACHED: Final = (4, 5)
CONNECT: Final = "Connect your GitHub account to see this."
HIDDEN: Final = "Not found. GitHub has no such page, or does not show it to us."
Ask = tuple[LocalPerson, int, str]


@contextmanager
def many(database_url: str, **changes: str) -> Iterator[World]:
    quick = {"cache_ttl": "1", "cache_stale": "1", "cache_failure_ttl": "1"}
    with world(
        database_url,
        access_github="attached",
        cold_fetches_per_minute="1000000",
        fetch_places="64",
        fetch_total="64",
        **quick,
        **changes,
    ) as made:
        for number, readers in enumerate(READERS):
            made.upstream.readers[f"acme/repo{number}"] = set(readers)
        for person in (ALICE, BOB):
            made.browser().connect(person)
        for number in ATTACHED:
            made.people.known.attach(Viewer("1", ALICE.id, "7"), page(number))
        yield made


def page(number: int) -> str:
    return f"https://github.com/acme/repo{number}/issues/1"


def right(ask: Ask) -> str:
    """Say what a person is to be answered with."""
    person, number, task = ask
    shown_by = ALICE if number in ATTACHED and task == "7" else person
    if shown_by is STRANGER:
        return CONNECT
    return f"repo{number} 1 as {shown_by.login}" if shown_by.login in READERS[number] else HIDDEN


def answered(app: Flask, ask: Ask) -> str:
    person, number, task = ask
    query = query_of(
        resource_url=page(number), workspace="1", user=person.id, task=task, expires_at=EXPIRES_AT
    )
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/widget",
        "QUERY_STRING": query,
        "HTTP_X_ASANA_REQUEST_SIGNATURE": signature(query),
        "HTTP_HOST": "placard.example",
        "SERVER_NAME": "placard.example",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
    }
    body = json.loads(b"".join(app.wsgi_app(environ, lambda *_: lambda _: None)))
    return str(body["metadata"]["title"] if "metadata" in body else body["data"]["error"])


def wrong_answers(made: World) -> list[tuple[Ask, str]]:
    chosen = random.Random(7)
    people = (ALICE, BOB, STRANGER)
    asks = [
        (chosen.choice(people), chosen.randrange(len(READERS)), chosen.choice(("7", "8")))
        for _ in range(REQUESTS)
    ]
    # Twenty thousand lines of log are of no use here.
    with capture_logs(), ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(partial(answered, made.app), asks, chunksize=50))
    return [(ask, told) for ask, told in zip(asks, answers, strict=True) if told != right(ask)]


def test_no_request_is_answered_with_anothers_card(sqlite_url: str) -> None:
    with many(sqlite_url) as made:
        assert wrong_answers(made) == []
        # Each of the two has six cards: they were made anew, stale ones refreshed.
        assert len(made.upstream.asked) > 24
        assert "nobody" not in made.upstream.asked


def test_no_request_is_answered_with_anothers_card_of_redis(
    sqlite_url: str, run_redis: RunRedis, tmp_path: Path
) -> None:
    with (
        run_redis(tmp_path) as server,
        many(sqlite_url, cache_url=server.url, cache_secrets=JWT_SECRET) as made,
    ):
        assert wrong_answers(made) == []
        assert len(made.upstream.asked) > 50
