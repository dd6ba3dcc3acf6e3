"""`POST /attach`: the proof of a POST, what a text means, and what is answered."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
import responses
from structlog.testing import capture_logs

from app.telemetry.logs import merge_log_fields
from app.verification import SignedRequest, query_string_hash
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, JWT_SECRET, ORIGIN, Host, token
from tests.interface import judge
from tests.proofs import API_ISSUE, ISSUE_JSON, bearer

DATA: Final = json.dumps({"query": ISSUE, "workspace": "12345", "expires_at": EXPIRES_AT})
ATTACHED: Final = {"resource_name": "An issue", "resource_url": ISSUE}


@pytest.fixture
def signed_host(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures only."""
    return make_host(verify="signature")


@pytest.fixture
def issue() -> Any:
    """GitHub, which may be asked for the issue."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        outside.get(API_ISSUE, json=ISSUE_JSON)
        yield outside


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        ISSUE,
        f"  {ISSUE}\n",
        f"{ISSUE}?utm_source=mail#issuecomment-1",
        ISSUE.removeprefix("https://"),
        "https://www.github.com/pallets/flask/issues/1/",
        "pallets/flask#1",
    ],
)
def test_what_a_text_means_is_attached_by_its_canonical_address(
    signed_host: Host, issue: responses.RequestsMock, text: str
) -> None:
    answer = signed_host.attach(text, task="1", user="2", attachment="3", locale="en")

    assert judge("attach", answer) == 200
    assert answer.get_json() == ATTACHED
    assert len(issue.calls) == 1


def test_a_pull_request_is_attached_without_its_tab(
    signed_host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get("https://api.github.com/repos/o/r/pulls/5", json=ISSUE_JSON)

    answer = signed_host.attach("https://github.com/o/r/pull/5/files?diff=split#diff-1")

    assert answer.get_json()["resource_url"] == "https://github.com/o/r/pull/5"


def test_a_name_that_is_too_long_is_cut_in_utf_16(
    signed_host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON | {"title": "🎉" * 300})

    name = signed_host.attach(ISSUE).get_json()["resource_name"]

    assert len(name.encode("utf-16-le")) // 2 <= 255
    assert name.endswith("…")


@pytest.mark.parametrize(
    ("text", "status", "sentence"),
    [
        ("hello world", 404, "Not found. Paste a link, or pick one of the suggestions."),
        ("https://example.com/", 404, "Not found."),
        ("https://", 400, "Paste the whole address of a page"),
        ("", 400, "Illegal or malformed request. `query` must have at least 1 visible character."),
        (" \u200b", 400, "Illegal or malformed request. `query` must have at least 1 visible"),
        ("x" * 9000, 400, "Illegal or malformed request. `query` has 9000 UTF-16 code units;"),
    ],
)
def test_what_means_nothing_is_refused_with_a_sentence(
    signed_host: Host, text: str, status: int, sentence: str
) -> None:
    answer = signed_host.attach(text)

    assert judge("attach", answer) == status
    assert answer.get_json()["data"]["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("upstream_status", "status"), [(404, 404), (401, 403), (403, 403), (500, 500)]
)
def test_what_cannot_be_shown_is_not_attached(
    signed_host: Host, upstream: responses.RequestsMock, upstream_status: int, status: int
) -> None:
    upstream.get(API_ISSUE, status=upstream_status)

    assert judge("attach", signed_host.attach(ISSUE)) == status
    assert signed_host.suggest("").get_json() == {"items": []}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (DATA, 'The body has no `data`. It must be `{"data": "<JSON text>"}`: the proof covers'),
        (json.dumps({"data": json.loads(DATA)}), "`data` must be a text that holds JSON"),
        ('{"data": null}', "`data` must be a text that holds JSON"),
        ('{"data": "{}", "data": "{}"}', "`data` is given more than once"),
        ("[]", "The body must be"),
        ("", "The body is not JSON."),
        ("data=%7B%7D", "The body is not JSON."),
        ("[" * 100_000, "The body is not JSON."),
        (json.dumps({"data": "x" * 200_000}), "The body is over 131072 bytes."),
    ],
    ids=["inner object", "object", "null", "twice", "list", "empty", "form", "deep", "large"],
)
def test_a_body_of_another_form_is_told_the_right_one(
    signed_host: Host, body: str, told: str
) -> None:
    answer = signed_host.post(DATA, body=body)

    assert judge("attach", answer) == 400
    assert answer.get_json()["data"]["error"].startswith(f"Illegal or malformed request. {told}")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ('"workspace": "1"', "`query` is missing, or is not a text."),
        ('"query": ["x"]', "`query` is missing, or is not a text."),
        ('"query": null', "`query` is missing, or is not a text."),
        ('"query": "a", "query": "b"', "`query` is given more than once."),
        (
            '"query": "a", "workspace": "1", "workspace": "2"',
            "`workspace` is given more than once.",
        ),
    ],
)
def test_members_of_data_are_judged(signed_host: Host, members: str, told: str) -> None:
    answer = signed_host.post(f'{{{members}, "expires_at": "{EXPIRES_AT}"}}')

    assert judge("attach", answer) == 400
    assert answer.get_json() == {"data": {"error": f"Illegal or malformed request. {told}"}}


def test_a_time_in_data_may_be_a_number_of_milliseconds(
    signed_host: Host, issue: responses.RequestsMock
) -> None:
    late, early = 2_106_830_880_000, 1_475_678_880_000

    assert signed_host.post(json.dumps({"query": ISSUE, "expires_at": late})).status_code == 200
    assert signed_host.post(json.dumps({"query": ISSUE, "expires_at": early})).status_code == 401


REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "no_signature": (DATA, ""),
    "bad_signature": (DATA, DATA + " "),
    "expired": (DATA.replace("2036", "2016"), DATA.replace("2036", "2016")),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_refused_request_asks_nothing_and_leaves_no_trace(
    signed_host: Host, upstream: responses.RequestsMock, reason: str
) -> None:
    data, signed = REFUSED[reason]
    with capture_logs(processors=[merge_log_fields]) as log:
        if signed:
            answer = signed_host.post(data, signed)
        else:
            answer = signed_host.client.post("/attach", json={"data": data})

    assert judge("attach", answer) == 401
    assert log[-1]["reason"] == reason
    assert len(upstream.calls) == 0
    assert signed_host.suggest("").get_json() == {"items": []}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('{"query": "x"}', "`expires_at` is missing"),
        (json.dumps(DATA), "`data` must be the text of a JSON object"),
        ("[]", "`data` must be the text of a JSON object"),
    ],
)
def test_data_needs_an_expiry_and_is_encoded_once(signed_host: Host, data: str, told: str) -> None:
    answer = signed_host.post(data)

    assert judge("attach", answer) == 400
    assert told in answer.get_json()["data"]["error"]


def test_the_workspace_of_data_must_be_served(
    make_host: MakeHost, issue: responses.RequestsMock
) -> None:
    restricted = make_host(verify="signature", allowed_workspaces="1")

    assert restricted.attach(ISSUE, workspace="1").status_code == 200
    assert restricted.attach(ISSUE, workspace="2").status_code == 403
    assert len(issue.calls) == 1


def attach_with(host: Host, data: str = DATA, **claims: Any) -> tuple[int, str]:
    """Attach with a token; return the status, and the log's word for it."""
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.client.post("/attach", json={"data": data}, headers=bearer(token(**claims)))
    judge("attach", answer)
    return answer.status_code, str(log[-1].get("reason", log[-1]["outcome"]))


def test_a_token_may_be_bound_to_the_body(host: Host, issue: responses.RequestsMock) -> None:
    assert attach_with(host, body_sha256=sha256(DATA)) == (200, "ok")
    assert attach_with(host) == (200, "ok")
    for other in (sha256(f"{DATA} "), sha256(DATA).upper(), "", None, 1, ["x"]):
        expected = (200, "ok") if other is None else (401, "wrong_body_sha256")
        assert attach_with(host, body_sha256=other) == expected


def test_a_token_must_be_bound_to_the_body_where_it_must_be_to_a_query(
    make_host: MakeHost, issue: responses.RequestsMock
) -> None:
    strict = make_host(jwt_require_qsh="on")
    qsh = query_string_hash(SignedRequest("POST", "/attach", b""))

    assert attach_with(strict) == (401, "no_body_sha256")
    assert attach_with(strict, qsh=qsh) == (401, "no_body_sha256")
    assert attach_with(strict, qsh="0" * 64, body_sha256=sha256(DATA)) == (401, "wrong_qsh")
    assert attach_with(strict, qsh=qsh, body_sha256=sha256(DATA)) == (200, "ok")


def test_a_token_of_a_body_is_not_good_for_a_query(host: Host) -> None:
    query = "resource_url=https%3A%2F%2Fexample.com%2F"

    answer = host.get(query, bearer(token(body_sha256=sha256(DATA))))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 403),
        ({"qsh": query_string_hash(SignedRequest("POST", "/attach", b""))}, 403),
        ({"body_sha256": sha256(DATA)}, 200),
        ({"workspace": "12345"}, 200),
        ({"workspace": "1"}, 401),
    ],
    ids=str,
)
def test_only_a_workspace_that_the_proof_covers_counts(
    make_host: MakeHost, issue: responses.RequestsMock, claims: dict[str, str], status: int
) -> None:
    assert attach_with(make_host(allowed_workspaces="12345"), **claims)[0] == status


def test_the_answer_is_readable_to_the_host_s_page(
    signed_host: Host, issue: responses.RequestsMock
) -> None:
    for answer in (signed_host.attach(ISSUE), signed_host.post(DATA, "false")):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
        assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()
        assert answer.headers["X-Request-Id"]


def test_preflight_of_a_post_is_answered(host: Host) -> None:
    answer = host.client.options(
        "/attach",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-asana-request-signature",
        },
    )

    assert answer.status_code == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_it_is_counted_and_logged_by_its_own_name(
    signed_host: Host, issue: responses.RequestsMock
) -> None:
    with capture_logs(processors=[merge_log_fields]) as log:
        signed_host.attach(ISSUE)

    assert log[-1]["path"] == "/attach"
    assert (log[-1]["connector"], log[-1]["cache"]) == ("github", "miss")
    assert JWT_SECRET not in str(log)
    counted = signed_host.client.get("/metrics").text
    assert 'placard_requests_total{outcome="ok",route="attach"} 1.0' in counted


@pytest.mark.parametrize(
    ("changes", "status", "body"),
    [
        ({}, 401, {"data": {"error": "Authorization required."}}),
        ({"false_proof_status": "400"}, 400, {"data": {"error": "Authorization required."}}),
        ({"error_envelope": "flat"}, 401, {"error": "Authorization required."}),
        (
            {"error_envelope": "both"},
            401,
            {"error": "Authorization required.", "data": {"error": "Authorization required."}},
        ),
    ],
    ids=str,
)
def test_a_false_proof_has_the_status_and_the_envelope_of_the_settings(
    make_host: MakeHost, changes: dict[str, str], status: int, body: Any
) -> None:
    host = make_host(verify="signature", **changes)
    for answer in (host.post(DATA, "x"), host.get("resource_url=x", {})):
        assert (answer.status_code, answer.get_json()) == (status, body)


def test_attach_is_a_post_only(host: Host) -> None:
    answer = host.client.get("/attach")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")
