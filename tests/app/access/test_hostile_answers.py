"""What a provider may answer: nothing of it breaks a sign-in, or a terminal."""

import time

from app.devtools.local_provider import LocalPerson
from tests.app.access.world import ALICE, World


def test_a_lifetime_of_less_than_a_call_is_none(everybody: World) -> None:
    """It would be refreshed for ever, and never be used."""
    everybody.provider.before_token = lambda _: (
        everybody.provider.issue(ALICE) | {"data": {"gid": ALICE.id}, "expires_in": 0.001}
    )
    everybody.browser().connect(ALICE)
    (made,) = everybody.people.connections.listed()
    assert made.expires_at is None


def test_a_lifetime_that_is_told_as_a_text_counts(everybody: World) -> None:
    everybody.provider.before_token = lambda form: (
        {**everybody.provider.issue(ALICE), "data": {"gid": ALICE.id}, "expires_in": "60"}
        if form["grant_type"] == "authorization_code"
        else None
    )
    everybody.browser().connect(ALICE)
    (made,) = everybody.people.connections.listed()
    assert made.expires_at is not None
    assert 55 < made.expires_at.timestamp() - time.time() < 65


def test_a_token_that_no_header_can_hold_is_none(everybody: World) -> None:
    browser = everybody.browser()
    browser.sign_in(ALICE)
    everybody.provider.before_token = lambda _: {"access_token": "gho_中"}
    answer = browser.allow("/auth/github", ALICE)
    assert "Nothing was changed" in answer.text
    assert everybody.people.connections.listed() == []


def test_a_name_that_directs_a_terminal_is_kept_as_plain_text(everybody: World) -> None:
    browser = everybody.browser()
    browser.sign_in(ALICE)
    odd = LocalPerson(ALICE.id, "mona\x00\x1b[2J\nlisa")
    everybody.provider.before_token = lambda _: everybody.provider.issue(odd) | {"scope": "a\x00b"}
    assert browser.allow("/auth/github", ALICE).status_code == 200
    (made,) = everybody.people.connections.listed()
    assert (made.login, made.scopes) == ("mona [2J lisa", "a b")


def test_a_provider_that_is_down_is_told_in_words(everybody: World) -> None:
    everybody.provider.before_token = lambda _: ("down", 503)
    answer = everybody.browser().allow("/auth/host", ALICE)
    assert "The system that you sign in to does not answer as it should" in answer.text
    assert answer.status_code == 500
