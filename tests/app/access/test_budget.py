"""The budget of cold fetches: nobody walks through a repository."""

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from app import errors
from app.access import ColdFetchBudget
from app.lookup.search import TOO_MANY
from app.verification import Viewer
from app.web import EXTENSION
from tests.clock import Clock
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, Host, query_of, token
from tests.proofs import ISSUE_JSON, bearer
from tests.waiting import PATIENCE

API = "https://api.github.com/repos/acme/storefront/issues"
PAGE = "https://github.com/acme/storefront/issues"
ALICE = Viewer("1", "alice", holder="alice")
SPENT = {
    "data": {"error": "Access forbidden. Too many new pages in a minute; try again in a moment."}
}


@pytest.fixture
def outside() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(re.compile(API), json=ISSUE_JSON)
        yield mock


def statuses(host: Host, numbers: Iterator[int] | range, given: str = "", **more: str) -> list[int]:
    proof = bearer(given or token(sub="alice"))
    return [
        host.get(query_of(resource_url=f"{PAGE}/{number}", **more), proof).status_code
        for number in numbers
    ]


def test_a_minute_begins_with_the_first_fetch() -> None:
    clock = Clock()
    budget = ColdFetchBudget(2, clock)
    assert [budget.take(ALICE) for _ in range(3)] == [True, True, False]
    clock.now += 59
    assert not budget.take(ALICE)
    clock.now += 2
    assert budget.take(ALICE)


def test_a_holder_has_a_budget_in_each_workspace() -> None:
    budget = ColdFetchBudget(1, Clock())
    others = (Viewer("2", "alice", holder="alice"), Viewer("1", "bob", holder="bob"))
    assert all(budget.take(viewer) for viewer in (ALICE, *others))
    assert not budget.take(ALICE)


def test_who_has_none_left_sees_what_is_kept_and_no_more(
    make_host: MakeHost, outside: responses.RequestsMock
) -> None:
    host = make_host(cold_fetches_per_minute="3")
    assert statuses(host, range(1, 6)) == [200, 200, 200, 403, 403]
    assert len(outside.calls) == 3
    assert statuses(host, range(1, 5)) == [200, 200, 200, 403]
    answer = host.get(query_of(resource_url=f"{PAGE}/9"), bearer(token(sub="alice")))
    assert (answer.status_code, answer.get_json()) == (403, SPENT)
    # Another person's request is not the worse for it.
    assert statuses(host, range(4, 6), token(sub="bob")) == [200, 200]


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_a_page_that_is_not_shown_counts_twice(
    make_host: MakeHost, upstream: responses.RequestsMock, status: int
) -> None:
    upstream.get(re.compile(API), status=status, json={}, headers={"Location": "/login"})
    host = make_host(cold_fetches_per_minute="4")
    assert statuses(host, range(1, 5))[2:] == [403, 403]
    assert len(upstream.calls) == 2


@pytest.mark.parametrize("claims", [{"sub": "alice"}, {}], ids=["of a person", "of nobody"])
def test_a_made_up_workspace_gives_no_further_budget(
    make_host: MakeHost, outside: responses.RequestsMock, claims: dict[str, str]
) -> None:
    host, given = make_host(cold_fetches_per_minute="2"), token(**claims)
    found = [statuses(host, range(n, n + 1), given, workspace=str(n))[0] for n in (1, 2, 3)]
    assert found == [200, 200, 403]


def test_a_signature_is_its_user(make_host: MakeHost, outside: responses.RequestsMock) -> None:
    host = make_host(cold_fetches_per_minute="1", verify="signature")
    asked = [
        query_of(resource_url=f"{PAGE}/{number}", user=user, expires_at=EXPIRES_AT)
        for number, user in ((1, "alice"), (2, "alice"), (3, "bob"))
    ]
    assert [host.ask_signed(query).status_code for query in asked] == [200, 403, 200]


def test_who_waits_for_one_that_has_none_left_fetches_by_itself(make_host: MakeHost) -> None:
    host = make_host(cold_fetches_per_minute="1")
    widgets = host.client.application.extensions[EXTENSION].widgets
    bob = Viewer("1", "bob", holder="bob")
    resolved = widgets.resolver.resolve(f"{PAGE}/1", bob)
    lookups = []
    look_up = widgets._cache.look_up

    def led_by_another(*given: Any, **more: Any) -> Any:
        lookups.append(given)
        if len(lookups) == 1:
            raise errors.BudgetSpent
        return look_up(*given, **more)

    with responses.RequestsMock() as outside, pytest.MonkeyPatch.context() as patch:
        outside.get(f"{API}/1", json=ISSUE_JSON)
        patch.setattr(widgets._cache, "look_up", led_by_another)
        assert widgets.answer(resolved, bob).cache_status.startswith("Placard; fwd=miss")
    assert len(lookups) == 2


def test_a_refresh_behind_a_stale_card_is_nobodys_fetch(make_host: MakeHost) -> None:
    refreshed = threading.Event()
    host = make_host(cold_fetches_per_minute="1", cache_ttl="0.001")
    with responses.RequestsMock() as outside:
        outside.get(f"{API}/1", json=ISSUE_JSON)
        assert statuses(host, range(1, 2)) == [200]
        time.sleep(0.01)

        def told(_: Any) -> Any:
            refreshed.set()
            return 200, {}, json.dumps(ISSUE_JSON)

        outside.reset()
        outside.add_callback("GET", f"{API}/1", told)
        assert statuses(host, range(1, 2)) == [200]
        assert refreshed.wait(PATIENCE)


def test_a_text_that_systems_are_searched_for_is_one_and_takes_no_card_away(
    make_host: MakeHost,
) -> None:
    host = make_host(cold_fetches_per_minute="2", verify="signature", github_token="secret")

    def header_for(text: str, user: str = "alice") -> str:
        return str(host.suggest(text, user=user).get_json().get("header"))

    with responses.RequestsMock() as outside:
        # Issues and discussions are two calls.
        search = outside.get("https://api.github.com/search/issues", json={"items": []})
        outside.post("https://api.github.com/graphql", json={"data": {"search": {"nodes": []}}})
        outside.get(f"{API}/1", json=ISSUE_JSON)
        told = [header_for(text) for text in ("login", "login", "logout", "third", "login")]
        assert told == ["GitHub", "GitHub", "GitHub", TOO_MANY, "GitHub"]
        assert search.call_count == 2
        assert host.attach(f"{PAGE}/1", user="alice").status_code == 200
        assert header_for("third", "bob") == "GitHub"
