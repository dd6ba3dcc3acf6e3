"""Attacks on the sign-in: each ends without a connection made, used or removed."""

import json
from dataclasses import asdict
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from sqlalchemy import update

from app.access.tables import ConnectionRow
from tests.app.access.world import ALICE, BOB, PAGE, PUBLIC, Browser, World
from tests.host import EXPIRES_AT, Host, query_of, signature

CONNECT = "Connect your GitHub account to see this."


@pytest.fixture
def everybody(all_on_sqlite: World) -> World:
    return all_on_sqlite


def connections(made: World) -> list[tuple[str, str]]:
    return [(each.user, each.login) for each in made.people.connections.listed()]


def signed_in(made: World) -> Browser:
    browser = made.browser()
    browser.sign_in(ALICE)
    return browser


@pytest.mark.parametrize("path", ["/auth/host", "/auth/github"])
def test_the_state_of_another_session_is_refused(everybody: World, path: str) -> None:
    attacker, victim = signed_in(everybody), signed_in(everybody)
    back = everybody.provider.allow(BOB.login, attacker.asked_for(path))
    assert victim.get(back).status_code == 422
    assert connections(everybody) == []
    # And it burns nothing: who began it can still end it.
    assert attacker.get(back).status_code in (200, 303)


def test_a_state_that_nobody_began_is_refused(everybody: World) -> None:
    browser = signed_in(everybody)
    for path in ("/auth/host", "/auth/github"):
        browser.asked_for(path)
    code = {"code": "made-up", "state": "made-up"}
    for path in ("/auth/host/callback", "/auth/github/callback"):
        for query in (code, {"code": "made-up"}, {"state": "made-up"}, {}):
            assert browser.get(f"{path}?{urlencode(query)}").status_code == 422
    assert connections(everybody) == []
    assert everybody.provider.calls == ["authorization_code"]


def test_a_state_is_of_use_once(everybody: World) -> None:
    browser = signed_in(everybody)
    back = everybody.provider.allow(ALICE.login, browser.asked_for("/auth/github"))
    assert browser.get(back).status_code == 200
    assert connections(everybody) == [(ALICE.id, ALICE.login)]
    made = everybody.people.connections.listed()
    assert browser.get(back).status_code == 422
    assert everybody.people.connections.listed() == made


def test_a_second_code_for_a_state_that_was_used_is_not_taken(everybody: World) -> None:
    browser = signed_in(everybody)
    asked = browser.asked_for("/auth/github")
    first, second = (everybody.provider.allow(each.login, asked) for each in (ALICE, BOB))
    assert browser.get(first).status_code == 200
    assert browser.get(second).status_code == 422
    assert connections(everybody) == [(ALICE.id, ALICE.login)]


def test_what_was_begun_before_a_sign_in_cannot_end_after_it(everybody: World) -> None:
    browser = everybody.browser()
    early = browser.asked_for("/auth/host")
    browser.sign_in(ALICE)
    assert browser.get(everybody.provider.allow(BOB.login, early)).status_code == 422
    browser.allow("/auth/github", ALICE)
    assert connections(everybody) == [(ALICE.id, ALICE.login)]


def test_a_code_used_twice_is_refused_by_the_provider(everybody: World) -> None:
    browser = signed_in(everybody)
    first, second = (browser.asked_for("/auth/github") for _ in range(2))
    back = everybody.provider.allow(ALICE.login, first)
    assert browser.get(back).status_code == 200
    made = everybody.people.connections.listed()
    again = back.replace(first["state"], second["state"])
    assert browser.get(again).status_code == 422
    assert everybody.people.connections.listed() == made


def test_a_code_that_github_does_not_take_is_refused_as_every_other(everybody: World) -> None:
    browser = signed_in(everybody)
    back = everybody.provider.allow(ALICE.login, browser.asked_for("/auth/github"))
    everybody.provider.before_token = lambda _: {"error": "bad_verification_code"}
    assert browser.get(back).status_code == 422
    assert connections(everybody) == []


def test_a_state_is_too_old_after_ten_minutes(
    everybody: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(everybody)
    back = everybody.provider.allow(ALICE.login, browser.asked_for("/auth/github"))
    flow = everybody.people.sign_in._flow
    began = flow._clock()
    monkeypatch.setattr(flow, "_clock", lambda: began + 601)
    assert browser.get(back).status_code == 422
    monkeypatch.setattr(flow, "_clock", lambda: began + 590)
    assert browser.get(back).status_code == 200


def test_the_code_of_one_provider_is_not_taken_at_the_callback_of_another(
    everybody: World,
) -> None:
    browser = signed_in(everybody)
    back = everybody.provider.allow(ALICE.login, browser.asked_for("/auth/github"))
    calls = len(everybody.provider.calls)
    assert browser.get(back.replace("/auth/github/", "/auth/host/")).status_code == 422
    assert browser.get(back.replace("/auth/github/", "/auth/gitlab/")).status_code == 422
    assert len(everybody.provider.calls) == calls
    assert connections(everybody) == []


@pytest.mark.parametrize(
    "page", ["https://evil.example", "//evil.example", "connections/../../evil", "\\evil.example"]
)
def test_a_person_returns_to_our_own_pages_only(everybody: World, page: str) -> None:
    browser = everybody.browser()
    path = f"/auth/host?{urlencode({'page': page, 'redirect_uri': page})}"
    asked = browser.asked_for(path)
    assert asked["redirect_uri"] == f"{PUBLIC}/auth/host/callback"
    assert browser.get(everybody.provider.allow(ALICE.login, asked)).location == f"{PUBLIC}/auth"


def test_the_host_header_does_not_move_the_redirect(everybody: World) -> None:
    begun = everybody.app.test_client().get("/auth/host", base_url="https://evil.example")
    assert "evil" not in str(begun.location)


def test_every_provider_is_sent_a_challenge_and_the_verifier_only_at_the_end(
    everybody: World,
) -> None:
    browser = signed_in(everybody)
    for path in ("/auth/host", "/auth/github"):
        asked = browser.asked_for(path)
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert "code_verifier" not in asked


def test_a_code_that_was_asked_for_without_a_challenge_is_of_no_use(everybody: World) -> None:
    browser = signed_in(everybody)
    asked = browser.asked_for("/auth/github")
    asked.pop("code_challenge")
    assert browser.get(everybody.provider.allow(ALICE.login, asked)).status_code == 422
    assert connections(everybody) == []


def test_a_code_of_the_attackers_is_not_taken_in_the_victims_sign_in(everybody: World) -> None:
    attacker, victim = signed_in(everybody), signed_in(everybody)
    stolen = everybody.provider.allow(BOB.login, attacker.asked_for("/auth/github"))
    theirs = victim.asked_for("/auth/github")
    code = stolen.partition("code=")[2].partition("&")[0]
    path = f"/auth/github/callback?{urlencode({'code': code, 'state': theirs['state']})}"
    assert victim.get(path).status_code == 422
    assert connections(everybody) == []


def test_a_cookie_that_was_planted_before_is_of_no_use_after(everybody: World) -> None:
    victim, attacker = everybody.browser(), everybody.browser()
    asked = victim.asked_for("/auth/host")
    planted = victim.client.get_cookie("__Host-placard", domain="placard.example")
    assert planted is not None
    attacker.client.set_cookie("__Host-placard", planted.value, domain="placard.example")
    victim.get(everybody.provider.allow(ALICE.login, asked))
    assert "<h1>Your accounts" in victim.get("/connections").text
    assert "<h1>Your accounts" not in attacker.get("/connections").text
    assert attacker.get("/auth/github").location == f"{PUBLIC}/connections"


@pytest.mark.parametrize("value", ["", "made-up", "e30", "gAAAAABmade-up"])
def test_a_made_up_cookie_is_no_session(everybody: World, value: str) -> None:
    browser = everybody.browser()
    browser.client.set_cookie("__Host-placard", value, domain="placard.example")
    assert "<h1>Your accounts" not in browser.get("/connections").text


def test_what_was_sealed_for_another_purpose_is_no_session(everybody: World) -> None:
    browser = everybody.browser()
    sessions = everybody.people.sign_in.sessions
    # The database knows it.
    sealed = sessions._vault.seal("connection", asdict(sessions.begin(ALICE.id)))
    browser.client.set_cookie("__Host-placard", sealed, domain="placard.example")
    assert "<h1>Your accounts" not in browser.get("/connections").text


def test_the_cookie_is_kept_from_scripts_other_hosts_and_cleartext(everybody: World) -> None:
    begun = everybody.browser().get("/auth/host")
    cookie = begun.headers["Set-Cookie"]
    assert cookie.startswith("__Host-placard=")
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert attribute in cookie.split("; ")
    assert "Domain" not in cookie


@pytest.mark.parametrize("token", ["", "made-up", None])
def test_a_form_of_another_site_disconnects_nothing(everybody: World, token: str | None) -> None:
    browser = everybody.browser()
    browser.connect(ALICE)
    form = {} if token is None else {"csrf_token": token}
    assert browser.post("/connections/github/disconnect", **form).status_code == 403
    assert connections(everybody) == [(ALICE.id, ALICE.login)]
    assert len(everybody.provider.access) == 1


def test_the_form_token_of_another_session_disconnects_nothing(everybody: World) -> None:
    victim, attacker = everybody.browser(), everybody.browser()
    victim.connect(ALICE)
    attacker.connect(BOB)
    done = victim.post("/connections/github/disconnect", csrf_token=attacker.csrf())
    assert done.status_code == 403
    assert sorted(connections(everybody)) == sorted([(ALICE.id, ALICE.login), (BOB.id, BOB.login)])


def test_a_form_disconnects_its_own_person_only(everybody: World) -> None:
    first, second = everybody.browser(), everybody.browser()
    first.connect(ALICE)
    second.connect(BOB)
    form = {"csrf_token": second.csrf(), "user": ALICE.id}
    assert second.post("/connections/github/disconnect", **form).status_code == 303
    assert connections(everybody) == [(ALICE.id, ALICE.login)]


def test_disconnecting_by_a_link_changes_nothing(everybody: World) -> None:
    browser = everybody.browser()
    browser.connect(ALICE)
    assert browser.get("/connections/github/disconnect").status_code == 405
    assert connections(everybody) == [(ALICE.id, ALICE.login)]


def test_a_user_in_the_query_that_is_not_the_proofs_uses_no_connection(everybody: World) -> None:
    everybody.browser().connect(ALICE)
    own = query_of(resource_url=PAGE, workspace="1", user=BOB.id, expires_at=EXPIRES_AT)
    proof = {"x-asana-request-signature": signature(own)}
    host = Host(everybody.app.test_client())
    changed = own.replace(BOB.id, ALICE.id)
    assert host.get(changed, proof).status_code == 401
    # With a second `user` beside it, the request is refused whichever comes first.
    for twice in (f"{own}&user={ALICE.id}", f"user={ALICE.id}&{own}"):
        assert host.ask_signed(twice).status_code == 400
    assert everybody.upstream.asked == []


def test_who_refuses_at_the_provider_has_no_connection(everybody: World) -> None:
    browser = signed_in(everybody)
    state = browser.asked_for("/auth/github")["state"]
    answer = browser.get(f"/auth/github/callback?error=access_denied&state={state}")
    assert answer.status_code == 200
    assert "You did not allow it" in answer.text
    assert browser.get(f"/auth/github/callback?code=1&state={state}").status_code == 422
    assert connections(everybody) == []


def test_a_system_is_connected_only_by_a_person_who_is_known(everybody: World) -> None:
    browser = everybody.browser()
    assert browser.get("/auth/github").location == f"{PUBLIC}/connections"
    # A session without a person has a state all the same, of the host's sign-in.
    state = browser.asked_for("/auth/host")["state"]
    assert browser.get(f"/auth/github/callback?code=1&state={state}").status_code == 422
    # Nor at the end, however it began.
    sign_in, (github,) = everybody.people.sign_in, everybody.people.providers
    session, back = sign_in.sessions.begin(), f"{PUBLIC}/auth/github/callback"
    asked = dict(parse_qsl(urlsplit(sign_in.begin(session, github, back)).query))
    cookie = sign_in.sessions.write(session)
    browser.client.set_cookie("__Host-placard", cookie, domain="placard.example")
    assert browser.get(everybody.provider.allow(ALICE.login, asked)).status_code == 422
    assert connections(everybody) == []


@pytest.mark.parametrize("path", ["/auth/nothing", "/auth/github?host=evil.example"])
def test_a_system_that_is_not_set_up_is_not_found(everybody: World, path: str) -> None:
    assert signed_in(everybody).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/auth", "/connections", "/auth/host/callback"])
def test_the_pages_are_closed_to_all_others(everybody: World, path: str) -> None:
    answer = everybody.app.test_client().get(
        path, base_url=PUBLIC, headers={"Origin": "https://app.asana.com"}
    )
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Cross-Origin-Opener-Policy" not in answer.headers


def test_the_tokens_of_one_row_cannot_be_used_by_another(everybody: World) -> None:
    """Who can write to the database, and has no key, copies them onto a row of their own."""
    for person in (ALICE, BOB):
        everybody.browser().connect(person)
    alices, bobs = everybody.people.connections.listed()
    with everybody.people.store.writing() as session:
        stolen = update(ConnectionRow).where(ConnectionRow.id == bobs.id)
        session.execute(stolen.values(sealed=alices.sealed))
    assert everybody.title(BOB) == CONNECT
    assert everybody.upstream.asked == []


def test_what_a_person_types_into_attach_is_no_request_for_another(everybody: World) -> None:
    """The host signs the text of a POST; sent as the query of a GET it would name anybody."""
    everybody.browser().connect(ALICE)
    smuggled = query_of(workspace="1", user=ALICE.id, expires_at=EXPIRES_AT, resource_url=PAGE)
    own = {"workspace": "1", "user": BOB.id, "task": "7", "expires_at": EXPIRES_AT}
    data = json.dumps({**own, "query": f"&{smuggled}&"}, separators=(",", ":"))
    answer = Host(everybody.app.test_client()).ask_signed(data)
    assert answer.status_code == 401
    assert answer.get_json() == {"data": {"error": "Authorization required."}}
    assert everybody.upstream.asked == []
