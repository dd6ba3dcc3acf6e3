"""The pages on which people connect their accounts, beside what attackers try there."""

import pytest
from sqlalchemy import select

from app.access.forgetting import forget_user
from app.access.sessions import LIFETIME
from app.access.tables import SessionRow
from app.database.store import Store
from app.devtools.local_provider import LocalPerson
from tests.app.access.test_attacks import connections
from tests.app.access.world import ALICE, BOB, PUBLIC, Browser, World, world


@pytest.fixture
def made(all_on_sqlite: World) -> World:
    return all_on_sqlite


def connected(made: World, person: LocalPerson = ALICE) -> Browser:
    browser = made.browser()
    browser.connect(person)
    return browser


def is_known(browser: Browser) -> bool:
    return "<h1>Your accounts" in browser.get("/connections").text


@pytest.mark.parametrize(
    ("page", "next_page"),
    [("auth", "auth"), ("connections", "connections"), ("/evil.example", "connections")],
)
def test_who_signs_out_is_unknown_and_stays_connected(
    made: World, page: str, next_page: str
) -> None:
    browser = connected(made)
    done = browser.post("/connections/sign-out", csrf_token=browser.csrf(), page=page)
    assert (done.status_code, done.location) == (303, f"{PUBLIC}/{next_page}")
    cookie = done.headers["Set-Cookie"].split("; ")
    assert {"__Host-placard=", "Max-Age=0", "Path=/", "Secure", "HttpOnly"} <= set(cookie)
    assert not is_known(browser)
    assert connections(made) == [(ALICE.id, ALICE.login)]


def copied(made: World, browser: Browser) -> Browser:
    """The browser of a thief, who has the cookie of another."""
    cookie = browser.client.get_cookie("__Host-placard", domain="placard.example")
    assert cookie is not None
    thief = made.browser()
    thief.client.set_cookie("__Host-placard", cookie.value, domain="placard.example")
    assert is_known(thief)
    return thief


def test_a_copy_of_the_cookie_ends_with_the_session(made: World) -> None:
    browser, other = connected(made), made.browser()
    other.sign_in(ALICE)
    thief, form = copied(made, browser), {"csrf_token": browser.csrf()}
    assert browser.post("/connections/sign-out", **form).status_code == 303
    assert not is_known(thief)
    assert thief.post("/connections/github/disconnect", **form).status_code == 403
    assert connections(made) == [(ALICE.id, ALICE.login)]
    # Another browser of the same person is signed in as before.
    assert is_known(other)


def test_a_copy_of_the_cookie_ends_where_its_person_is_forgotten(made: World) -> None:
    thieves = [copied(made, connected(made, person)) for person in (ALICE, BOB)]
    forget_user(made.people.store, ALICE.id)
    assert [is_known(thief) for thief in thieves] == [False, True]


def test_nobody_prolongs_a_session(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = connected(made)
    sessions = made.people.sign_in.sessions
    began = sessions._clock()
    for seconds, known in ((LIFETIME - 10, True), (LIFETIME + 10, False)):
        # To begin a sign-in seals the cookie anew.
        browser.asked_for("/auth/host")
        monkeypatch.setattr(sessions, "_clock", lambda now=began + seconds: now)
        assert is_known(browser) is known
    connected(made, BOB)
    with made.people.store.reading() as database:
        assert list(database.scalars(select(SessionRow.user))) == [BOB.id]


@pytest.mark.parametrize("token", ["", "made-up", None])
def test_another_site_signs_nobody_out(made: World, token: str | None) -> None:
    browser = connected(made)
    form = {} if token is None else {"csrf_token": token}
    assert browser.post("/connections/sign-out", **form).status_code == 403
    assert browser.get("/connections/sign-out").status_code == 405
    assert is_known(browser)


def test_who_connects_anew_leaves_no_older_token_at_the_system(made: World) -> None:
    connected(made)
    (before,) = made.people.connections.listed()
    old = made.people.connections.tokens(before)
    browser = made.browser()
    browser.connect(ALICE)
    assert old["access"] not in made.provider.access
    (kept,) = made.people.connections.listed()
    assert made.people.connections.tokens(kept)["access"] in made.provider.access
    assert made.title(ALICE) == "storefront 1 as monalisa"


def test_who_connects_anew_after_the_end_revokes_nothing(made: World) -> None:
    browser = connected(made)
    (before,) = made.people.connections.listed()
    made.people.connections.end(before)
    browser.connect(ALICE)
    assert len(made.provider.access) == 2


def test_a_token_that_is_given_again_is_not_revoked(made: World) -> None:
    browser = connected(made)
    (before,) = made.people.connections.listed()
    old = made.people.connections.tokens(before)
    browser.sign_in(ALICE)
    again = {"access_token": old["access"], "refresh_token": old["refresh"]}
    made.provider.before_token = lambda _: again
    assert browser.allow("/auth/github", ALICE).status_code == 200
    assert old["access"] in made.provider.access


@pytest.mark.parametrize("form", [{}, {"origin": "https://api.github.com"}])
def test_who_disconnects_leaves_no_token_at_the_system(made: World, form: dict[str, str]) -> None:
    browser = connected(made)
    # It has run out meanwhile.
    made.provider.access.clear()
    browser.post("/connections/github/disconnect", csrf_token=browser.csrf(), **form)
    assert connections(made) == []
    assert (made.provider.access, made.provider.refresh) == ({}, {})


def test_only_what_is_named_is_disconnected(made: World) -> None:
    browser, form = connected(made), {"csrf_token": ""}
    form["csrf_token"] = browser.csrf()
    for system, origin in (("github", "https://elsewhere.example"), ("gitlab", None)):
        own = form if origin is None else form | {"origin": origin}
        assert browser.post(f"/connections/{system}/disconnect", **own).status_code == 303
    assert connections(made) == [(ALICE.id, ALICE.login)]


def test_a_connection_whose_system_has_left_the_settings_can_be_removed(
    sqlite_url: str, made: World
) -> None:
    for person in (ALICE, BOB):
        connected(made, person)
    gone = {"github_client_id": "", "github_client_secret": ""}
    with world(sqlite_url, **gone) as later:
        later.provider.codes = made.provider.codes
        browser = later.browser()
        browser.sign_in(ALICE)
        page = browser.get("/connections").text
        assert "api.github.com: connected, and no longer used here" in page
        assert "/auth/github?" not in page
        form = {"csrf_token": browser.csrf(), "origin": "https://api.github.com"}
        assert browser.post("/connections/github/disconnect", **form).status_code == 303
        assert connections(later) == [(BOB.id, BOB.login)]


def test_readiness_tells_of_the_database_of_sign_in(
    made: World, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.app.test_client().get("/readyz").get_json()["sign_in"] == "ok"
    monkeypatch.setattr(Store, "fault", lambda _: "database")
    with world(sqlite_url) as down:
        ready = down.app.test_client().get("/readyz")
    told = ready.get_json()
    assert (ready.status_code, told["sign_in"], told["library"]) == (200, "database", "off")
