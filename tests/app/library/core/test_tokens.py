"""The library's tokens: what they prove, and what they do not."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given, strategies as st
from sqlalchemy import event

from app.database.store import Store
from app.errors import Forbidden, InvalidInput, NotAuthenticated
from app.library.core.tokens import LONGEST_LIFETIME, Grant, IssuedToken, TokenStore, utc_now
from app.library.wiring import SCOPES
from app.settings import LIBRARY_AUDIENCE
from tests.host import JWT_SECRET
from tests.profiles import on_one_fixture
from tests.proofs import by_hand

GRANT = Grant(
    subject="alice@example.com",
    name="Alice",
    scopes=("custom_widget:read", "generate_log_reports"),
    domains=("domain-1",),
    lifetime=timedelta(days=90),
)
OTHER_SECRET = "another secret of at least 32 bytes"


@pytest.fixture
def tokens(store: Store) -> TokenStore:
    return TokenStore(store, [JWT_SECRET], SCOPES)


@pytest.fixture
def issued(tokens: TokenStore) -> IssuedToken:
    return tokens.create(GRANT)


def reason(tokens: TokenStore, text: str) -> str:
    with pytest.raises(NotAuthenticated) as caught:
        tokens.caller(text)
    assert caught.value.sentence == "Authorization required."
    return caught.value.code


def signed(issued: IssuedToken, secret: str = JWT_SECRET, **changes: Any) -> str:
    """Sign the claims of a token again, with changes; a claim changed to None is left out."""
    claims = jwt.decode(issued.text, options={"verify_signature": False}) | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret, algorithm="HS256")


def test_a_token_speaks_for_whom_it_was_made(tokens: TokenStore, issued: IssuedToken) -> None:
    caller = tokens.caller(issued.text)
    assert (caller.subject, caller.person.name) == ("alice@example.com", "Alice")
    assert caller.scopes == set(GRANT.scopes)
    assert caller.domains == {"domain-1"}
    assert caller.jti == issued.stored.jti


def test_a_caller_may_do_what_the_token_allows_and_no_more(
    tokens: TokenStore, issued: IssuedToken
) -> None:
    caller = tokens.caller(issued.text)
    caller.require_any(["custom_widget:read", "custom_widget:write"])
    caller.require_domain("domain-1")
    with pytest.raises(Forbidden, match="custom_widget:write"):
        caller.require_any(["custom_widget:write"])
    with pytest.raises(Forbidden, match="domain"):
        caller.require_domain("domain-2")


def test_any_secret_verifies_and_the_first_signs(store: Store, issued: IssuedToken) -> None:
    rotated = TokenStore(store, [OTHER_SECRET, JWT_SECRET], SCOPES)
    assert rotated.caller(issued.text).jti == issued.stored.jti
    fresh = rotated.create(GRANT)
    assert TokenStore(store, [OTHER_SECRET], SCOPES).caller(fresh.text).jti == fresh.stored.jti
    assert reason(TokenStore(store, [JWT_SECRET], SCOPES), fresh.text) == "bad_signature"


def test_a_revoked_token_is_refused_at_once(tokens: TokenStore, issued: IssuedToken) -> None:
    other = tokens.create(GRANT)
    assert tokens.revoke(issued.stored.jti)
    assert reason(tokens, issued.text) == "revoked"
    assert tokens.caller(other.text).jti == other.stored.jti
    assert not tokens.revoke(issued.stored.jti)
    assert not tokens.revoke("nobody-s")


def test_an_expired_token_is_refused(store: Store) -> None:
    earlier = TokenStore(store, [JWT_SECRET], SCOPES, now=lambda: utc_now() - timedelta(days=91))
    assert reason(TokenStore(store, [JWT_SECRET], SCOPES), earlier.create(GRANT).text) == "expired"


def test_the_leeway_of_clocks_does_not_lengthen_a_token(store: Store) -> None:
    earlier = TokenStore(
        store, [JWT_SECRET], SCOPES, now=lambda: utc_now() - timedelta(days=90, seconds=5)
    )
    assert reason(TokenStore(store, [JWT_SECRET], SCOPES), earlier.create(GRANT).text) == "expired"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "placard"}, "wrong_audience"),
        ({"aud": None}, "missing_claim"),
        ({"exp": None}, "missing_claim"),
        ({"exp": 1}, "expired"),
        ({"iat": int(time.time()) + 3600}, "not_yet_valid"),
        ({"jti": None}, "unknown_token"),
        ({"jti": "0" * 32}, "unknown_token"),
        ({"jti": "' OR 1=1 --"}, "unknown_token"),
        ({"sub": "mallory@example.com"}, "unknown_token"),
        ({"sub": None}, "unknown_token"),
    ],
)
def test_a_token_with_other_claims_is_refused(
    tokens: TokenStore, issued: IssuedToken, changes: dict[str, Any], why: str
) -> None:
    assert reason(tokens, signed(issued, **changes)) == why


def test_claims_grant_nothing_that_the_store_does_not(
    tokens: TokenStore, issued: IssuedToken
) -> None:
    forged = signed(issued, scopes=["custom_widget:write"], scope="custom_widget:write")
    assert tokens.caller(forged).scopes == set(GRANT.scopes)


def test_another_secret_or_none_is_refused(tokens: TokenStore, issued: IssuedToken) -> None:
    claims = jwt.decode(issued.text, options={"verify_signature": False})
    assert reason(tokens, signed(issued, OTHER_SECRET)) == "bad_signature"
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert reason(tokens, unsigned) == "wrong_algorithm"
    stretched = by_hand(json.dumps({"alg": "HS256", "jku": "https://x"}), json.dumps(claims))
    assert reason(tokens, stretched) == "refused_header"


@pytest.fixture
def one_store(sqlite_url: str) -> Iterator[Store]:
    opened = Store(sqlite_url)
    yield opened
    opened.close()


CLAIMS = st.dictionaries(
    st.sampled_from(["jti", "sub", "exp", "iat", "aud", "nbf"]),
    st.none()
    | st.integers()
    | st.text()
    | st.lists(st.text(), max_size=2)
    | st.just(LIBRARY_AUDIENCE),
)


@given(text=st.text() | CLAIMS.map(lambda claims: by_hand('{"alg":"HS256"}', json.dumps(claims))))
@on_one_fixture
def test_whatever_is_no_token_of_ours_is_refused(one_store: Store, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        TokenStore(one_store, [JWT_SECRET], SCOPES).caller(text)


def test_a_check_is_one_look_up(store: Store, tokens: TokenStore, issued: IssuedToken) -> None:
    asked: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    tokens.caller(issued.text)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 1


def test_tokens_are_listed_without_their_text(tokens: TokenStore, issued: IssuedToken) -> None:
    second = tokens.create(replace(GRANT, subject="bob@example.com", name="Bob"))
    tokens.revoke(issued.stored.jti)
    listed = {known.jti: known for known in tokens.listed()}
    assert set(listed) == {issued.stored.jti, second.stored.jti}
    assert listed[second.stored.jti] == second.stored
    assert listed[issued.stored.jti].state(utc_now()) == "revoked"
    assert second.stored.state(second.stored.expires_at) == "expired"
    assert issued.text not in repr(issued)


def test_a_second_token_of_a_user_is_the_same_person_s(
    tokens: TokenStore, issued: IssuedToken
) -> None:
    again = tokens.create(replace(GRANT, name="Alice B."))
    assert again.stored.person.id == issued.stored.person.id
    assert tokens.caller(issued.text).person.name == "Alice B."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subject": ""}, "sub: "),
        ({"subject": "a\nb"}, "sub: "),
        ({"name": "x" * 256}, "name: "),
        ({"domains": ("domain-1", "")}, "domain: "),
        ({"scopes": ("everything",)}, "scope: 'everything' is not one of cloud_cost"),
        ({"lifetime": timedelta(0)}, "expires: "),
        ({"lifetime": LONGEST_LIFETIME + timedelta(days=1)}, "expires: "),
    ],
)
def test_a_grant_that_cannot_be_is_refused(
    store: Store, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        TokenStore(store, [JWT_SECRET], SCOPES).create(replace(GRANT, **changes))
    assert caught.value.sentence.startswith(told)


def test_times_are_kept_as_they_are_told(store: Store) -> None:
    moment = datetime(2030, 1, 2, 3, 4, 5, 678900, UTC)
    made = TokenStore(store, [JWT_SECRET], SCOPES, now=lambda: moment).create(GRANT).stored
    assert made.created_at == datetime(2030, 1, 2, 3, 4, 5, 678000, UTC)
    assert made.expires_at - made.created_at == GRANT.lifetime


def test_scopes_are_those_that_the_documents_name() -> None:
    assert len(set(SCOPES)) == len(SCOPES) == 10
