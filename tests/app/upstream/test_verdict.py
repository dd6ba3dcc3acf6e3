"""What an answer means: by status, headers and body, and what follows for cards and holds."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from app.errors import UpstreamUnreadable
from app.upstream.messages import UpstreamResponse
from app.upstream.verdict import DEFAULT_WAIT, LONGEST_WAIT, AnswerRules, Outcome, judge

NOW = 1_800_000_000.0
HTML = {"content-type": "text/html; charset=utf-8"}
SECONDARY = b'{"message": "You have exceeded a secondary rate limit. Wait a few minutes."}'
FORM = b'<!doctype html><form action="/login.jsp"><input name="p" type="password"></form>'
ASKED = "https://jira.example.com/rest/api/2/issue/ACME-12"


def answer(
    status: int, body: bytes = b"{}", rules: AnswerRules | None = None, **headers: str
) -> UpstreamResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return UpstreamResponse(status, named, body, ASKED, rules or AnswerRules())


CASES: Mapping[str, tuple[UpstreamResponse, Outcome, float]] = {
    "a success": (answer(200), "ok", 0),
    "a success that asks to wait": (answer(200, retry_after="30"), "ok", 30),
    "not modified": (answer(304), "not_modified", 0),
    "no such resource": (answer(404), "missing", 0),
    "gone": (answer(410), "missing", 0),
    "no credential": (answer(401), "forbidden", 0),
    "forbidden": (answer(403, b'{"message": "Must have admin rights."}'), "forbidden", 0),
    "too many requests": (answer(429, retry_after="30"), "limited", 30),
    "GitHub's primary limit": (
        answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 45:.0f}"), "limited", 45,
    ),
    "Statuspage's limit": (answer(420, retry_after="30"), "limited", 30),
    "LaunchDarkly's reset in milliseconds": (
        answer(429, x_ratelimit_reset=f"{(NOW + 7) * 1000:.0f}"), "limited", 7,
    ),
    "the IETF's header": (answer(403, ratelimit_remaining="0", ratelimit_reset="9"), "limited", 9),
    "GitHub's secondary limit": (
        answer(403, SECONDARY, x_ratelimit_remaining="4821"), "limited", DEFAULT_WAIT,
    ),
    "Jira's limit, by its words": (
        answer(403, b'{"error": "rate-limit exceeded"}'), "limited", DEFAULT_WAIT,
    ),
    "a limit, by its code": (
        answer(403, b'{"code": "rate_limit_exceeded"}'), "limited", DEFAULT_WAIT,
    ),
    "a refusal that links to the page of limits": (
        answer(403, b'{"error": "forbidden", "help": "https://x.example/docs/rate-limits"}'),
        "forbidden", 0,
    ),
    "a limit of something else": (answer(403, b'{"code": "separate_limit"}'), "forbidden", 0),
    "a proxy's challenge": (
        answer(403, b"<title>Just a moment...</title>", cf_mitigated="challenge",
               content_type="text/html"), "failed", DEFAULT_WAIT,
    ),
    "a proxy's page": (
        answer(403, b"<title>Denied</title>", server="AkamaiGHost", content_type="text/html"),
        "failed", DEFAULT_WAIT,
    ),
    "a refusal through that proxy": (answer(403, server="cloudflare"), "forbidden", 0),
    "a sign-in form": (answer(200, FORM, content_type="text/html"), "signed_out", 0),
    "Azure's sign-in page": (answer(203, FORM, content_type="text/html"), "signed_out", 0),
    "to the sign-in page": (
        answer(302, location="/login.jsp?os_destination=%2Frest"), "signed_out", 0
    ),
    "to an identity provider": (
        answer(302, location="https://login.microsoftonline.com/x/oauth2/v2.0/start"),
        "signed_out", 0,
    ),
    "with a request of SAML": (
        answer(302, location="https://corp.example.net/start?SAMLRequest=a"), "signed_out", 0,
    ),
    "to where it has moved": (answer(301, location="/rest/api/2/issue/ACME-13"), "failed", 0),
    "to what cannot be read": (answer(302, location="https://[::1"), "failed", 0),
    "a page that is no form": (answer(200, b"<p>Hello", content_type="text/html"), "ok", 0),
    "down": (answer(503, retry_after="30"), "failed", 30),
    "a status of no meaning": (answer(418), "failed", 0),
}  # fmt: skip


@pytest.mark.parametrize(("given_answer", "outcome", "wait"), CASES.values(), ids=CASES)
def test_an_answer_means_one_thing(
    given_answer: UpstreamResponse, outcome: Outcome, wait: float
) -> None:
    verdict = judge(given_answer, NOW)
    assert (verdict.outcome, verdict.wait) == (outcome, wait)


@pytest.mark.parametrize(
    ("case", "transient"),
    [
        ("down", True),
        ("a proxy's challenge", True),
        ("GitHub's secondary limit", True),
        ("a status of no meaning", False),
        ("forbidden", False),
        ("a sign-in form", False),
    ],
)
def test_a_kept_card_stands_in_for_what_will_pass(case: str, transient: bool) -> None:
    assert judge(CASES[case][0], NOW).transient is transient


def read(document: Any) -> Outcome | None:
    return cast(Outcome | None, document.get("means"))


RULES = AnswerRules(verdict=read)


@pytest.mark.parametrize(
    ("means", "outcome", "wait"),
    [
        (None, "ok", 0),
        ("missing", "missing", 0),
        ("forbidden", "forbidden", 0),
        ("limited", "limited", DEFAULT_WAIT),
        ("failed", "failed", 0),
    ],
)
def test_a_connector_reads_what_a_200_means(
    means: Outcome | None, outcome: Outcome, wait: float
) -> None:
    verdict = judge(answer(200, json.dumps({"means": means}).encode(), RULES), NOW)
    assert (verdict.outcome, verdict.wait) == (outcome, wait)


def test_a_200_that_is_not_json_has_no_verdict_where_the_connector_reads_it() -> None:
    with pytest.raises(UpstreamUnreadable):
        judge(answer(200, b"<", RULES), NOW)
    assert judge(answer(404, b"<", RULES), NOW).outcome == "missing"


TELLS = AnswerRules(refusal=read)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
@pytest.mark.parametrize(
    ("means", "wait"), [("missing", 0), ("forbidden", 0), ("limited", DEFAULT_WAIT)]
)
def test_a_connector_reads_what_a_refusal_means(status: int, means: Outcome, wait: float) -> None:
    verdict = judge(answer(status, json.dumps({"means": means}).encode(), TELLS), NOW)
    assert (verdict.outcome, verdict.wait) == (means, wait)
    assert verdict.transient is (means == "limited")


@pytest.mark.parametrize("body", [b'{"means": null}', b'{"means": "failed"}', b"<html>", b""])
@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "failed"), (401, "forbidden"), (404, "missing"), (500, "failed")]
)
def test_a_refusal_that_tells_no_more_means_what_its_status_says(
    status: int, outcome: Outcome, body: bytes
) -> None:
    assert judge(answer(status, body, TELLS), NOW).outcome == outcome


def test_a_limit_in_the_headers_is_decided_without_the_body() -> None:
    told = answer(403, b'{"means": "missing"}', TELLS, retry_after="30")
    assert (judge(told, NOW).outcome, judge(told, NOW).wait) == ("limited", 30)


def test_a_connector_names_statuses_of_its_own() -> None:
    rules = AnswerRules(frozenset({422}), frozenset({404}))
    assert judge(answer(422, rules=rules), NOW).outcome == "missing"
    assert judge(answer(404, rules=rules), NOW).outcome == "forbidden"
    assert judge(answer(403, rules=rules), NOW).outcome == "failed"


HEADERS = st.dictionaries(
    st.sampled_from(
        ["location", "retry-after", "content-type", "server", "x-ratelimit-remaining",
         "ratelimit-reset", "cf-mitigated"]
    ),
    st.text(max_size=60) | st.sampled_from(["0", "text/html", "cloudflare", "//login.x/sso", "["]),
)  # fmt: skip


@given(st.integers(100, 599), HEADERS, st.binary(max_size=200))
def test_any_answer_has_a_verdict(status: int, headers: Mapping[str, str], body: bytes) -> None:
    verdict = judge(UpstreamResponse(status, headers, body, ASKED), NOW)
    assert 0 <= verdict.wait <= LONGEST_WAIT
    assert not verdict.transient or verdict.outcome in ("limited", "failed")
    assert verdict.outcome == "ok" if status == 200 and "html" not in str(headers) else True
