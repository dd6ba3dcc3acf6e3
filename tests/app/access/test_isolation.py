"""Hundreds of requests of several people at once: nobody is answered with another's card.

By the widget (made, fresh, stale, renewed by a 304, of one flight), by attach, and by typeahead: a
link, a short form, a search, and what was attached lately. The upstream's ETag is the same for all
people, and half-way it stops taking everybody's access token. `make fuzz` asks 10 000 times.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import pytest
from flask import Flask
from hypothesis import settings
from structlog.testing import capture_logs

from app.devtools.local_provider import LocalPerson
from app.verification import Viewer
from app.web import EXTENSION
from tests.app.access.conftest import on_redis
from tests.app.access.world import ALICE, BOB, World, world
from tests.host import EXPIRES_AT, query_of, signature

MANY: Final = 10_000
REQUESTS: Final = MANY if settings().max_examples > 100 else 250
THREADS: Final = 8
STRANGER: Final = LocalPerson("1200000000000003", "stranger")
PEOPLE: Final = (ALICE, BOB, STRANGER)
# Of repository n, issue 1: who may read it. Alice has attached those of the last two in task 7.
READERS: Final = [{ALICE.login}, {BOB.login}, {ALICE.login, BOB.login}, set(), {ALICE.login}, set()]
ATTACHED: Final = (4, 5)
CONNECT: Final = "Connect your GitHub account to see this."
HIDDEN: Final = "Not found. GitHub has no such page, or does not show it to us."
RESULTS: Final = ("hit", "stale", "miss", "renewed", "shared")
LATE: Final = "GitHub did not answer in time."
# By typeahead, what is typed for repository n.
TYPED: Final = {
    "link": "{page}",
    "short form": "acme/repo{n}#1",
    "search": "issue {n}",
    "lately": "",
}
WAYS: Final = (*("widget",) * 6, "attach", *TYPED)


@dataclass(frozen=True)
class Ask:
    """One request: by whom, for which repository's issue, in which task, and in which way."""

    person: LocalPerson
    number: int
    task: str
    way: str

    def is_right(self, told: list[str], mode: str) -> bool:
        """Tell whether a person may be answered so; who is told of nothing is not wronged."""
        # A short form of what is not shown is searched for.
        if self.way in ("short form", "search", "lately"):
            return set(told) <= {title(self.person, number) for number in range(len(READERS))} - {
                ""
            }
        is_attached = self.number in ATTACHED and self.task == "7" and self.way == "widget"
        shown_by = ALICE if is_attached and mode == "attached" else self.person
        shown = title(shown_by, self.number)
        if self.way == "link":
            return told in ([shown], []) if shown else told == []
        # Who waits for a call that typeahead has begun has no more time for it than that.
        return told in ([shown or (CONNECT if shown_by is STRANGER else HIDDEN)], [LATE])


def page(number: int) -> str:
    return f"https://github.com/acme/repo{number}/issues/1"


def title(person: LocalPerson, number: int) -> str:
    """Return what a person's own account shows of a page, if anything."""
    return f"repo{number} 1 as {person.login}" * (person.login in READERS[number])


@contextmanager
def many(database_url: str, mode: str, **changes: str) -> Iterator[World]:
    quick = {"cache_ttl": "0.1", "cache_stale": "0.1", "cache_failure_ttl": "0.1"}
    with world(
        database_url,
        access_github=mode,
        cold_fetches_per_minute="1000000",
        fetch_places="64",
        fetch_total="64",
        **quick,
        **changes,
    ) as made:
        made.upstream.readers.clear()
        for number, readers in enumerate(READERS):
            made.upstream.readers[f"acme/repo{number}"] = set(readers)
        # As long as another thread needs to ask for the same.
        made.upstream.etag = '"same"'
        made.upstream.before = lambda: time.sleep(0.002)
        for person in (ALICE, BOB):
            made.browser().connect(person)
        for number in ATTACHED:
            made.people.known.attach(Viewer("1", ALICE.id, "7"), page(number))
        yield made


def answered(app: Flask, ask: Ask) -> list[str]:
    """Ask as the host does; return the titles of the answer, or the sentence."""
    given = {"workspace": "1", "user": ask.person.id, "expires_at": EXPIRES_AT}
    address, body = page(ask.number), b""
    if ask.way == "attach":
        # In a task in which nobody asks for a widget: who attaches there shows nobody a card.
        signed = json.dumps(given | {"task": "9", "query": address})
        body, path, query = json.dumps({"data": signed}).encode(), "/attach", ""
    else:
        typed = TYPED.get(ask.way, "").format(page=address, n=ask.number)
        own = {"query": typed} if ask.way in TYPED else {"resource_url": address}
        signed = query = query_of(**given, task=ask.task, **own)
        path = "/typeahead" if ask.way in TYPED else "/widget"
    environ = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_ASANA_REQUEST_SIGNATURE": signature(signed),
        "HTTP_HOST": "placard.example",
        "SERVER_NAME": "placard.example",
        "SERVER_PORT": "443",
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "https",
    }
    told = json.loads(b"".join(app.wsgi_app(environ, lambda *_: lambda _: None)))
    return titles(told)


def titles(told: Any) -> list[str]:
    match told:
        case {"items": items}:
            return [item["title"] for item in items]
        case {"metadata": {"title": title}} | {"resource_name": title}:
            return [title]
    return [told["data"]["error"]]


def ask_all(made: World) -> list[tuple[Ask, list[str]]]:
    # `make fuzz` tries others in each run, by its seed.
    chosen = random.Random(random.random() if REQUESTS == MANY else 7)
    asks = [
        Ask(
            chosen.choice(PEOPLE),
            chosen.randrange(len(READERS)),
            chosen.choice(("7", "8")),
            chosen.choice(WAYS),
        )
        for _ in range(REQUESTS)
    ]

    def one(number: int) -> list[str]:
        if number == REQUESTS // 2:
            made.provider.access.clear()
        return answered(made.app, asks[number])

    # Thousands of lines of log are of no use here.
    with capture_logs(), ThreadPoolExecutor(THREADS) as pool:
        return list(zip(asks, pool.map(one, range(REQUESTS)), strict=True))


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", ["viewer", "attached"])
@pytest.mark.parametrize("cache", ["memory", pytest.param("redis", marks=pytest.mark.server)])
def test_no_request_is_answered_with_what_is_anothers(
    request: pytest.FixtureRequest, sqlite_url: str, mode: str, cache: str
) -> None:
    shared = on_redis(request.getfixturevalue("redis_server")) if cache == "redis" else {}
    with many(sqlite_url, mode, **shared) as made:
        answers = ask_all(made)
        metrics = made.app.extensions[EXTENSION].metrics.exposition().decode()
    assert [(ask, told) for ask, told in answers if not ask.is_right(told, mode)] == []
    # Each way has shown something and, where there was time for it, the cache has used its own.
    shown = Counter(
        ask.way for ask, told in answers if told and told[0] not in (CONNECT, HIDDEN, LATE)
    )
    assert set(shown) == set(WAYS)
    results = [f'placard_cache_total{{result="{name}"}}' for name in RESULTS]
    assert REQUESTS < MANY or [each for each in results if each not in metrics] == []
    assert made.provider.calls.count("refresh_token") == 2
