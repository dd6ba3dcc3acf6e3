"""The log says what would have matched a failed signature; the request is refused all the same."""

import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
import responses
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from app.telemetry.logs import merge_log_fields
from app.verification import SignedRequest
from app.verification.diagnosis import diagnose
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, JWT_SECRET, SIGNATURE_SECRET, Host, query_of, signature

# As the host writes it, and in its order; the locale has a blank, a plus and a letter to escape.
SIGNED = query_of(
    resource_url=ISSUE,
    workspace="12345",
    task="23456",
    user="34567",
    locale="é +",
    expires_at=EXPIRES_AT,
)
PAIRS = SIGNED.split("&")
REORDERED = "&".join([*PAIRS[3:], *PAIRS[:3]])
SORTED = "&".join(sorted(PAIRS))
DECODED = SIGNED.replace("%3A", ":").replace("%2F", "/")


@pytest.fixture
def signed_host(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures only."""
    return make_host(verify="signature")


def refusal(host: Host, query: str, given: str) -> dict[str, Any]:
    """Send a query that must be refused without a call, and return its log line."""
    with (
        responses.RequestsMock() as outside,
        capture_logs(processors=[merge_log_fields]) as log,
    ):
        answer = host.get(query, {"x-asana-request-signature": given})
        assert len(outside.calls) == 0
    assert (answer.status_code, answer.json) == (
        401,
        {"data": {"error": "Authorization required."}},
    )
    return dict(log[-1])


@pytest.mark.parametrize(
    ("sent", "signed", "habit"),
    [
        (REORDERED, SIGNED, "the parameters in the host's order"),
        (SORTED, SIGNED, "the parameters in the host's order"),
        (SIGNED, SORTED, "the parameters sorted"),
        (SIGNED.replace("%20", "+"), SIGNED, "%20 instead of +"),
        (SIGNED, SIGNED.replace("%20", "+"), "+ instead of %20"),
        (SIGNED.replace("%", "%25"), SIGNED, "encoded once instead of twice"),
        (SIGNED, SIGNED.replace("%", "%25"), "encoded twice instead of once"),
        (DECODED, SIGNED, "percent-encoded values"),
        (SIGNED.replace("%3A", "%3a"), SIGNED, "escapes in upper case"),
        (
            SIGNED,
            SIGNED.replace("%3A", "%3a")
            .replace("%2F", "%2f")
            .replace("%C3%A9", "%c3%a9")
            .replace("%2B", "%2b"),
            "escapes in lower case",
        ),
        (f"{SIGNED}&utm=1", SIGNED, "the query without utm"),
        (f"utm=1&{SIGNED}", SIGNED, "the query without utm"),
        (SIGNED, f"?{SIGNED}", "the query with its question mark"),
        (SIGNED, f"/widget?{SIGNED}", "the path and the query"),
        (
            REORDERED.replace("%20", "+"),
            SIGNED,
            "the parameters in the host's order and %20 instead of +",
        ),
        (
            SORTED.replace("%3A", "%3a"),
            SIGNED,
            "the parameters in the host's order and escapes in upper case",
        ),
    ],
    ids=[
        "reordered",
        "sorted by a proxy",
        "sorted by the sender",
        "plus for %20",
        "%20 for plus",
        "double encoding",
        "encoding once",
        "decoded values",
        "escapes lowered by a proxy",
        "escapes raised by a proxy",
        "parameter added behind",
        "parameter added before",
        "question mark signed",
        "path signed",
        "reordered with plus",
        "sorted with lowered escapes",
    ],
)
def test_a_rewrite_by_a_proxy_is_named_and_refused(
    signed_host: Host, sent: str, signed: str, habit: str
) -> None:
    log = refusal(signed_host, sent, signature(signed))

    assert (log["reason"], log["would_match"]) == ("bad_signature", habit)


def test_signature_in_upper_case_is_named_and_refused(signed_host: Host) -> None:
    log = refusal(signed_host, SIGNED, signature(SIGNED).upper())

    assert (log["reason"], log["would_match"]) == (
        "malformed_signature",
        "the signature in lower case and without blanks",
    )


def test_any_of_several_secrets_is_diagnosed(make_host: MakeHost) -> None:
    rotating = make_host(verify="signature", signature_secrets=f"{'o' * 16},{'n' * 16}")

    for secret in ("o" * 16, "n" * 16):
        log = refusal(rotating, SIGNED, signature(SORTED, secret))
        assert log["would_match"] == "the parameters sorted"


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        (SIGNED, "0" * 64),
        (SIGNED.replace("12345", "12346"), signature(SIGNED)),
        (SIGNED, signature(SIGNED, "another secret of 32 bytes......")),
        ("&".join(["a=1"] * 17), signature("&".join(["a=1"] * 16))),
    ],
    ids=["no signature of ours", "a changed value", "another secret", "too many parameters"],
)
def test_a_signature_that_no_rewrite_explains_has_no_diagnosis(
    signed_host: Host, sent: str, given: str
) -> None:
    log = refusal(signed_host, sent, given)

    assert log["reason"] == "bad_signature"
    assert "would_match" not in log


def test_a_clock_difference_is_named_in_seconds(signed_host: Host) -> None:
    query = query_of(resource_url=ISSUE, expires_at="2016-10-05T14:48:00.000Z")

    log = refusal(signed_host, query, signature(query))

    assert log["reason"] == "expired"
    words = log["would_match"].split(" ")
    assert words[:4] == ["a", "clock", "that", "is"]
    assert words[5:] == ["s", "behind", "this", "one"]
    assert float(words[4]) > 300_000_000


def test_only_the_log_shows_the_diagnosis(signed_host: Host) -> None:
    answer = signed_host.ask_signed(REORDERED, SIGNED)

    assert answer.json == {"data": {"error": "Authorization required."}}
    assert "order" not in str(answer.headers)


@pytest.mark.parametrize(
    ("method", "size", "expected"),
    [
        ("GET", 4096, "the query with its question mark"),
        ("GET", 4097, None),
        ("POST", 100, None),
    ],
)
def test_diagnosis_is_bounded(method: str, size: int, expected: str | None) -> None:
    query = b"a=".ljust(size, b"1")
    request = SignedRequest(method, "/widget", query, signature=signature(b"?" + query))

    assert diagnose(request, (SIGNATURE_SECRET,)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"&".join([b"a=1"] * 16), "the query with its question mark"),
        (b"&".join([b"a=1"] * 17), None),
        (b"&" * 4000, None),
    ],
    ids=["16 parameters", "17 parameters", "only ampersands"],
)
def test_a_query_of_many_parameters_is_not_diagnosed(query: bytes, expected: str | None) -> None:
    request = SignedRequest("GET", "/widget", query, signature=signature(b"?" + query))

    assert diagnose(request, (SIGNATURE_SECRET,)) == expected


@given(st.binary(max_size=200), st.text(max_size=70))
def test_diagnosis_of_any_input_does_not_raise(query: bytes, given_signature: str) -> None:
    request = SignedRequest("GET", "/widget", query, signature=given_signature)

    assert diagnose(request, (SIGNATURE_SECRET,)) is None


INNER = '{"query": "caf\u00e9 /", "workspace": "1", "expires_at": "2036-10-05T14:48:00.000Z"}'
OBJECT = json.loads(INNER)
COMPACT = json.dumps(OBJECT, ensure_ascii=False, separators=(",", ":"))
WHOLE = "the whole body was signed: only the text of `data` is"
BLANKS = "the blanks of `data` were changed: a proxy wrote the body anew"
AGAIN = "`data` was decoded and encoded again: its escapes or its numbers were changed"
QUOTED = "`data` was encoded again: the text in quotes was signed"


def posted(signed: str | bytes, secret: str = SIGNATURE_SECRET, data: str = INNER) -> SignedRequest:
    """A POST whose signature is that of something else."""
    body = json.dumps({"data": data}).encode()
    made = signature(signed, secret)
    return SignedRequest("POST", "/attach", b"a=1", signature=made, data=data, envelope=body)


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        (json.dumps({"data": INNER}), WHOLE),
        (json.dumps({"data": INNER}, ensure_ascii=False), WHOLE),
        (json.dumps({"data": INNER}, separators=(",", ":")), WHOLE),
        (json.dumps(INNER), QUOTED),
        (json.dumps(INNER, ensure_ascii=False), QUOTED),
        (COMPACT, BLANKS),
        (json.dumps(OBJECT, ensure_ascii=False, indent=2), BLANKS),
        (json.dumps(OBJECT), AGAIN),
        (json.dumps(OBJECT, separators=(",", ":")), AGAIN),
        (
            json.dumps(OBJECT, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
            "the inner object was signed, its keys sorted",
        ),
        (query_of(**OBJECT), "the inner object was signed as a query"),
        ("a=1", "the query was signed, as for a GET"),
        ("something else", None),
    ],
)
def test_what_the_sender_of_a_post_signed_is_named(signed: str, told: str | None) -> None:
    assert diagnose(posted(signed), (SIGNATURE_SECRET,)) == told


@pytest.mark.parametrize("secret", [f"{SIGNATURE_SECRET}\n", f"{SIGNATURE_SECRET}\r\n"])
def test_a_secret_with_a_line_end_is_named(secret: str) -> None:
    told = "the secret with a blank or a line end after it"
    assert diagnose(posted(INNER, secret), ("x" * 16, SIGNATURE_SECRET)) == told


def test_a_secret_that_was_decoded_is_named() -> None:
    made = hmac.new(bytes.fromhex(SIGNATURE_SECRET), INNER.encode(), "sha256").hexdigest()
    request = replace(posted(INNER), signature=made)
    told = "the secret decoded from hex: the host takes its text"
    assert diagnose(request, (SIGNATURE_SECRET,)) == told


def test_another_secret_of_the_service_is_named_in_the_log_and_never_verifies(
    make_host: MakeHost,
) -> None:
    host = make_host(verify="signature")
    data = json.dumps(OBJECT)
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.client.post(
            "/attach",
            json={"data": data},
            headers={"x-asana-request-signature": signature(data, JWT_SECRET)},
        )
    assert answer.status_code == 401
    told = "a secret of PLACARD_JWT_SECRETS: that of signatures is the app's client secret"
    assert log[-1]["would_match"] == told
    assert JWT_SECRET not in str(log)


def test_a_long_body_is_not_diagnosed() -> None:
    long = json.dumps({"query": "x" * (1 << 14)})
    assert diagnose(posted(json.dumps({"data": long}), data=long), (SIGNATURE_SECRET,)) is None


@given(st.text(st.characters(), max_size=200), st.binary(max_size=200))
def test_diagnosis_of_any_post_does_not_raise(data: str, body: bytes) -> None:
    request = SignedRequest("POST", "/attach", b"", signature="0" * 64, data=data, envelope=body)
    assert diagnose(request, (SIGNATURE_SECRET,), {"OTHER": (JWT_SECRET,)}) is None
