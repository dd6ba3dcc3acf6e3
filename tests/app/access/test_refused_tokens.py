"""A system refuses a person's access token: it is refreshed once, and asked once more."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest
from flask import request
from flask.typing import ResponseReturnValue

from app.access import Access, AccessModes, Connection, Provider, Providers
from app.access.connection import AccessToken
from app.access.refusals import Refusals
from app.devtools.local_provider import LocalPerson
from app.errors import ConnectionNeeded
from app.upstream.credentials import Credentials
from app.upstream.messages import Credential, UpstreamRequest, UpstreamResponse
from app.web import EXTENSION
from tests.app.access.test_lookup import suggested
from tests.app.access.test_refresh import connection
from tests.app.access.world import ALICE, PAGE, World, world
from tests.clock import Clock
from tests.conftest import settings_with
from tests.waiting import PATIENCE

CONNECT = "Connect your GitHub account to see this."
SEEN = "storefront 1 as monalisa"
OTHER = PAGE.replace("/1", "/2")


@pytest.fixture
def refused(all_on_sqlite: World) -> World:
    """Alice's connection, whose access token the system does not take any more."""
    all_on_sqlite.browser().connect(ALICE)
    all_on_sqlite.provider.access.clear()
    all_on_sqlite.provider.calls.clear()
    return all_on_sqlite


def refuse_all(made: World) -> None:
    """Let the provider give tokens that the system does not take."""
    made.provider.before_token = lambda _: {"access_token": "gho_no", "refresh_token": "ghr_no"}


def test_it_is_refreshed_once_and_asked_again(refused: World) -> None:
    assert refused.title(ALICE) == SEEN
    assert refused.upstream.asked == ["nobody", "monalisa"]
    assert refused.provider.calls == ["refresh_token"]
    assert (connection(refused).version, connection(refused).has_ended) == (2, False)
    assert refused.title(ALICE, OTHER) == "storefront 2 as monalisa"
    assert refused.provider.calls == ["refresh_token"]


def test_a_second_refusal_ends_the_connection(refused: World) -> None:
    refuse_all(refused)
    answer = refused.ask(ALICE)
    assert (answer.status_code, answer.get_json()) == (401, {"data": {"error": CONNECT}})
    assert connection(refused).has_ended
    # Nobody asks or refreshes any more.
    assert refused.title(ALICE, OTHER) == CONNECT
    assert suggested(refused, ALICE, "issue of acme")["items"] == []
    assert refused.upstream.asked == ["nobody"] * 2


def test_a_page_of_another_tenant_ends_no_connection(all_on_sqlite: World) -> None:
    """Anybody can put a link on a task: Azure DevOps refuses a token for another tenant's pages."""
    made = all_on_sqlite
    made.browser().connect(ALICE)
    assert made.title(ALICE) == SEEN
    made.provider.calls.clear()
    made.upstream.before = lambda: ({}, 401) if "elsewhere" in request.path else None
    for number in range(1, 4):
        foreign = f"https://github.com/elsewhere/board/issues/{number}"
        assert made.title(ALICE, foreign) == CONNECT
    # It was worth one refresh, and no more of them.
    assert made.provider.calls == ["refresh_token"]
    assert not connection(made).has_ended
    assert made.title(ALICE, OTHER) == "storefront 2 as monalisa"


def test_what_was_learned_of_refusals_is_forgotten() -> None:
    clock = Clock()
    known = Refusals(clock)
    known.note_lasting("github#1")
    known.note_answer("github#1", "failed")
    known.note_answer("github#1", "limited")
    assert (known.is_lasting("github#1"), known.is_taken("github#1")) == (True, False)
    known.note_answer("github#1", "missing")
    clock.now += 301
    assert (known.is_lasting("github#1"), known.is_taken("github#1")) == (False, True)
    clock.now += 86_400
    assert not known.is_taken("github#1")


def test_a_search_is_asked_again_too(refused: World) -> None:
    found = suggested(refused, ALICE, "issue of acme")["items"]
    assert [each["title"] for each in found] == [SEEN]
    assert refused.provider.calls == ["refresh_token"]


@pytest.mark.parametrize("token", ["refresh", None])
def test_what_cannot_be_refreshed_ends_at_once(refused: World, token: str | None) -> None:
    if token is None:
        refused.provider.before_token = lambda _: {**refused.provider.issue(ALICE), **NO_REFRESH}
        refused.browser().connect(ALICE)
        refused.provider.access.clear()
    refused.provider.refresh.clear()
    assert refused.title(ALICE) == CONNECT
    assert connection(refused).has_ended
    assert refused.upstream.asked == ["nobody"]


NO_REFRESH = {"refresh_token": None, "data": {"gid": ALICE.id}}


def test_a_provider_that_fails_leaves_the_connection_as_it_was(refused: World) -> None:
    before = connection(refused)
    refused.provider.before_token = lambda _: ("down", 500)
    assert refused.ask(ALICE).status_code == 500
    assert connection(refused) == before
    assert refused.upstream.asked == ["nobody"]


def test_a_credential_of_the_service_is_not_refreshed(sqlite_url: str) -> None:
    with world(sqlite_url, access_github="shared", github_token="made_up") as made:
        made.browser().connect(ALICE)
        made.provider.calls.clear()
        assert made.ask(ALICE).status_code == 403
        assert (made.upstream.asked, made.provider.calls) == (["nobody"], [])
        assert not connection(made).has_ended


def test_many_at_a_time_refresh_once(refused: World) -> None:
    pages = [PAGE.replace("/1", f"/{number}") for number in range(1, 7)]
    barrier = threading.Barrier(6)
    bearer = refused.provider.bearer

    def together() -> LocalPerson | None:
        person = bearer()
        if person is None:
            barrier.wait(PATIENCE)  # all have been refused by then
        return person

    refused.provider.bearer = together  # type: ignore[method-assign]
    with ThreadPoolExecutor(6) as pool:
        titles = set(pool.map(lambda page: refused.title(ALICE, page), pages))
    assert titles == {f"storefront {number} as monalisa" for number in range(1, 7)}
    assert refused.provider.calls == ["refresh_token"]


def test_who_disconnects_during_the_refresh_leaves_no_token(refused: World) -> None:
    done = disconnecting(refused)
    refused.provider.before_token = lambda _: done()
    assert refused.title(ALICE) == CONNECT
    assert refused.people.connections.listed() == []
    assert (refused.provider.access, refused.provider.refresh) == ({}, {})


def test_who_disconnects_before_the_second_call_has_no_connection_after_it(refused: World) -> None:
    done, bearer = disconnecting(refused), refused.provider.bearer

    def gone() -> LocalPerson | None:
        if refused.provider.access:
            done()
        return bearer()

    refused.provider.bearer = gone  # type: ignore[method-assign]
    assert refused.title(ALICE) == CONNECT
    assert refused.people.connections.listed() == []
    assert (refused.provider.access, refused.provider.refresh) == ({}, {})


def disconnecting(made: World) -> Callable[[], None]:
    browser = made.browser()
    browser.sign_in(ALICE)
    form = {"csrf_token": browser.csrf()}

    def disconnect() -> None:
        assert browser.post("/connections/github/disconnect", **form).status_code == 303

    return disconnect


def test_who_connects_anew_during_the_refresh_keeps_the_new_connection(refused: World) -> None:
    browser = refused.browser()
    browser.sign_in(ALICE)

    def connect(_: Mapping[str, str]) -> ResponseReturnValue | None:
        refused.provider.before_token = lambda _: None
        assert browser.allow("/auth/github", ALICE).status_code == 200
        return None

    refused.provider.before_token = connect
    assert refused.title(ALICE) == CONNECT
    assert refused.title(ALICE) == SEEN
    # What came of the refresh is nobody's, and is no token there any more.
    (kept,) = refused.people.connections.listed()
    assert list(refused.provider.access) == [refused.people.connections.tokens(kept)["access"]]


@pytest.mark.parametrize(("all_refused", "left"), [(False, 2), (True, 1)])
def test_within_the_budget_the_second_call_is_no_second_fetch(
    sqlite_url: str, all_refused: bool, left: int
) -> None:
    with world(sqlite_url, cold_fetches_per_minute="3") as made:
        made.browser().connect(ALICE)
        made.provider.access.clear()
        if all_refused:
            refuse_all(made)
        made.ask(ALICE)
        budget = made.app.extensions[EXTENSION].widgets._budget
        assert 3 - sum(spent[0] for spent in budget._spent.values()) == left


@dataclass
class Kept:
    """What is kept of people, as far as it is asked here."""

    ended: list[AccessToken] = field(default_factory=list)

    def access_token(
        self, connection: Connection, _: Provider, refused: AccessToken | None
    ) -> AccessToken:
        version = refused.connection.version + 1 if refused else 1
        return AccessToken(f"token {version}", replace(connection, version=version))

    def end(self, refused: AccessToken) -> None:
        self.ended.append(refused)


@pytest.mark.parametrize(
    ("url", "status", "is_refused"),
    [
        ("https://api.github.com/repos/acme/storefront/issues/1", 401, True),
        ("https://api.github.com/repos/acme/storefront/issues/1", 403, False),
        # A redirect has led there, where the token was not sent along.
        ("https://elsewhere.example/repos/acme/storefront/issues/1", 401, False),
    ],
)
def test_only_the_system_itself_refuses_a_token(
    all_on_sqlite: World, url: str, status: int, is_refused: bool
) -> None:
    all_on_sqlite.browser().connect(ALICE)
    kept, own = Kept(), connection(all_on_sqlite)
    provider = next(iter(all_on_sqlite.people.providers))
    access = Access(AccessModes(settings_with(), ()), Credentials(()), Providers(()), kept)  # type: ignore[arg-type]
    home = Credential(own.identity, "https://api.github.com:443", {})
    wanted = UpstreamRequest(
        "https://api.github.com/repos/acme/storefront/issues/1", frozenset(), credential=home
    )
    sent = []

    def send(asked: UpstreamRequest) -> tuple[UpstreamRequest, UpstreamResponse]:
        sent.append(asked.credential.headers["Authorization"])
        return asked, UpstreamResponse(status, {}, b"{}", url)

    if is_refused:
        with pytest.raises(ConnectionNeeded):
            access.ask_as(own, provider, wanted, send)
        assert sent == ["Bearer token 1", "Bearer token 2"]
        assert [each.connection.version for each in kept.ended] == [2]
    else:
        assert access.ask_as(own, provider, wanted, send)[1].status == status
        assert (sent, kept.ended) == (["Bearer token 1"], [])
