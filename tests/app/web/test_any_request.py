"""Whatever is sent: a status that the host knows, the envelope, and never an unhandled error."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
import responses
from hypothesis import example, given, strategies as st
from structlog.testing import capture_logs

from app.telemetry.logs import merge_log_fields
from app.verification.keys import read_key_set
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, Host, signature, token
from tests.profiles import on_one_fixture
from tests.proofs import API_ISSUE, ISSUE_JSON, bearer, by_hand, now

NAMES = st.sampled_from(["resource_url", "workspace", "task", "user", "locale", "expires_at"])
VALUES = st.text() | st.sampled_from([ISSUE, EXPIRES_AT, "https://github.com/", "1e400", "%00"])
PAIRS = st.lists(st.tuples(NAMES | st.text(max_size=5), VALUES), max_size=8)
QUERIES = st.binary(max_size=200) | PAIRS.map(
    lambda pairs: "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode()
)
# What a header can carry: anything of latin-1 but control characters.
HEADERS = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc", "Cs"]), max_size=200)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400)])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
TIMES = st.integers(-700, 700).map(lambda away: now() + away)
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "exp": TIMES | JSON,
        "iat": TIMES | JSON,
        "nbf": TIMES | JSON,
        "aud": st.just("placard") | JSON,
        "iss": JSON,
        "sub": JSON,
        "jti": JSON,
        "qsh": JSON,
        "workspace": JSON,
    },
)
TOKEN_HEADERS = st.fixed_dictionaries(
    {"alg": st.just("HS256") | JSON},
    optional={"kid": JSON, "typ": JSON, "crit": JSON, "jku": JSON, "x5u": JSON, "b64": JSON},
)


def check(host: Host, query: bytes, headers: Mapping[str, str]) -> int:
    """Send a request, hold its answer to the contract, and return the status."""
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as outside,
        capture_logs(processors=[merge_log_fields]) as log,
    ):
        outside.get(API_ISSUE, json=ISSUE_JSON)
        answer = host.client.get(
            "/widget",
            headers=dict(headers),
            environ_overrides={"QUERY_STRING": query.decode("latin-1")},
        )
        calls = len(outside.calls)
    assert answer.status_code in {200, 400, 401, 403, 404, 500}
    assert len(log) == 1
    assert "exception" not in log[0], log[0]
    if answer.status_code == 200:
        assert answer.get_json()["template"] == "summary_with_details_v0"
        return 200
    assert list(answer.get_json()) == ["data"]
    assert list(answer.get_json()["data"]) == ["error"]
    assert calls == 0 or answer.status_code == 500
    return answer.status_code


@given(QUERIES)
@on_one_fixture
def test_any_query_with_a_token(host: Host, query: bytes) -> None:
    assert check(host, query, bearer(token())) != 500


@given(QUERIES, HEADERS)
@on_one_fixture
def test_any_authorization_is_refused(host: Host, query: bytes, header: str) -> None:
    assert check(host, query, {"Authorization": header}) == 401


@given(QUERIES, HEADERS)
@on_one_fixture
def test_any_bearer_is_refused(host: Host, query: bytes, text: str) -> None:
    assert check(host, query, bearer(text)) == 401


@pytest.fixture
def signed_host(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures only."""
    return make_host(verify="signature")


@given(QUERIES, HEADERS)
@on_one_fixture
def test_any_signature_is_refused(signed_host: Host, query: bytes, header: str) -> None:
    assert check(signed_host, query, {"x-asana-request-signature": header}) == 401


@given(QUERIES)
@on_one_fixture
def test_any_signed_query_is_answered(signed_host: Host, query: bytes) -> None:
    proof = {"x-asana-request-signature": signature(query)}

    assert check(signed_host, query, proof) in {200, 400, 401, 404}


@pytest.fixture
def either(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures and tokens."""
    return make_host(verify="either")


@given(QUERIES, HEADERS, HEADERS)
@on_one_fixture
def test_any_two_headers_are_refused(either: Host, query: bytes, first: str, second: str) -> None:
    headers = {"Authorization": first, "x-asana-request-signature": second}
    assert check(either, query, headers) == 401


@given(TOKEN_HEADERS, CLAIMS | JSON)
@example({"alg": "HS256"}, {"aud": "placard", "iat": 0, "exp": 10**400})
@on_one_fixture
def test_any_token_signed_with_our_secret(host: Host, header: Any, claims: Any) -> None:
    made = by_hand(json.dumps(header), json.dumps(claims))
    query = f"resource_url={quote(ISSUE, safe='')}&workspace=1".encode()

    assert check(host, query, bearer(made)) in {200, 401}


@given(st.text(), st.text())
@on_one_fixture
def test_any_two_texts_in_a_token(host: Host, header: str, claims: str) -> None:
    assert check(host, b"", bearer(by_hand(header, claims))) == 401


JWK_PARTS = st.sampled_from(["kty", "crv", "n", "e", "d", "x", "y", "k", "kid", "alg", "use"])
JWK_VALUES = JSON | st.sampled_from(
    ["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "AQAB"]
)
JWKS = st.lists(st.dictionaries(JWK_PARTS, JWK_VALUES) | JSON, max_size=4)


@given(st.binary() | (JSON | JWKS.map(lambda keys: {"keys": keys})).map(json.dumps).map(str.encode))
def test_any_key_set_holds_public_keys_or_is_refused(document: bytes) -> None:
    try:
        keys = read_key_set(document)
    except ValueError:
        return
    assert {key.algorithm for key in keys} <= {"RS256", "ES256", "EdDSA"}
