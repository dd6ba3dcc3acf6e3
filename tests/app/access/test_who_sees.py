"""Of one person's resources, another sees nothing: fresh, stale, by 304, in any mode."""

import pytest

from app.verification import Viewer
from tests.app.access.world import ALICE, BOB, PAGE, World, world
from tests.host import EXPIRES_AT, Host, query_of, token
from tests.proofs import bearer

CONNECT = "Connect your GitHub account to see this."
SEEN = "storefront 1 as monalisa"
NO_SIGN_IN = {"github_client_id": "", "github_client_secret": ""}


def test_a_page_is_shown_to_who_may_see_it_there(everybody: World) -> None:
    assert everybody.title(ALICE) == CONNECT
    everybody.browser().connect(ALICE)
    assert everybody.title(ALICE) == SEEN
    assert everybody.ask(BOB).status_code == 401
    everybody.browser().connect(BOB)
    assert everybody.ask(BOB).status_code == 404
    assert everybody.title(ALICE) == SEEN
    assert everybody.upstream.asked == ["monalisa", "hubot"]


def test_a_kept_card_and_its_etag_are_of_no_use_to_another(everybody: World) -> None:
    everybody.browser().connect(ALICE)
    etag = everybody.ask(ALICE).headers["ETag"]
    query = query_of(resource_url=PAGE, workspace="1", user=BOB.id, expires_at=EXPIRES_AT)
    client = everybody.app.test_client()
    host = Host(client)
    client.environ_base["HTTP_IF_NONE_MATCH"] = etag
    assert host.ask_signed(query).status_code == 401


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ALICE.id}, {"workspace": "1"}, {"sub": BOB.id, "workspace": "1"}]
)
def test_a_proof_that_does_not_speak_for_the_person_shows_nothing(
    sqlite_url: str, claims: dict[str, str]
) -> None:
    with world(sqlite_url, verify="either") as made:
        made.browser().connect(ALICE)
        query = query_of(resource_url=PAGE, workspace="1", user=ALICE.id)
        answer = Host(made.app.test_client()).get(query, bearer(token(**claims)))
        assert answer.status_code == 401
        assert answer.get_json() == {"data": {"error": "Authorization required."}}
        assert made.upstream.asked == []


def test_a_token_of_person_and_workspace_is_enough(sqlite_url: str) -> None:
    with world(sqlite_url, verify="either") as made:
        made.browser().connect(ALICE)
        query = query_of(resource_url=PAGE, workspace="1", user=ALICE.id)
        proof = bearer(token(sub=ALICE.id, workspace="1"))
        assert Host(made.app.test_client()).get(query, proof).status_code == 200


def test_a_person_who_disconnects_sees_it_no_more(everybody: World) -> None:
    browser = everybody.browser()
    browser.connect(ALICE)
    assert everybody.title(ALICE) == SEEN
    done = browser.post("/connections/github/disconnect", csrf_token=browser.csrf())
    assert (done.status_code, done.location) == (303, "https://placard.example/connections")
    assert everybody.title(ALICE) == CONNECT
    assert everybody.provider.access == {}


def test_who_connects_as_somebody_else_sees_no_card_of_before(everybody: World) -> None:
    browser = everybody.browser()
    browser.connect(ALICE)
    assert everybody.title(ALICE) == SEEN
    browser.connect(ALICE, as_person=BOB)
    assert everybody.ask(ALICE).status_code == 404


def test_a_token_that_the_system_refuses_asks_to_connect(everybody: World) -> None:
    everybody.browser().connect(ALICE)
    assert everybody.title(ALICE) == SEEN
    everybody.provider.access.clear()
    everybody.provider.refresh.clear()
    assert everybody.title(ALICE, PAGE + "0") == CONNECT
    # The connection has ended: what is kept is not shown any more.
    assert everybody.title(ALICE) == CONNECT


def test_the_service_credential_is_not_used_in_a_mode_of_people(sqlite_url: str) -> None:
    with world(sqlite_url, github_token="made_up") as made:
        assert made.title(ALICE) == CONNECT
        assert made.upstream.asked == []
    # Not where people cannot sign in, either: there all see what anybody may.
    with world(sqlite_url, github_token="made_up", **NO_SIGN_IN) as made:
        made.provider.access["made_up"] = ALICE
        assert made.ask(ALICE).status_code == 403
        assert made.upstream.asked == ["nobody"]


def test_in_attached_mode_a_page_is_shown_as_to_who_attached_it(sqlite_url: str) -> None:
    with world(sqlite_url, access_github="attached") as made:
        made.browser().connect(ALICE)
        assert made.title(BOB) == CONNECT
        attach(made, ALICE.id)
        assert made.title(BOB) == SEEN
        # In another task, in another workspace, and by the address alone it is not.
        assert made.title(BOB, task="8") == CONNECT
        assert made.title(BOB, workspace="2") == CONNECT
        assert made.title(BOB, PAGE + "0") == CONNECT
        # However it is spelled, the page is the same.
        assert made.title(BOB, PAGE + "?utm_source=mail#top") == SEEN


def test_in_attached_mode_who_attached_may_have_left(sqlite_url: str) -> None:
    with world(sqlite_url, access_github="attached") as made:
        attach(made, ALICE.id)
        assert made.title(BOB) == CONNECT
        made.upstream.readers["acme/storefront"].add(BOB.login)
        made.browser().connect(BOB)
        assert made.title(BOB) == "storefront 1 as hubot"


def test_a_token_that_does_not_cover_the_task_sees_no_attachment(sqlite_url: str) -> None:
    with world(sqlite_url, access_github="attached", verify="either") as made:
        made.browser().connect(ALICE)
        attach(made, ALICE.id)
        query = query_of(resource_url=PAGE, workspace="1", user=BOB.id, task="7")
        proof = bearer(token(sub=BOB.id, workspace="1"))
        assert Host(made.app.test_client()).get(query, proof).status_code == 401


def attach(made: World, user: str) -> None:
    made.people.known.attach(Viewer("1", user, "7"), PAGE)
