"""Public keys: a PEM, a key set, and which algorithms each may be used with."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from structlog.testing import capture_logs

from app.errors import ConfigurationError, KeysUnavailable, PlacardError, UpstreamTimeout
from app.telemetry.logs import merge_log_fields
from app.verification import KeySet
from app.verification.keys import read_key_set
from tests.clock import Clock
from tests.conftest import MakeHost
from tests.host import JWT_SECRET, Host, token
from tests.proofs import API_ISSUE, ISSUE_JSON, QUERY, bearer, now, verdict, with_header
from tests.waiting import PATIENCE

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Jwk = dict[str, Any]

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, PrivateKey] = {"RS256": RSA, "ES256": EC, "EdDSA": ED}
SMALL_RSA = rsa.generate_private_key(65537, 1024)
P384 = ec.generate_private_key(ec.SECP384R1())
RSA_JWK = RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)
EC_JWK = ECAlgorithm.to_jwk(EC.public_key(), as_dict=True)
ED_JWK = OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True)
JWKS_URL = "https://keys.example/jwks.json"


def pem(key: PrivateKey) -> str:
    kind = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, kind).decode()


def signed_by(key: PrivateKey, algorithm: str, kid: str | None = None) -> dict[str, str]:
    """Make the header with a token that a private key signed."""
    claims = {"aud": "placard", "iat": now(), "exp": now() + 60}
    return bearer(jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else None))


@pytest.mark.parametrize("algorithm", KEYS)
def test_key_in_pem_verifies_its_own_tokens(make_host: MakeHost, algorithm: str) -> None:
    host = make_host(jwt_secrets="", jwt_public_key=pem(KEYS[algorithm]))

    for other, key in KEYS.items():
        expected = "jwt" if other == algorithm else "wrong_algorithm"
        assert verdict(host, signed_by(key, other)) == expected


def test_token_of_another_key_is_refused(make_host: MakeHost) -> None:
    host = make_host(jwt_secrets="", jwt_public_key=pem(ED))

    stranger = ed25519.Ed25519PrivateKey.generate()
    assert verdict(host, signed_by(stranger, "EdDSA")) == "bad_signature"


@pytest.mark.parametrize("ending", ["", "\n"], ids=["stripped", "as written"])
@pytest.mark.parametrize(
    ("secrets", "expected"), [("", "wrong_algorithm"), (JWT_SECRET, "bad_signature")]
)
@pytest.mark.parametrize("algorithm", KEYS)
def test_token_signed_with_the_public_key_as_a_secret_is_refused(
    make_host: MakeHost, algorithm: str, secrets: str, expected: str, ending: str
) -> None:
    public = pem(KEYS[algorithm])
    host = make_host(jwt_secrets=secrets, jwt_public_key=public)

    forged = with_header(secret=public.strip() + ending)
    assert verdict(host, bearer(forged)) == expected


def test_line_ends_of_a_pem_may_be_written_as_escapes(make_host: MakeHost) -> None:
    host = make_host(jwt_secrets="", jwt_public_key=pem(ED).replace("\n", "\\n"))

    assert verdict(host, signed_by(ED, "EdDSA")) == "jwt"


@pytest.mark.parametrize("key", [SMALL_RSA, P384], ids=["RSA of 1024 bits", "EC P-384"])
def test_an_unsupported_key_keeps_the_service_from_starting(
    make_host: MakeHost, key: PrivateKey
) -> None:
    with pytest.raises(ConfigurationError, match="PLACARD_JWT_PUBLIC_KEY"):
        make_host(jwt_public_key=pem(key))


@pytest.mark.parametrize("text", ["secret", "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_an_invalid_pem_keeps_the_service_from_starting(make_host: MakeHost, text: str) -> None:
    with pytest.raises(ConfigurationError, match="PLACARD_JWT_PUBLIC_KEY"):
        make_host(jwt_public_key=text)


def test_setting_narrows_the_algorithms(make_host: MakeHost) -> None:
    host = make_host(jwt_public_key=pem(ED), jwt_algorithms="EdDSA")

    assert verdict(host, signed_by(ED, "EdDSA")) == "jwt"
    assert verdict(host, bearer(token())) == "wrong_algorithm"


@pytest.mark.parametrize("algorithms", ["RS256", "HS256,ES256", "none", "HS512", "hs256"])
def test_algorithm_without_a_key_keeps_the_service_from_starting(
    make_host: MakeHost, algorithms: str
) -> None:
    with pytest.raises(ConfigurationError, match="PLACARD_JWT_ALGORITHMS"):
        make_host(jwt_algorithms=algorithms)


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


@pytest.fixture
def keyed(make_host: MakeHost) -> Host:
    """The host of a service that only knows the address of a key set."""
    return make_host(jwt_secrets="", jwt_jwks_url=JWKS_URL)


def test_key_set_is_fetched_once_and_the_key_chosen_by_its_id(
    keyed: Host, upstream: responses.RequestsMock
) -> None:
    stranger = ed25519.Ed25519PrivateKey.generate()
    upstream.get(JWKS_URL, body=document(RSA_JWK | {"kid": "r"}, ED_JWK | {"kid": "e"}))
    upstream.get(API_ISSUE, json=ISSUE_JSON)

    with capture_logs(processors=[merge_log_fields]) as log:
        for headers in (
            signed_by(ED, "EdDSA", "e"),
            signed_by(RSA, "RS256", "r"),
            signed_by(ED, "EdDSA"),
            signed_by(ED, "EdDSA", "r"),
            signed_by(RSA, "RS256", "gone"),
            signed_by(stranger, "EdDSA", "e"),
        ):
            keyed.get(QUERY, headers)

    told = [line.get("reason", line["status"]) for line in log]
    assert told == [200, 200, 200, "unknown_key", "unknown_key", "bad_signature"]
    assert [call.request.url for call in upstream.calls] == [JWKS_URL, API_ISSUE]


def test_a_key_set_that_cannot_be_fetched_is_a_500(
    keyed: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(JWKS_URL, status=500, body="a stack trace")

    answer = keyed.get(QUERY, signed_by(ED, "EdDSA"))

    assert (answer.status_code, answer.json) == (500, {"data": {"error": "Internal server error."}})
    ready = keyed.client.get("/readyz")
    told = {"status": "waiting", "waiting_for": ["key_set"], "keys": "key_set"}
    assert (ready.status_code, ready.get_json()) == (503, ready.get_json() | told)
    assert len(upstream.calls) == 1


def test_the_service_is_ready_once_it_has_its_keys(
    keyed: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(JWKS_URL, body=document(ED_JWK))

    ready = keyed.client.get("/readyz")

    told = {"status": "ready", "waiting_for": [], "keys": "ok"}
    assert (ready.status_code, ready.get_json()) == (200, ready.get_json() | told)


@dataclass
class Keyring:
    """A source of a key set: returns or raises the next document or failure at each fetch."""

    answers: list[bytes | PlacardError]
    now: float = 1000.0
    asked: list[float] = field(default_factory=list)

    def fetch(self) -> bytes:
        self.asked.append(self.now)
        answer = self.answers.pop(0)
        if isinstance(answer, PlacardError):
            raise answer
        return answer

    def key_set(self) -> KeySet:
        return KeySet(self.fetch, lambda: self.now)


def kids(keys: Any) -> list[str | None]:
    return [key.kid for key in keys]


def test_unknown_key_ids_cause_one_refresh_in_30_seconds() -> None:
    ring = Keyring([document(ED_JWK | {"kid": "1"})] * 3)
    keys = ring.key_set()

    for moment in (1000, 1001, 1029, 1030, 1031, 1059, 1061):
        ring.now = moment
        assert [kids(keys.keys("EdDSA", kid)) for kid in ("1", "2", "3")] == [["1"], [], []]

    assert ring.asked == [1000, 1030, 1061]


def test_known_key_ids_cause_no_refresh_for_an_hour() -> None:
    ring = Keyring([document(ED_JWK | {"kid": "1"}), document(ED_JWK | {"kid": "1"})])
    keys = ring.key_set()

    for moment in (1000, 1100, 4600, 4601):
        ring.now = moment
        assert kids(keys.keys("EdDSA", "1")) == ["1"]

    assert ring.asked == [1000, 4601]


def test_refresh_replaces_the_keys() -> None:
    ring = Keyring([document(ED_JWK | {"kid": "old"}), document(ED_JWK | {"kid": "new"})])
    keys = ring.key_set()
    keys.keys("EdDSA", "old")
    ring.now += 31

    assert kids(keys.keys("EdDSA", "new")) == ["new"]
    assert kids(keys.keys("EdDSA", "old")) == []


@pytest.mark.parametrize(
    "failure",
    [UpstreamTimeout("late"), b"<html>", b"[]", b"{}", b"null", b'{"keys":[]}', b"\xff", b'"'],
    ids=repr,
)
def test_a_failed_refresh_keeps_the_old_keys(failure: bytes | PlacardError) -> None:
    ring = Keyring([document(ED_JWK | {"kid": "1"}), failure, failure])
    keys = ring.key_set()
    keys.keys("EdDSA", "1")

    for later in (31, 4000):
        ring.now = 1000 + later
        assert kids(keys.keys("EdDSA", "2")) == []
        assert kids(keys.keys("EdDSA", "1")) == ["1"]
    assert ring.asked == [1000, 1031, 5000]
    assert keys.fault() is None


def test_keys_are_unavailable_until_the_first_fetch_succeeds() -> None:
    ring = Keyring([UpstreamTimeout("late"), document(ED_JWK)])
    keys = ring.key_set()

    for moment in (1000, 1029):
        ring.now = moment
        with pytest.raises(KeysUnavailable):
            keys.keys("EdDSA", None)
    ring.now = 1030

    assert kids(keys.keys("EdDSA", None)) == [None]
    assert ring.asked == [1000, 1030]


SHARED = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}
P384_JWK = ECAlgorithm.to_jwk(P384.public_key(), as_dict=True)
UNFIT_JWKS: dict[str, Any] = {
    "shared secret": SHARED,
    "shared secret under a public name": SHARED | {"alg": "RS256"},
    "for encryption": RSA_JWK | {"use": "enc"},
    "another algorithm": RSA_JWK | {"alg": "RS512"},
    "algorithm that is no text": RSA_JWK | {"alg": ["RS256"]},
    "modulus that is no text": RSA_JWK | {"n": 5},
    "private": RSAAlgorithm.to_jwk(RSA, as_dict=True),
    "RSA of 1024 bits": RSAAlgorithm.to_jwk(SMALL_RSA.public_key(), as_dict=True),
    "EC P-384": P384_JWK,
    "EC P-384 under another name": P384_JWK | {"alg": "ES256"},
    "empty": {},
    "null": None,
    "text": "key",
}


@pytest.mark.parametrize("kind", UNFIT_JWKS)
def test_a_key_that_is_not_a_public_signing_key_is_skipped(kind: str) -> None:
    unfit = UNFIT_JWKS[kind]

    found = read_key_set(document(unfit, ED_JWK | {"kid": "fit", "use": "sig"}))

    assert [(key.algorithm, key.kid) for key in found] == [("EdDSA", "fit")]
    with pytest.raises(ValueError, match="no usable key"):
        read_key_set(document(unfit))


def test_secret_of_a_key_set_is_never_used(keyed: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(JWKS_URL, body=document(SHARED, ED_JWK))

    forged = token("secret-secret-secret-secret-secr")

    assert keyed.get(QUERY, bearer(forged)).status_code == 401
    assert keyed.get(QUERY, signed_by(EC, "ES256")).status_code == 401


def test_unknown_key_id_holds_one_thread_while_the_key_set_hangs() -> None:
    asked, go_on = threading.Event(), threading.Event()
    answers = iter([document(ED_JWK | {"kid": "old"}), document(ED_JWK | {"kid": "new"})])
    clock = Clock()

    def fetch() -> bytes:
        answer = next(answers)
        if clock.now > 1000:
            asked.set()
            assert go_on.wait(PATIENCE)
        return answer

    keys = KeySet(fetch, clock)
    keys.keys("EdDSA", "old")
    clock.now += 31
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.keys, "EdDSA", "new")
        assert asked.wait(PATIENCE)
        try:
            # These would hang too, were they to wait.
            with pytest.raises(KeysUnavailable, match="being fetched"):
                keys.keys("EdDSA", "new")
            assert kids(keys.keys("EdDSA", "old")) == ["old"]
            assert keys.fault() is None
        finally:
            go_on.set()
        assert kids(first.result(PATIENCE)) == ["new"]
    assert kids(keys.keys("EdDSA", "new")) == ["new"]


class Hanging:
    """An address whose key set comes once somebody lets it, or never."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        self.asked.set()
        assert self.go_on.wait(PATIENCE)
        return document(ED_JWK | {"kid": "one"})


def test_first_tokens_wait_for_the_one_fetch_of_the_key_set() -> None:
    fetch = Hanging()
    keys = KeySet(fetch, patience=10, most_waiting=20)
    with ThreadPoolExecutor(20) as pool:
        found = [pool.submit(keys.keys, "EdDSA", "one") for _ in range(20)]
        assert fetch.asked.wait(PATIENCE)
        fetch.go_on.set()
        assert [kids(each.result(PATIENCE)) for each in found] == [["one"]] * 20
    assert fetch.count == 1


def test_a_few_wait_for_the_first_key_set_and_not_for_ever() -> None:
    fetch = Hanging()
    keys = KeySet(fetch, patience=0.01, most_waiting=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.keys, "EdDSA", "one")
        assert fetch.asked.wait(PATIENCE)
        try:
            with pytest.raises(KeysUnavailable, match="being fetched"):
                keys.keys("EdDSA", "one")
            keys._waiting.acquire()
            with pytest.raises(KeysUnavailable, match="being fetched"):
                keys.keys("EdDSA", "one")
        finally:
            fetch.go_on.set()
        assert kids(first.result(PATIENCE)) == ["one"]


def test_burst_of_tokens_at_a_cold_start_is_answered(
    keyed: Host, upstream: responses.RequestsMock
) -> None:
    burst = threading.Barrier(8)

    def answer(_: Any) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.1)  # the others are there meanwhile
        return 200, {}, document(ED_JWK | {"kid": "e"})

    upstream.add_callback("GET", JWKS_URL, answer)
    upstream.get(API_ISSUE, json=ISSUE_JSON)

    def ask(_: int) -> int:
        host = Host(keyed.client.application.test_client())
        burst.wait(PATIENCE)
        return host.get(QUERY, signed_by(ED, "EdDSA", "e")).status_code

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(ask, range(8))] == [200] * 8
    assert [call.request.url for call in upstream.calls] == [JWKS_URL, API_ISSUE]


def test_readiness_does_not_wait_for_a_key_set_that_hangs() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def fetch() -> bytes:
        asked.set()
        assert go_on.wait(PATIENCE)
        return document(ED_JWK)

    keys = KeySet(fetch)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.fault)
        assert asked.wait(PATIENCE)
        try:
            assert keys.fault() == "key_set"
        finally:
            go_on.set()
        assert first.result(PATIENCE) is None
