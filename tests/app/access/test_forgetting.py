"""What was attached lately is forgotten with the account that showed it, or with the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.devtools.local_provider import LocalPerson
from app.web import EXTENSION
from tests.app.access.conftest import on_redis
from tests.app.access.test_commands import command
from tests.app.access.test_lookup import attach, suggested
from tests.app.access.world import ALICE, BOB, World, world
from tests.host import JWT_SECRET
from tests.redis_server import RedisServer

PAGES = {
    (person, workspace): f"https://github.com/acme/{person.login}{workspace}/issues/1"
    for person in (ALICE, BOB)
    for workspace in ("1", "2")
}


@contextmanager
def attached(database_url: str, **changes: str) -> Iterator[World]:
    """Let both people attach a page of their own in each of two workspaces."""
    with world(database_url, access_github="attached", **changes) as made:
        for person in (ALICE, BOB):
            made.browser().connect(person)
        for (person, workspace), page in PAGES.items():
            made.upstream.readers[f"acme/{person.login}{workspace}"] = {person.login}
            assert attach(made, person, page, workspace=workspace).status_code == 200
        yield made


def of(*known: tuple[LocalPerson, str]) -> set[str]:
    return {PAGES[key] for key in known}


def named(values: list[bytes]) -> set[str]:
    """Tell which pages are named in the lists of what was attached lately."""
    lists = [value.decode("latin-1") for value in values if b"recents" in value]
    return {page for page in PAGES.values() if any(page in each for each in lists)}


def in_memory(made: World) -> set[str]:
    backend = made.app.extensions[EXTENSION].lookup._kept._backend
    return named([item.entry.body for item in backend._items.values()])


def in_redis(server: RedisServer) -> set[str]:
    with server.client() as client:
        found = (client.get(key) for key in client.scan_iter())
        return named([value for value in found if isinstance(value, bytes)])


def test_who_disconnects_leaves_nothing_of_what_they_attached(sqlite_url: str) -> None:
    with attached(sqlite_url) as made:
        assert in_memory(made) == set(PAGES.values())
        browser = made.browser()
        browser.sign_in(ALICE)
        browser.post("/connections/github/disconnect", csrf_token=browser.csrf())
        assert in_memory(made) == of((BOB, "1"), (BOB, "2"))


def test_who_connects_anew_begins_anew(sqlite_url: str) -> None:
    with attached(sqlite_url) as made:
        made.browser().connect(ALICE, as_person=BOB)
        assert in_memory(made) == of((BOB, "1"), (BOB, "2"))
        assert suggested(made, ALICE, "")["items"] == []


def test_only_what_was_attached_in_this_workspace_is_offered(sqlite_url: str) -> None:
    with attached(sqlite_url) as made:
        assert [each["value"] for each in suggested(made, BOB, "")["items"]] == [PAGES[BOB, "1"]]


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("--user", ALICE.id), of((BOB, "1"), (BOB, "2"))),
        (("--workspace", "1"), of((ALICE, "2"), (BOB, "2"))),
    ],
)
def test_forget_reaches_what_processes_share(
    sqlite_url: str,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, str],
    left: set[str],
) -> None:
    cache = on_redis(redis_server)
    with attached(sqlite_url, **cache) as made:
        assert in_redis(redis_server) == set(PAGES.values())
        run = command(made, monkeypatch, database_url=sqlite_url)
        assert run("forget", *arguments, **cache).exit_code == 0
        assert in_redis(redis_server) == left


def test_nothing_is_deleted_where_the_cache_does_not_answer(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(sqlite_url) as made:
        made.browser().connect(ALICE)
        run = command(made, monkeypatch, database_url=sqlite_url)
        cache = {"cache_url": "redis://127.0.0.1:1/0", "cache_secrets": JWT_SECRET}
        ended = run("forget", "--user", ALICE.id, **cache)
        assert (ended.exit_code, "nothing is deleted" in ended.output) == (2, True)
        assert len(made.people.connections.listed()) == 1
