"""The locked refresh: tokens that work once survive two at a time, and a provider that fails."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.access.connection import Connection
from app.access.tables import ConnectionRow
from app.access.vault import Vault
from app.upstream.oauth import Tokens
from tests.app.access.test_lookup import suggested
from tests.app.access.world import ALICE, PAGE, World, world
from tests.waiting import PATIENCE

CONNECT = "Connect your GitHub account to see this."
SEEN = "storefront 1 as monalisa"


@pytest.fixture
def expired(everybody: World) -> World:
    """Alice's connection, whose access token has expired."""
    everybody.provider.access_lifetime = 60
    everybody.browser().connect(ALICE)
    later = everybody.people.known._clock() + 120
    everybody.people.known._refresher._clock = lambda: later
    everybody.provider.access.clear()
    everybody.provider.calls.clear()
    everybody.provider.access_lifetime = 3600
    return everybody


def connection(made: World) -> Connection:
    (only,) = made.people.connections.listed()
    return only


def test_an_expired_token_is_refreshed_before_it_is_used(expired: World) -> None:
    assert expired.title(ALICE) == SEEN
    assert expired.provider.calls == ["refresh_token"]
    assert connection(expired).version == 2
    assert expired.title(ALICE, PAGE.replace("/1", "/2")) == "storefront 2 as monalisa"
    assert expired.provider.calls == ["refresh_token"]


def test_a_card_outlives_the_token_that_it_was_fetched_with(expired: World) -> None:
    assert expired.title(ALICE) == SEEN
    expired.provider.before_token = lambda _: ("", 500)
    assert expired.title(ALICE) == SEEN


def test_two_at_a_time_make_one_call_and_both_are_answered(expired: World) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(_: Mapping[str, str]) -> None:
        arrived.set()
        go_on.wait(PATIENCE)

    expired.provider.before_token = hold
    pages = [PAGE.replace("/1", f"/{number}") for number in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(expired.title, ALICE, pages[0])
        assert arrived.wait(PATIENCE)
        second = pool.submit(expired.title, ALICE, pages[1])
        time.sleep(0.2)  # the second waits meanwhile
        go_on.set()
        titles = {first.result(PATIENCE), second.result(PATIENCE)}
        assert titles == {SEEN, "storefront 2 as monalisa"}
    assert expired.provider.calls == ["refresh_token"]
    assert not connection(expired).has_ended


def test_who_has_no_time_to_wait_loses_no_refresh_token(expired: World) -> None:
    """Typeahead has a second in all; the provider has given new tokens, whoever waits for them."""
    go_on = threading.Event()
    expired.provider.before_token = lambda _: (go_on.wait(PATIENCE), None)[1]
    assert suggested(expired, ALICE, "issue of acme")["items"] == []
    go_on.set()
    assert expired.title(ALICE) == SEEN
    assert expired.provider.calls == ["refresh_token"]
    assert not connection(expired).has_ended


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_provider_that_fails_leaves_the_connection_as_it_was(expired: World, status: int) -> None:
    before = connection(expired)
    expired.provider.before_token = lambda _: ("down", status)
    assert expired.ask(ALICE).status_code == 500
    assert connection(expired) == before
    expired.provider.before_token = lambda _: None
    assert expired.title(ALICE, PAGE.replace("/1", "/2")) == "storefront 2 as monalisa"


def test_a_provider_that_hangs_leaves_the_connection_as_it_was(sqlite_url: str) -> None:
    go_on = threading.Event()
    with world(sqlite_url, fetch_deadline="0.3") as made:
        made.provider.access_lifetime = 60
        made.browser().connect(ALICE)
        before = connection(made)
        later = made.people.known._clock() + 120
        made.people.known._refresher._clock = lambda: later

        def hang(_: Mapping[str, str]) -> ResponseReturnValue:
            go_on.wait(PATIENCE)
            return "late", 500

        made.provider.before_token = hang
        try:
            assert made.title(ALICE) == "GitHub did not answer in time."
        finally:
            go_on.set()
        assert connection(made) == before


def test_a_refresh_token_that_is_not_taken_ends_the_connection(expired: World) -> None:
    expired.provider.refresh.clear()
    assert expired.title(ALICE) == CONNECT
    assert connection(expired).has_ended
    # Nobody asks again, until its person connects again.
    assert expired.title(ALICE, PAGE.replace("/1", "/2")) == CONNECT
    assert expired.provider.calls == ["refresh_token"]
    page = expired.browser()
    page.sign_in(ALICE)
    assert "the connection has ended" in page.get("/connections").text
    page.connect(ALICE)
    assert expired.title(ALICE) == SEEN


def test_a_refresh_token_that_github_does_not_take_ends_the_connection(expired: World) -> None:
    """Its words, with a 200: written from GitHub's page on errors of token requests."""
    expired.provider.before_token = lambda _: {"error": "bad_refresh_token"}
    assert expired.title(ALICE) == CONNECT
    assert connection(expired).has_ended


def test_who_disconnects_during_a_refresh_leaves_no_token_at_the_system(expired: World) -> None:
    browser = expired.browser()
    browser.sign_in(ALICE)
    form = {"csrf_token": browser.csrf()}
    done: list[int] = []

    def disconnect(_: Mapping[str, str]) -> None:
        expired.provider.before_token = lambda _: None
        done.append(browser.post("/connections/github/disconnect", **form).status_code)

    expired.provider.before_token = disconnect
    assert expired.title(ALICE) == CONNECT
    assert done == [303]
    assert expired.people.connections.listed() == []
    assert expired.provider.access == {}


def test_a_refusal_of_what_was_refreshed_meanwhile_ends_nothing(expired: World) -> None:
    store, old = expired.people.connections, connection(expired)

    def refreshed_elsewhere(_: Mapping[str, str]) -> ResponseReturnValue:
        """Answer as to a process that had lost its lease, and whose successor was faster."""
        made = expired.provider.issue(ALICE)
        now = datetime.now(UTC) + timedelta(hours=1)
        tokens = Tokens(made["access_token"], made["refresh_token"], now.timestamp() + 3600)
        leased = lease_of(expired)
        assert store.swap(old, leased, tokens, now)
        return {"error": "invalid_grant"}, 400

    expired.provider.before_token = refreshed_elsewhere
    assert expired.title(ALICE) == SEEN
    assert (connection(expired).version, connection(expired).has_ended) == (2, False)


def lease_of(made: World) -> str:
    with made.people.store.reading() as session:
        return str(session.scalars(select(ConnectionRow.lease)).one())


def test_a_key_that_is_gone_asks_to_connect_and_ends_nothing(expired: World) -> None:
    expired.people.connections._vault = Vault([Fernet.generate_key().decode()])
    assert expired.title(ALICE) == CONNECT
    assert not connection(expired).has_ended
