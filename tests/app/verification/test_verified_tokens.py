"""The cache of verified tokens gives only what verifying them again would give."""

import json
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from app.errors import NotAuthenticated
from app.verification import FixedKeys, KeySet, KeySource, SignedRequest, TokenRules
from app.verification.keys import KEY_SET_LIFETIME, Key, shared_secret_keys
from app.verification.qsh import query_string_hash
from app.verification.token import LONGEST_VERIFIED, VerifiedTokens, verify_token
from tests.host import JWT_SECRET, token

Counted = Callable[[], int]


def rules_of(*sources: KeySource) -> TokenRules:
    algorithms = frozenset({"HS256", "EdDSA"})
    return TokenRules(sources, algorithms, "placard", None, 600.0, require_qsh=False)


def request_of(given: str, query: bytes = b"workspace=1") -> SignedRequest:
    return SignedRequest("GET", "/widget", query, authorization=f"Bearer {given}")


@pytest.fixture
def rules() -> TokenRules:
    """Rules with one shared secret."""
    return rules_of(FixedKeys(shared_secret_keys([JWT_SECRET])))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Count how often a signature was verified."""
    seen: list[bytes] = []
    verifies = Key.verifies

    def counting(key: Key, message: bytes, signature: bytes) -> bool:
        seen.append(message)
        return verifies(key, message, signature)

    monkeypatch.setattr(Key, "verifies", counting)
    return lambda: len(seen)


def test_a_repeated_token_is_decoded_once(rules: TokenRules, decoded: Counted) -> None:
    given = token(sub="alice")
    proofs = [verify_token(request_of(given), rules) for _ in range(3)]
    assert decoded() == 1
    assert [proof.subject for proof in proofs] == ["alice"] * 3


def test_a_token_that_differs_in_one_bit_is_decoded(rules: TokenRules, decoded: Counted) -> None:
    given = token()
    verify_token(request_of(given), rules)
    head, _, mark = given.rpartition(".")
    changed = f"{head}.{'B' if mark[0] == 'A' else 'A'}{mark[1:]}"
    with pytest.raises(NotAuthenticated) as refused:
        verify_token(request_of(changed), rules)
    assert (refused.value.code, decoded()) == ("bad_signature", 2)


@pytest.mark.parametrize(
    ("claim", "query", "reason"),
    [("qsh", b"workspace=2", "wrong_qsh"), ("workspace", b"workspace=2", "wrong_workspace")],
)
def test_each_request_is_checked_against_a_cached_token(
    rules: TokenRules, claim: str, query: bytes, reason: str
) -> None:
    request = request_of("")
    given = token(**{claim: {"qsh": query_string_hash(request), "workspace": "1"}[claim]})
    verify_token(request_of(given), rules)
    with pytest.raises(NotAuthenticated) as refused:
        verify_token(request_of(given, query), rules)
    assert refused.value.code == reason


def test_a_cached_token_is_refused_when_it_has_expired(
    rules: TokenRules, decoded: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    # Within the leeway it is valid, and is decoded each time.
    given = token(iat=now - 100, exp=now - 10)
    for _ in range(2):
        verify_token(request_of(given), rules)
    assert decoded() == 2
    old = token(iat=now - 200, exp=now - 100)
    monkeypatch.setattr("app.verification.token.time.time", lambda: now - 150.0)
    (key,) = rules.sources[0].keys("HS256", None)
    rules.verified.keep(old, key, jwt.decode(old, options={"verify_signature": False}))
    assert rules.verified.claims(old, key) is not None
    verify_token(request_of(old), rules)
    monkeypatch.undo()
    with pytest.raises(NotAuthenticated) as refused:
        verify_token(request_of(old), rules)
    assert refused.value.code == "expired"


@pytest.mark.parametrize(
    ("now", "stands"), [(99.9, False), (100.0, True), (199.9, True), (200.0, False)]
)
def test_cached_claims_are_used_only_within_the_token_s_times(
    monkeypatch: pytest.MonkeyPatch, now: float, stands: bool
) -> None:
    tokens, key = VerifiedTokens(), Key("HS256", b"")
    tokens.keep("a", key, {"iat": 50, "nbf": 100, "exp": 200})
    monkeypatch.setattr("app.verification.token.time.time", lambda: now)
    assert (tokens.claims("a", key) is not None) == stands


def test_cached_claims_are_used_only_for_the_key_that_verified_them() -> None:
    now = int(time.time())
    tokens, key, same_bytes = VerifiedTokens(), Key("HS256", b"k"), Key("HS256", b"k")
    tokens.keep("a", key, {"iat": now, "exp": now + 60})
    assert tokens.claims("a", key) is not None
    assert tokens.claims("a", same_bytes) is None


def test_long_tokens_are_not_cached(rules: TokenRules, decoded: Counted) -> None:
    given = token(sub="x" * LONGEST_VERIFIED)
    for _ in range(2):
        verify_token(request_of(given), rules)
    assert decoded() == 2


def test_a_token_of_a_revoked_key_is_refused() -> None:
    ours, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    documents = [key_set(ours), key_set(other)]
    clock = [0.0]
    rules = rules_of(KeySet(lambda: documents[clock[0] > 0], lambda: clock[0]))
    now = int(time.time())
    given = jwt.encode({"aud": "placard", "iat": now, "exp": now + 60}, ours, algorithm="EdDSA")
    for _ in range(2):
        assert verify_token(request_of(given), rules).kind == "jwt"

    clock[0] = KEY_SET_LIFETIME + 1
    with pytest.raises(NotAuthenticated) as refused:
        verify_token(request_of(given), rules)
    assert refused.value.code == "bad_signature"


def key_set(private: Ed25519PrivateKey) -> bytes:
    written = json.loads(OKPAlgorithm.to_jwk(private.public_key()))
    return json.dumps({"keys": [written]}).encode()
