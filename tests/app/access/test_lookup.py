"""Lookup in the modes of people: what is attached is theirs to show, what is found their own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.connectors.searches import SearchQuery
from app.devtools.local_provider import LocalPerson
from app.upstream.oauth import Tokens
from app.verification import Viewer
from app.web import EXTENSION
from tests.app.access.world import ALICE, BOB, PAGE, World, world
from tests.host import EXPIRES_AT, query_of, signature

CONNECT = "Connect your GitHub account to see this."
SEEN = "storefront 1 as monalisa"


@pytest.fixture
def made(sqlite_url: str) -> Iterator[World]:
    with world(sqlite_url, access_github="attached") as found:
        yield found


def attach(made: World, person: LocalPerson, text: str = PAGE, **more: str) -> TestResponse:
    given = {"workspace": "1", "user": person.id, "task": "7", "expires_at": EXPIRES_AT}
    data = json.dumps({**given, "query": text, **more})
    return made.app.test_client().post(
        "/attach", json={"data": data}, headers={"x-asana-request-signature": signature(data)}
    )


def suggested(made: World, person: LocalPerson, text: str) -> Any:
    query = query_of(query=text, workspace="1", user=person.id, task="7", expires_at=EXPIRES_AT)
    proof = {"x-asana-request-signature": signature(query)}
    return made.app.test_client().get(f"/typeahead?{query}", headers=proof).get_json()


def test_what_a_person_attaches_is_shown_to_all_who_see_the_task(made: World) -> None:
    made.browser().connect(ALICE)
    assert made.title(BOB) == CONNECT
    answer = attach(made, ALICE, f"{PAGE}?utm_source=mail#top")
    assert answer.get_json() == {"resource_name": SEEN, "resource_url": PAGE}
    assert made.title(BOB) == SEEN
    assert made.title(BOB, task="8") == CONNECT


def test_what_a_person_may_not_see_is_not_attached(made: World) -> None:
    assert attach(made, BOB).status_code == 401
    made.browser().connect(BOB)
    assert attach(made, BOB).status_code == 404
    assert made.upstream.asked == ["hubot"]
    made.browser().connect(ALICE)
    assert made.people.known.attached_by(viewer_of(BOB), PAGE) is None


def test_who_attaches_what_another_has_attached_needs_to_see_it_alone(made: World) -> None:
    for person in (ALICE, BOB):
        made.browser().connect(person)
    assert attach(made, ALICE).status_code == 200
    assert attach(made, BOB).status_code == 404
    assert made.people.known.attached_by(viewer_of(BOB), PAGE) == ALICE.id


@pytest.mark.parametrize("text", [PAGE, "acme/storefront#1", "st", ""])
def test_nothing_of_another_person_is_suggested(made: World, text: str) -> None:
    for person in (ALICE, BOB):
        made.browser().connect(person)
    assert attach(made, ALICE).status_code == 200
    assert suggested(made, BOB, text)["items"] == []
    stranger = LocalPerson("1200000000000003", "stranger")
    assert suggested(made, stranger, text)["items"] == []
    own = suggested(made, ALICE, text)["items"]
    assert [(each["title"], each["value"]) for each in own] == [(SEEN, PAGE)]


def viewer_of(person: LocalPerson) -> Any:
    return Viewer("1", person.id, "7")


def test_a_search_is_of_the_persons_own_account(made: World) -> None:
    made.upstream.readers["acme/other"] = {BOB.login}
    assert suggested(made, ALICE, "issue of acme")["items"] == []
    assert made.upstream.asked == []
    for person in (ALICE, BOB):
        made.browser().connect(person)
    found = {
        person: [each["title"] for each in suggested(made, person, "issue of acme")["items"]]
        for person in (ALICE, BOB)
    }
    assert found == {ALICE: [SEEN], BOB: ["other 1 as hubot"]}
    assert set(made.upstream.asked) == {"monalisa", "hubot"}


def test_attaching_is_within_the_budget_too(sqlite_url: str) -> None:
    with world(sqlite_url, cold_fetches_per_minute="2") as found:
        found.upstream.readers["acme/storefront"].add(ALICE.login)
        found.browser().connect(ALICE)
        pages = [PAGE.replace("/1", f"/{number}") for number in range(1, 5)]
        assert [attach(found, ALICE, page).status_code for page in pages] == [200, 200, 403, 403]
        assert suggested(found, ALICE, PAGE.replace("/1", "/9"))["items"] == []


def test_a_search_finds_only_the_pages_that_may_be_shared(sqlite_url: str) -> None:
    shared = {"access_github": "shared", "shared_only": "github.com/acme/other"}
    with world(sqlite_url, github_token="made_up", **shared) as found:
        found.provider.access["made_up"] = ALICE
        found.upstream.readers |= {"acme/other": {ALICE.login}}
        items = suggested(found, BOB, "issue of acme")["items"]
        assert [each["title"] for each in items] == ["other 1 as monalisa"]


def test_jira_is_searched_with_the_persons_own_account(sqlite_url: str) -> None:
    own = {"jira_client_id": "1", "jira_client_secret": "2", "jira_site": "acme.atlassian.net"}
    with world(sqlite_url, access_jira="viewer", **own) as found:
        jira = found.people.providers.named("jira")
        assert jira is not None
        tokens, now = Tokens("made-up", None, None), datetime.now(UTC)
        found.people.connections.add(ALICE.id, jira, tokens, "", now)
        searches = found.app.extensions[EXTENSION].lookup._searches
        planned = {
            person: list(searches.planned(SearchQuery("log-in fails"), Viewer("1", person.id)))
            for person in (ALICE, BOB)
        }
    assert planned[BOB] == []
    (search,) = planned[ALICE]
    request = search.search.request
    assert request.url.startswith("https://api.atlassian.com/ex/jira/{cloudId}/rest/api/3/search/")
    assert request.lookup.url == "https://acme.atlassian.net/_edge/tenant_info"
    assert request.credential.identity == search.connection.identity
    assert search.search.server.url == "https://acme.atlassian.net"
