"""The JWT in `Authorization: Bearer …`: what is accepted, and the reason of each refusal."""

import json
import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.errors import ConfigurationError
from app.telemetry.logs import merge_log_fields
from tests.conftest import MakeHost
from tests.host import Host, token
from tests.proofs import QUERY, bearer, now, verdict, with_claims, with_header


def test_the_log_names_the_clock_difference(host: Host) -> None:
    late, early = token(exp=now() - 90, iat=now() - 120), token(iat=now() + 90, exp=now() + 120)
    for given, seconds, way in ((late, 90, "behind"), (early, 90, "ahead of")):
        with capture_logs(processors=[merge_log_fields]) as log:
            assert host.get(QUERY, bearer(given)).status_code == 401
        assert re.fullmatch(
            rf"a clock that is ({seconds - 1}|{seconds}|{seconds + 1}) s {way} this one",
            log[-1]["would_match"],
        )


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
def test_scheme_is_read_in_any_case(host: Host, scheme: str) -> None:
    assert verdict(host, {"Authorization": scheme + token()}) == "jwt"


def test_request_without_a_header_is_refused(host: Host) -> None:
    assert verdict(host, {}) == "no_token"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token {token}", "{token}", "Bearer,{token}"],
)
def test_another_scheme_is_refused(host: Host, header: str) -> None:
    assert verdict(host, {"Authorization": header.format(token=token())}) == "no_token"


def test_two_headers_joined_by_a_comma_are_refused(host: Host) -> None:
    good = f"Bearer {token()}"

    assert verdict(host, {"Authorization": f"{good}, {good}"}) == "malformed_token"
    assert verdict(host, {"Authorization": f"{good},{good}"}) == "malformed_token"


@pytest.mark.parametrize(
    "given",
    ["x", "a.b.c", "..", "a.b", "é.é.é", "e30.e30.", "W10.e30.AAAA", "bnVsbA.e30.AAAA"],
    ids=ascii,
)
def test_an_invalid_token_is_refused(host: Host, given: str) -> None:
    assert verdict(host, bearer(given)) in {"malformed_token", "wrong_algorithm"}


@pytest.mark.parametrize("claim", ["exp", "iat", "aud"])
def test_claim_is_required(host: Host, claim: str) -> None:
    changes: dict[str, Any] = {claim: None}

    assert verdict(host, bearer(token(**changes))) == "missing_claim"


@pytest.mark.parametrize("claim", ["exp", "iat", "aud"])
def test_required_claim_may_not_be_null(host: Host, claim: str) -> None:
    assert verdict(host, bearer(with_claims(**{claim: "null"}))) == "missing_claim"


@pytest.mark.parametrize(
    "audience", ["other", "Placard", "placard ", ["other"], ["placard2"], [1, "placard"]], ids=str
)
def test_wrong_audience_is_refused(host: Host, audience: Any) -> None:
    assert verdict(host, bearer(token(aud=audience))) == "wrong_audience"


def test_audience_may_be_a_list_that_holds_ours(host: Host) -> None:
    assert verdict(host, bearer(token(aud=["other", "placard"]))) == "jwt"


def test_audience_is_the_settings(make_host: MakeHost) -> None:
    other = make_host(jwt_audience="cards")

    assert verdict(other, bearer(token(aud="cards"))) == "jwt"
    assert verdict(other, bearer(token())) == "wrong_audience"


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://host.example/", "jwt"),
        ("https://host.example", "wrong_issuer"),
        ("https://HOST.example/", "wrong_issuer"),
        (["https://host.example/"], "wrong_issuer"),
        (None, "missing_claim"),
    ],
    ids=str,
)
def test_issuer_is_matched_exactly(make_host: MakeHost, issuer: Any, expected: str) -> None:
    strict = make_host(jwt_issuer="https://host.example/")

    # PyJWT will not encode an issuer that is a list.
    given = with_claims(**({} if issuer is None else {"iss": json.dumps(issuer)}))
    assert verdict(strict, bearer(given)) == expected


def test_any_issuer_is_accepted_if_none_is_configured(host: Host) -> None:
    assert verdict(host, bearer(token(iss="anyone"))) == "jwt"


@pytest.mark.parametrize(
    ("exp", "expected"), [(-45, "expired"), (-3600, "expired"), (-15, "jwt"), (15, "jwt")]
)
def test_token_expires_after_a_leeway_of_30_seconds(host: Host, exp: int, expected: str) -> None:
    assert verdict(host, bearer(token(iat=now() + exp - 60, exp=now() + exp))) == expected


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(("ahead", "expected"), [(45, "not_yet_valid"), (15, "jwt")])
def test_token_of_the_future_is_refused(host: Host, claim: str, ahead: int, expected: str) -> None:
    changes: dict[str, Any] = {"exp": now() + 120, claim: now() + ahead}

    assert verdict(host, bearer(token(**changes))) == expected


@pytest.mark.parametrize(("lifetime", "expected"), [(600, "jwt"), (601, "lifetime_too_long")])
def test_a_token_may_be_valid_for_10_minutes(host: Host, lifetime: int, expected: str) -> None:
    start = now()

    assert verdict(host, bearer(token(iat=start, exp=start + lifetime))) == expected


@pytest.mark.parametrize(("lifetime", "expected"), [(90, "jwt"), (91, "lifetime_too_long")])
def test_longest_lifetime_is_the_settings(
    make_host: MakeHost, lifetime: int, expected: str
) -> None:
    strict, start = make_host(jwt_max_lifetime="90"), now()

    assert verdict(strict, bearer(token(iat=start, exp=start + lifetime))) == expected


HUGE = "9" * 400
NOT_A_TIME = ["true", "NaN", "Infinity", "-Infinity", "1e400", "[]", "{}", '"soon"', '""', HUGE]


@pytest.mark.parametrize("text", NOT_A_TIME, ids=lambda text: text[:12])
def test_an_expiry_that_is_not_a_time_is_refused(host: Host, text: str) -> None:
    reasons = {"malformed_token", "lifetime_too_long", "expired"}

    assert verdict(host, bearer(with_claims(exp=text))) in reasons


@pytest.mark.parametrize(
    "text", [*NOT_A_TIME, f"-{HUGE}", "9" * 5000], ids=lambda text: f"{len(text)}:{text[:12]}"
)
def test_an_issue_time_that_is_not_a_time_is_refused(host: Host, text: str) -> None:
    reasons = {"malformed_token", "lifetime_too_long", "not_yet_valid"}

    assert verdict(host, bearer(with_claims(iat=text))) in reasons


@pytest.mark.parametrize("claim", ["exp", "iat"])
def test_time_written_as_text_is_refused(host: Host, claim: str) -> None:
    """RFC 7519, section 2: a NumericDate is a JSON number."""
    seconds = {"exp": now() + 60, "iat": now()}[claim]

    assert verdict(host, bearer(with_claims(**{claim: f'"{seconds}"'}))) == "malformed_token"


def test_fraction_of_a_second_is_a_time(host: Host) -> None:
    assert verdict(host, bearer(with_claims(exp=f"{now() + 60}.25"))) == "jwt"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("mark", ["", "signed"])
def test_algorithm_none_is_refused(host: Host, algorithm: str, mark: str) -> None:
    given = with_header(alg=algorithm)
    unsigned = given.rpartition(".")[0] + "."

    assert verdict(host, bearer(given if mark else unsigned)) == "wrong_algorithm"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "RS256", "ES256", "EdDSA", None, 1, []])
def test_an_algorithm_without_a_key_is_refused(host: Host, algorithm: Any) -> None:
    assert verdict(host, bearer(with_header(alg=algorithm))) == "wrong_algorithm"


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": True},
        {"jku": "https://evil.example/keys.json"},
        {"jku": None},
        {"x5u": "https://evil.example/cert.pem"},
    ],
    ids=str,
)
def test_an_unsupported_header_is_refused(host: Host, header: dict[str, Any]) -> None:
    assert verdict(host, bearer(with_header(**header))) == "refused_header"


@pytest.mark.parametrize(
    "header",
    [
        {"b64": False},
        {"crit": []},
        {"crit": "exp"},
        {"crit": None},
        {"crit": ["b64"], "b64": False},
    ],
    ids=str,
)
def test_broken_critical_header_is_refused(host: Host, header: dict[str, Any]) -> None:
    assert verdict(host, bearer(with_header(**header))) in {"malformed_token", "refused_header"}


@pytest.mark.parametrize("kid", [1, 1.5, True, None, [], {}, ["a"]], ids=repr)
def test_a_key_id_that_is_not_text_is_refused(host: Host, kid: Any) -> None:
    assert verdict(host, bearer(with_header(kid=kid))) == "malformed_token"


def test_a_key_id_is_ignored_for_shared_secrets(host: Host) -> None:
    assert verdict(host, bearer(with_header(kid="2026-01"))) == "jwt"


def test_token_of_another_secret_is_refused(host: Host) -> None:
    assert verdict(host, bearer(token(secret="x" * 32))) == "bad_signature"


def test_any_of_several_secrets_verifies_until_it_is_removed(make_host: MakeHost) -> None:
    old, new = "o" * 32, "n" * 32
    rotating, rotated = make_host(jwt_secrets=f"{old}, {new}"), make_host(jwt_secrets=new)

    assert [verdict(rotating, bearer(token(secret))) for secret in (old, new)] == ["jwt", "jwt"]
    assert verdict(rotated, bearer(token(new))) == "jwt"
    assert verdict(rotated, bearer(token(old))) == "bad_signature"


@pytest.mark.parametrize("secrets", ["s" * 31, f"{'s' * 32},{'t' * 31}"], ids=["one", "second"])
def test_short_secret_keeps_the_service_from_starting(make_host: MakeHost, secrets: str) -> None:
    with pytest.raises(ConfigurationError, match=r"PLACARD_JWT_SECRETS.*31 bytes") as refused:
        make_host(jwt_secrets=secrets)
    assert "sss" not in refused.value.detail


def test_length_of_a_secret_counts_bytes(make_host: MakeHost) -> None:
    assert verdict(make_host(jwt_secrets="é" * 16), bearer(token(secret="é" * 16))) == "jwt"
