"""For whom a proof speaks: workspace, person and task, each only where it is covered."""

from typing import Any

import pytest

from app.verification import (
    FixedKeys,
    Proof,
    SignedRequest,
    TokenRules,
    Verifier,
    query_string_hash,
    shared_secret_keys,
    sign,
)
from tests.host import JWT_SECRET, SIGNATURE_SECRET, token

QUERY = b"user=alice&workspace=1&task=2&expires_at=2036-10-05T14:48:00.000Z"
RULES = TokenRules(
    (FixedKeys(shared_secret_keys([JWT_SECRET])),),
    frozenset({"HS256"}),
    "placard",
    None,
    600,
    False,
)


def proof_of(given: str = "", signature: str = "", query: bytes = QUERY) -> Proof:
    request = SignedRequest(
        "GET", "/widget", query, f"Bearer {given}" if given else None, signature or None
    )
    return Verifier("either", RULES, (SIGNATURE_SECRET,)).verify(request)


def qsh(query: bytes = QUERY) -> str:
    return query_string_hash(SignedRequest("GET", "/widget", query))


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({}, (None, None, None)),
        ({"sub": "alice"}, (None, "alice", None)),
        ({"workspace": "1"}, ("1", None, None)),
        ({"workspace": "1", "sub": "alice"}, ("1", "alice", None)),
        ({"workspace": "1", "sub": "bob"}, ("1", None, None)),
        ({"qsh": qsh()}, ("1", "alice", "2")),
        ({"qsh": qsh(), "sub": "alice"}, ("1", "alice", "2")),
        ({"qsh": qsh(), "sub": "bob"}, ("1", None, "2")),
    ],
)
def test_a_token_speaks_for_what_it_covers(
    claims: dict[str, Any], seen: tuple[str | None, ...]
) -> None:
    viewer = proof_of(token(**claims)).viewer
    assert (viewer.workspace, viewer.user, viewer.task) == seen


def test_a_signature_speaks_for_all_parameters() -> None:
    viewer = proof_of(signature=sign(QUERY, SIGNATURE_SECRET)).viewer
    assert (viewer.workspace, viewer.user, viewer.task) == ("1", "alice", "2")


def test_tokens_that_name_nobody_are_told_apart() -> None:
    first, second = token(), token(jti="2")
    holders = [proof_of(each).viewer.holder for each in (first, first, second)]
    assert holders[0] == holders[1] != holders[2]
    assert first not in repr(proof_of(first))
