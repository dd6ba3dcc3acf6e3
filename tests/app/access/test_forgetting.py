"""What is deleted is forgotten by running processes too: cards, and what was attached lately."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.access import forgetting
from app.access.attachments import Attachments
from app.access.forgetting import Forgetting, forget_user
from app.access.tables import AttachmentRow
from app.devtools.local_provider import LocalPerson
from app.verification import Viewer
from app.web import EXTENSION
from tests.app.access.conftest import on_redis
from tests.app.access.test_commands import command
from tests.app.access.test_lookup import attach, suggested
from tests.app.access.world import ALICE, BOB, PAGE, World, world
from tests.host import JWT_SECRET
from tests.redis_server import RedisServer
from tests.waiting import wait_until

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


@pytest.mark.parametrize("cache", ["memory", pytest.param("redis", marks=pytest.mark.server)])
@pytest.mark.parametrize("arguments", [("--user", ALICE.id), ("--workspace", "1")])
def test_a_running_process_drops_all_that_it_holds(
    request: pytest.FixtureRequest,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    cache: str,
    arguments: tuple[str, str],
) -> None:
    monkeypatch.setattr(forgetting, "LOOK_EVERY", 0.02)
    shared = on_redis(request.getfixturevalue("redis_server")) if cache == "redis" else {}
    with attached(sqlite_url, **shared) as made:
        backend = made.app.extensions[EXTENSION].lookup._kept._backend
        held = backend._items if cache == "memory" else backend._read
        assert made.title(BOB, PAGES[BOB, "2"], workspace="2") == "hubot2 1 as hubot"
        assert held
        run = command(made, monkeypatch, database_url=sqlite_url)
        assert run("forget", *arguments, **shared).exit_code == 0
        wait_until(lambda: not held)


def test_what_was_under_way_at_a_deletion_is_dropped_at_the_next_look(
    all_on_sqlite: World,
) -> None:
    store, dropped = all_on_sqlite.people.store, list[int]()
    watched = Forgetting(store, lambda: dropped.append(1))

    def drops() -> int:
        before = len(dropped)
        watched.look()
        return len(dropped) - before

    # At the first look there is nothing to come.
    assert [drops(), drops()] == [1, 0]
    forget_user(store, ALICE.id)
    assert [drops(), drops(), drops()] == [1, 1, 0]


def test_what_nobody_has_seen_for_a_year_is_forgotten(all_on_sqlite: World) -> None:
    store = all_on_sqlite.people.store
    attachments, viewer, now = Attachments(store), Viewer("1", ALICE.id, "7"), datetime.now(UTC)
    attachments.record(viewer, PAGE, now)
    for days, user in ((360, ALICE.id), (360, ALICE.id), (366, None)):
        now += timedelta(days=days)
        assert attachments.user_of(viewer, PAGE, now) == user
    attachments.record(Viewer("1", BOB.id, "8"), PAGE, now)
    with store.reading() as session:
        assert list(session.scalars(select(AttachmentRow.user))) == [BOB.id]


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
