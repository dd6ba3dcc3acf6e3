"""The signature check: a request from a log, and what a proxy did to it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.devtools.preview.advice import ADVICE, REFUSED, advice_for
from app.devtools.preview.signature_check import CAUSES, HABITS, UnreadableRequest, check, habit_of
from app.errors import tree
from app.testing.proofs import by_token
from app.verification import SIGNATURE_HEADER, SignedRequest, Verifier, diagnosis
from tests.app.devtools.preview.conftest import Preview, preview_with, words_of
from tests.conftest import settings_with
from tests.host import EXPIRES_AT, ISSUE, SIGNATURE_SECRET, query_of, signature, token

QUERY = query_of(resource_url=ISSUE, task="1 2", expires_at=EXPIRES_AT)
VERIFIER = Verifier("signature", secrets=(SIGNATURE_SECRET,))


def verdict(preview: Preview, line: str, header: str, **more: str) -> str:
    form = {"line": line, "header": header, **more}
    return words_of(preview.client.post("/preview/signature", data=form).get_data(as_text=True))


def signed(query: str = QUERY) -> str:
    return f"{SIGNATURE_HEADER}: {signature(query)}"


@pytest.mark.parametrize(
    "line",
    [
        f"GET /widget?{QUERY} HTTP/1.1",
        f"GET /widget?{QUERY}",
        f'203.0.113.9 - - [20/Nov/2025:12:00:00 +0000] "GET /widget?{QUERY} HTTP/2.0" 401 41',
        f"https://cards.example.com/widget?{QUERY}",
        f"/widget?{QUERY}",
        QUERY,
    ],
    ids=["line", "no version", "access log", "address", "path", "query"],
)
@pytest.mark.parametrize("header", [signed(), signature(QUERY), f'"{signed()}"'], ids=str)
def test_a_request_as_logs_have_it_verifies(preview: Preview, line: str, header: str) -> None:
    shown = verdict(preview, line, header)
    assert "It verifies the signature is that of this request" in shown
    assert f"it holds until {EXPIRES_AT}" in shown


@pytest.mark.parametrize("header", ["Authorization: Bearer {}", "{}", "authorization:Bearer {}"])
def test_a_token_verifies_as_well(preview: Preview, header: str) -> None:
    shown = verdict(preview, f"GET /widget?{QUERY}", header.format(token()))
    assert ("It verifies" in shown) is ("Bearer" in header)


CHANGED = {
    "the parameters sorted": ("&".join(sorted(QUERY.split("&"))), QUERY, "sort"),
    "%20 instead of +": (QUERY, QUERY.replace("%20", "+"), "wrote blanks as +"),
    "encoded once instead of twice": (QUERY, QUERY.replace("%", "%25"), "a second time"),
    "the query without utm": (QUERY, f"{QUERY}&utm=1", "added this parameter"),
    "escapes in upper case": (QUERY, re.sub("%..", lambda m: m[0].lower(), QUERY), "the case"),
}


@pytest.mark.parametrize("would_match", CHANGED)
def test_what_would_have_matched_is_told_and_who_does_that(
    preview: Preview, would_match: str
) -> None:
    sent, came, habit = CHANGED[would_match]
    shown = verdict(preview, f"GET /widget?{came} HTTP/1.1", signed(sent))
    assert "It does not verify" in shown
    assert "Reason bad_signature" in shown
    assert f"Would match {would_match}" in shown
    assert habit in shown


DATA = json.dumps({"query": "ACME-12 é", "task": "1", "expires_at": EXPIRES_AT})
POSTED = SignedRequest("POST", "/attach", b"", data=DATA)


def posted(data: str = DATA, message: str = DATA, line: str = "POST /attach HTTP/1.1") -> str:
    """Check a POST of a text, with the signature of this text or of another message."""
    header = f"{SIGNATURE_HEADER}: {signature(message)}"
    try:
        found = check(line, header, VERIFIER, body=f"\r\n{json.dumps({'data': data})}\n")
    except UnreadableRequest as unreadable:
        return str(unreadable)
    return f"{found.would_match}: {found.habit}" if found.reason else found.checks[-1].message


@pytest.mark.parametrize(
    "line", ["POST /attach HTTP/2.0", "https://cards.example.com/attach", "/attach"]
)
def test_a_post_verifies_by_the_text_of_its_data(line: str) -> None:
    assert posted(line=line) == f"it holds until {EXPIRES_AT}"


@pytest.mark.parametrize(
    ("data", "message", "told"),
    [
        (json.dumps(json.loads(DATA), separators=(",", ":")), DATA, "blanks of `data`"),
        (json.dumps(json.loads(DATA), ensure_ascii=False), DATA, "decoded and encoded again"),
        (DATA, json.dumps({"data": DATA}), "the whole body was signed"),
    ],
)
def test_what_became_of_a_body_is_told(data: str, message: str, told: str) -> None:
    assert told in posted(data, message)
    assert not posted(data, message).endswith("None")


def test_a_token_of_a_post_verifies_on_the_page(preview: Preview) -> None:
    (header,) = by_token(settings_with(mode="local"), POSTED).values()
    body = json.dumps({"data": DATA})
    assert "It verifies" in verdict(preview, "POST /attach HTTP/1.1", header, body=body)
    other = verdict(preview, "POST /attach HTTP/1.1", header, body=body.replace("ACME", "OTHER"))
    assert "Reason wrong_body_sha256" in other


def test_an_expired_request_tells_of_the_clock(preview: Preview) -> None:
    query = query_of(resource_url=ISSUE, expires_at="2020-01-01T00:00:00.000Z")
    shown = verdict(preview, f"GET /widget?{query}", signed(query))
    assert "Reason expired" in shown
    assert CAUSES["expired"] in shown


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1_600_000_060, "iat": 1_600_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "not_yet_valid"),
        ({"qsh": "of another request"}, "wrong_qsh"),
        ({"aud": "another"}, "wrong_audience"),
    ],
)
def test_why_a_token_is_refused_is_explained(
    preview: Preview, changes: dict[str, Any], reason: str
) -> None:
    shown = verdict(preview, f"GET /widget?{QUERY}", f"Bearer {token(**changes)}")
    assert f"Reason {reason}" in shown
    assert CAUSES[reason] in shown


def test_a_false_signature_that_nothing_explains_says_so(preview: Preview) -> None:
    shown = verdict(preview, f"GET /widget?{QUERY}", signed("other"))
    assert "No habit of proxies that we know explains it" in shown


def test_a_secret_that_is_given_is_used_and_not_shown(preview: Preview) -> None:
    secret = "another-client-secret-of-the-app"
    header = f"{SIGNATURE_HEADER}: {signature(QUERY, secret)}"
    form = {"line": f"GET /widget?{QUERY}", "header": header, "secret": secret}
    html = preview.client.post("/preview/signature", data=form).get_data(as_text=True)
    assert "It verifies" in html
    assert secret not in html


@pytest.mark.parametrize(
    ("line", "header", "told"),
    [
        ("", signed(), "The request line should be like GET /widget?"),
        ("GET /widget HTTP/1.1", signed(), "has no query"),
        ("GET http://[?a=b", signed(), "cannot be read"),
        (QUERY, "Cookie: a=b", "The header should be x-asana-request-signature"),
        ("A" * 20_000, signed(), "are not a request of the host"),
        (QUERY, "A" * 20_000, "are not a request of the host"),
        (QUERY, "", "The header should be x-asana-request-signature"),
        ("POST /attach HTTP/1.1", signed(), "paste its body too"),
    ],
)
def test_what_cannot_be_read_is_told(preview: Preview, line: str, header: str, told: str) -> None:
    assert told in verdict(preview, line, header)


@pytest.mark.parametrize(
    ("line", "body", "told"),
    [
        ("POST /attach", DATA, "The body has no `data`. It must be `{"),
        ("POST /attach", "data=1", "The body is not JSON"),
        ("GET /attach?a=b", DATA, "that of a GET, which has no body"),
    ],
)
def test_which_body_cannot_be_read_is_told(line: str, body: str, told: str) -> None:
    with pytest.raises(UnreadableRequest, match=re.escape(told)):
        check(line, signed(), VERIFIER, body=body)


def test_a_service_without_tokens_or_secrets_says_so() -> None:
    line = f"GET /widget?{QUERY}"
    with pytest.raises(UnreadableRequest, match="takes no tokens"):
        check(line, f"Authorization: Bearer {token()}", VERIFIER)
    with pytest.raises(UnreadableRequest, match="no secret"):
        check(line, signed(), Verifier("jwt"))


def test_a_key_set_that_cannot_be_had_is_told() -> None:
    preview = preview_with(jwt_secrets=" ", jwt_jwks_url="https://keys.example/")
    shown = verdict(preview, f"GET /widget?{QUERY}", f"Bearer {token(algorithm='HS256')}")
    assert "It does not verify" in shown


def test_the_check_works_whatever_the_service_itself_accepts() -> None:
    shown = verdict(preview_with(verify="jwt"), f"GET /widget?{QUERY}", signed())
    assert "It verifies" in shown


@given(st.text(), st.text(), st.text() | st.just('{"data": ""}'))
def test_whatever_is_pasted_gets_a_verdict_or_a_word(line: str, header: str, body: str) -> None:
    try:
        found = check(line, header, VERIFIER, body=body)
    except UnreadableRequest as unreadable:
        assert str(unreadable)
    else:
        assert not found.holds


def test_every_habit_that_the_diagnosis_finds_is_explained() -> None:
    source = Path(str(diagnosis.__file__)).read_text("utf-8")
    names = {name for name, _ in (*diagnosis._ORDERS, *diagnosis._ENCODINGS) if name}
    names |= set(re.findall(r'yield f?"([^"]+)"', source))
    assert len(names) > len(HABITS) - 2
    assert [name for name in sorted(names) if habit_of(name) is None] == []


@pytest.mark.parametrize("code", sorted({kind.code for kind in tree() if "code" in vars(kind)}))
def test_every_error_has_advice(code: str) -> None:
    assert code in ADVICE or code == "configuration"


def test_a_refused_proof_is_sent_to_the_signature_check() -> None:
    assert advice_for("bad_signature") == REFUSED
