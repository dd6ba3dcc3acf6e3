"""The host's request signature: over the raw bytes, with any of several secrets."""

import hmac

import pytest
from hypothesis import given, strategies as st

from app.errors import ConfigurationError, NotAuthenticated
from app.settings import load_settings
from app.verification import SIGNATURE_HEADER, SignedRequest, sign
from app.verification.signature import verify_signature
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, SIGNATURE_SECRET, Host, query_of, signature, token
from tests.profiles import on_one_fixture
from tests.proofs import bearer, verdict

QUERY = query_of(resource_url=ISSUE, workspace="12345", expires_at=EXPIRES_AT)


@pytest.fixture
def signed_host(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures only."""
    return make_host(verify="signature")


@pytest.fixture
def either(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures and tokens."""
    return make_host(verify="either")


def proof(signed: str, secret: str = SIGNATURE_SECRET) -> dict[str, str]:
    return {"x-asana-request-signature": signature(signed, secret)}


def raw(value: str) -> dict[str, str]:
    return {"x-asana-request-signature": value}


def test_signature_is_hmac_sha256_in_lower_case_hex() -> None:
    """The vector of RFC 4231, section 4.3."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert sign(b"what do ya want for nothing?", "Jefe") == expected
    assert SIGNATURE_HEADER == "x-asana-request-signature"


@pytest.mark.parametrize(
    "added",
    [
        "",
        "&locale=en%20GB",
        "&locale=en+GB",
        "&locale=%65n",
        "&locale=%c3%a9",
        "&locale=%C3%A9",
        "&locale=%C3%a9",
        "&asset=a%252Fb",
        "&zeta=1&alpha=2",
        "&alpha=1&alpha=2",
        "&",
        "&&locale",
        "&locale=~*'()",
        "&locale=%zz%",
    ],
)
def test_signature_is_over_the_raw_query(signed_host: Host, added: str) -> None:
    query = QUERY + added

    assert verdict(signed_host, proof(query), query) == "signature"


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("&locale=a+b", "&locale=a%20b"),
        ("&locale=a%20b", "&locale=a+b"),
        ("&locale=%c3%a9", "&locale=%C3%A9"),
        ("&locale=%61", "&locale=a"),
        ("&locale=a&asset=b", "&asset=b&locale=a"),
        ("&locale=a&", "&locale=a"),
        ("&locale=a", ""),
    ],
)
def test_the_same_parameters_spelled_differently_are_refused(
    signed_host: Host, sent: str, signed: str
) -> None:
    assert verdict(signed_host, proof(QUERY + signed), QUERY + sent) == "bad_signature"


def test_raw_bytes_outside_ascii_are_signed_unchanged(signed_host: Host) -> None:
    query = f"{QUERY}&locale=".encode() + b"\xc3\xa9\xff"
    answer = signed_host.client.get(
        "/widget",
        headers={"x-asana-request-signature": signature(query)},
        environ_overrides={"QUERY_STRING": query.decode("latin-1")},
    )

    assert answer.status_code != 401


def test_any_of_several_secrets_verifies_until_it_is_removed(make_host: MakeHost) -> None:
    old, new = "o" * 16, "n" * 16
    rotating = make_host(verify="signature", signature_secrets=f"{old},{new}")
    rotated = make_host(verify="signature", signature_secrets=new)

    assert verdict(rotating, proof(QUERY, old), QUERY) == "signature"
    assert verdict(rotating, proof(QUERY, new), QUERY) == "signature"
    assert verdict(rotated, proof(QUERY, old), QUERY) == "bad_signature"


GOOD = signature(QUERY)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "no_signature"),
        (GOOD[:-1], "malformed_signature"),
        (GOOD + "0", "malformed_signature"),
        ("0", "malformed_signature"),
        ("g" * 64, "malformed_signature"),
        ("é" * 64, "malformed_signature"),
        ("\xff\x80" + GOOD[2:], "malformed_signature"),
        (GOOD.upper(), "malformed_signature"),
        (f"sha256={GOOD}", "malformed_signature"),
        (f"{GOOD},{GOOD}", "malformed_signature"),
        (f"{GOOD}, {GOOD}", "malformed_signature"),
        ("0" * 64, "bad_signature"),
        (GOOD[::-1], "bad_signature"),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_false_header_is_refused(signed_host: Host, header: str, reason: str) -> None:
    assert verdict(signed_host, raw(header), QUERY) == reason


def test_repeated_header_is_refused(signed_host: Host) -> None:
    twice = [("x-asana-request-signature", GOOD), ("x-asana-request-signature", GOOD)]

    assert signed_host.client.get(f"/widget?{QUERY}", headers=twice).status_code == 401


def test_missing_header_is_refused(signed_host: Host) -> None:
    assert verdict(signed_host, {}, QUERY) == "no_signature"


def test_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[object, object]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((type(first), type(second)))
        return first == second

    monkeypatch.setattr(hmac, "compare_digest", compare)
    request = SignedRequest("GET", "/widget", b"a=1", signature=sign(b"a=1", "first"))

    assert verify_signature(request, ("first", "second")).kind == "signature"
    assert compared == [(bytes, bytes)] * 2


def test_expires_at_is_required(signed_host: Host) -> None:
    for query in (query_of(resource_url=ISSUE), query_of(resource_url=ISSUE) + "&expires_at="):
        answer = signed_host.ask_signed(query)
        assert (answer.status_code, answer.json) == (
            400,
            {"data": {"error": "Illegal or malformed request. `expires_at` is missing."}},
        )


def test_signed_request_that_has_expired_is_refused(signed_host: Host) -> None:
    query = query_of(resource_url=ISSUE, expires_at="2016-10-05T14:48:00.000Z")

    assert verdict(signed_host, proof(query), query) == "expired"


def test_a_token_does_not_replace_a_signature(signed_host: Host) -> None:
    assert verdict(signed_host, bearer(token()), QUERY) == "no_signature"


def test_a_signature_does_not_replace_a_token(host: Host) -> None:
    assert verdict(host, proof(QUERY), QUERY) == "no_token"


@pytest.mark.parametrize(
    ("signed", "borne", "expected"),
    [
        ("good", None, "signature"),
        (None, "good", "jwt"),
        ("good", "good", "signature"),
        ("good", "false", "signature"),
        ("false", "good", "jwt"),
        ("false", "false", "malformed_signature"),
        ("false", None, "malformed_signature"),
        (None, "false", "malformed_token"),
        (None, None, "no_token"),
    ],
)
def test_either_proof_suffices(
    either: Host, signed: str | None, borne: str | None, expected: str
) -> None:
    headers: dict[str, str] = {}
    if signed:
        headers |= proof(QUERY) if signed == "good" else raw(signed)
    if borne:
        headers |= bearer(token() if borne == "good" else borne)

    assert verdict(either, headers, QUERY) == expected


def test_token_suffices_where_a_signed_request_lacks_expires_at(either: Host) -> None:
    query = query_of(resource_url=ISSUE)

    assert verdict(either, proof(query) | bearer(token()), query) == "jwt"


def test_post_signs_the_exact_text_of_its_data() -> None:
    data = '{"b": 1,  "a": "é+%20"}'
    posted = SignedRequest("POST", "/form", b"x=1", signature=signature(data), data=data)

    assert posted.message == '{"b": 1,  "a": "é+%20"}'.encode()
    assert verify_signature(posted, (SIGNATURE_SECRET,)).kind == "signature"


@pytest.mark.parametrize("data", ['{"a":1}', '{"a": 1} ', "", None, "a=1"], ids=repr)
def test_post_with_other_data_is_refused(data: str | None) -> None:
    posted = SignedRequest("POST", "/form", b"a=1", signature=signature('{"a": 1}'), data=data)

    with pytest.raises(NotAuthenticated) as refused:
        verify_signature(posted, (SIGNATURE_SECRET,))
    assert refused.value.code == "bad_signature"


def test_the_query_of_a_post_is_not_signed() -> None:
    posted = SignedRequest("POST", "/form", b"a=1", signature=signature("a=1"), data="{}")

    with pytest.raises(NotAuthenticated):
        verify_signature(posted, (SIGNATURE_SECRET,))


@given(place=st.integers(0, len(QUERY) - 1), byte=st.integers(0x21, 0x7E))
@on_one_fixture
def test_query_with_any_byte_changed_is_refused(signed_host: Host, place: int, byte: int) -> None:
    changed = QUERY[:place] + chr(byte) + QUERY[place + 1 :]
    answer = signed_host.client.get(
        "/widget", headers=proof(QUERY), environ_overrides={"QUERY_STRING": changed}
    )

    # No upstream is registered, and sockets are off: a call would be a 500.
    assert changed == QUERY or answer.status_code == 401


def test_verification_is_off_only_in_the_local_mode() -> None:
    with pytest.raises(ConfigurationError, match=r"PLACARD_VERIFY: off .* local"):
        load_settings({"PLACARD_VERIFY": "off"})
    assert load_settings({"PLACARD_VERIFY": "off", "PLACARD_MODE": "local"}).verify == "off"


def test_the_service_warns_that_verification_is_off(
    capsys: pytest.CaptureFixture[str], make_host: MakeHost
) -> None:
    unverified = make_host(verify="off", mode="local")

    assert "VERIFICATION IS OFF" in capsys.readouterr().err
    assert unverified.get(query_of(resource_url="https://example.com/"), {}).status_code == 404


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("localhost:8080", 404),
        ("127.0.0.1", 404),
        ("[::1]:8080", 404),
        ("dev.example", 404),
        ("rebound.example", 403),
        ("localhost.example", 403),
        ("127.0.0.1.example", 403),
        ("", 403),
        ("[", 403),
    ],
)
def test_with_verification_off_only_names_of_this_service_are_answered(
    make_host: MakeHost, name: str, status: int
) -> None:
    unverified = make_host(verify="off", mode="local", public_url="https://dev.example/placard")
    query = query_of(resource_url="https://example.com/")

    assert unverified.get(query, {"Host": name}).status_code == status


@pytest.mark.parametrize(
    ("verify", "named"),
    [("jwt", "JWT_SECRETS"), ("signature", "SIGNATURE_SECRETS"), ("either", "SIGNATURE_SECRETS")],
)
def test_service_without_the_secrets_of_its_mode_does_not_start(
    make_host: MakeHost, verify: str, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"PLACARD_{named}: is missing"):
        make_host(verify=verify, jwt_secrets="", signature_secrets="")
