"""`GET /widget`: its parameters, the order in which it is judged, and what a refusal leaves."""

from typing import Any

import pytest
import responses
from structlog.testing import capture_logs

from app.cache.entry import Entry
from app.cache.memory_backend import MemoryBackend
from app.telemetry.logs import merge_log_fields
from app.verification import SignedRequest, query_string_hash
from tests.conftest import MakeHost
from tests.host import (
    EXPIRES_AT,
    ISSUE,
    JWT_SECRET,
    SIGNATURE_SECRET,
    Host,
    query_of,
    signature,
    token,
)
from tests.proofs import API_ISSUE, ISSUE_JSON, bearer, now, verdict

MALFORMED = {
    "empty": "",
    "relative": "/pallets/flask/issues/1",
    "without a scheme": "github.com/pallets/flask/issues/1",
    "scheme-relative": "//github.com/pallets/flask/issues/1",
    "ftp": "ftp://github.com/pallets/flask/issues/1",
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,x",
    "file": "file:///etc/passwd",
    "words": "not an address",
    "no host": "https:///pallets/flask/issues/1",
    "only a port": "https://:443/pallets",
    "a blank inside": "https://github.com/pallets/flask/issues/1 2",
    "a blank before": f" {ISSUE}",
    "a blank behind": f"{ISSUE} ",
    "a tab": "https://github.com/pal\tlets/flask/issues/1",
    "a line end": "https://github.com/pallets/flask/issues/1\n",
    "a zero byte": "https://github.com\0/pallets/flask/issues/1",
    "a delete": "https://github.com/pallets/flask/issues/1\x7f",
    "a backslash": "https://github.com\\@evil.example/pallets/flask/issues/1",
    "a port that is a word": "https://github.com:https/pallets/flask/issues/1",
    "a port too high": "https://github.com:65536/pallets/flask/issues/1",
    "a negative port": "https://github.com:-1/pallets/flask/issues/1",
    "half an IPv6 address": "https://[::1/pallets/flask/issues/1",
    "a broken IPv6 address": "https://[::z]/pallets/flask/issues/1",
    "over 8192 characters": "https://github.com/" + "x" * 8192,
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_resource_url_must_be_an_absolute_web_address(host: Host, kind: str) -> None:
    answer = host.ask(MALFORMED[kind])

    assert answer.status_code == 400
    sentence = answer.get_json()["data"]["error"]
    assert sentence.startswith("Illegal or malformed request. `resource_url` ")


@pytest.mark.parametrize("query", ["", "workspace=1", "resource_url", "RESOURCE_URL=https://a.b/"])
def test_resource_url_is_required(host: Host, query: str) -> None:
    answer = host.get(query)

    assert (answer.status_code, answer.json) == (
        400,
        {"data": {"error": "Illegal or malformed request. `resource_url` is missing."}},
    )


@pytest.mark.parametrize("name", ["resource_url", "user", "task", "expires_at", "workspace"])
@pytest.mark.parametrize("spelling", ["{}", "%{:02x}"], ids=["plain", "escaped"])
def test_repeated_parameter_is_malformed(host: Host, name: str, spelling: str) -> None:
    given = {"resource_url": ISSUE, "user": "1", "task": "1", "workspace": "1"}
    given["expires_at"] = EXPIRES_AT
    first = name[0] if spelling == "{}" else spelling.format(ord(name[0]))
    again = f"&{first}{name[1:]}={query_of(x=given[name])[2:]}"

    answer = host.get(query_of(**given) + again)

    assert (answer.status_code, answer.json) == (
        400,
        {"data": {"error": f"Illegal or malformed request. `{name}` is given more than once."}},
    )


@pytest.mark.parametrize(
    "added",
    [
        "&user=3&task=2&attachment=4&asset=5&locale=en",
        "&user=&task=&workspace=",
        "&unknown=1",
        "&unknown=1&unknown=2",
        "&locale=en&locale=de&attachment=1&attachment=2",
        "&",
        "&&&=",
        "&a;b=%ff%",
    ],
)
def test_other_parameters_are_optional_and_ignored(host: Host, added: str) -> None:
    assert verdict(host, bearer(token()), query_of(resource_url=ISSUE) + added) == "jwt"


def test_answer_is_the_card_of_the_address(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)

    answer = host.ask(ISSUE)

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json()["template"] == "summary_with_details_v0"
    assert answer.get_json()["metadata"]["title"] == "An issue"
    assert [(call.request.method, call.request.url) for call in upstream.calls] == [
        ("GET", API_ISSUE)
    ]


@pytest.mark.parametrize(
    "query",
    ["", "resource_url=nonsense", query_of(resource_url=ISSUE) * 2, "expires_at=soon"],
    ids=["nothing", "no address", "repeated", "unreadable"],
)
def test_proof_is_judged_before_the_parameters(host: Host, query: str) -> None:
    assert verdict(host, {}, query) == "no_token"


def test_expiry_is_judged_before_the_workspace_and_the_address(make_host: MakeHost) -> None:
    restricted = make_host(allowed_workspaces="1")
    query = query_of(resource_url="nonsense", workspace="2", expires_at="2016-10-05T14:48:00Z")

    assert verdict(restricted, bearer(token()), query) == "expired"


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"workspace": "111"}, 200),
        ({"workspace": "222"}, 200),
        ({"workspace": "333"}, 403),
        ({"workspace": "11"}, 403),
        ({"workspace": "111 "}, 403),
        ({"workspace": ""}, 403),
        ({}, 403),
    ],
    ids=str,
)
def test_only_the_workspaces_of_the_setting_are_served(
    make_host: MakeHost, parameters: dict[str, str], status: int
) -> None:
    restricted = make_host(allowed_workspaces="111, 222")

    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        outside.get(API_ISSUE, json=ISSUE_JSON)
        proof = token(workspace=parameters.get("workspace"))
        answer = restricted.get(query_of(resource_url=ISSUE, **parameters), bearer(proof))
        assert len(outside.calls) == (1 if status == 200 else 0)

    assert answer.status_code == status
    if status == 403:
        assert answer.json == {"data": {"error": "Access forbidden."}}


@pytest.mark.parametrize("binding", ["workspace", "qsh"])
def test_only_a_proven_workspace_counts(make_host: MakeHost, binding: str) -> None:
    restricted = make_host(allowed_workspaces="111")
    query = query_of(resource_url="https://example.com/", workspace="111")
    hashed = query_string_hash(SignedRequest("GET", "/widget", query.encode()))
    bound = {"workspace": "111", "qsh": hashed}

    unbound = restricted.get(query, bearer(token()))
    proven = restricted.get(query, bearer(token(**{binding: bound[binding]})))

    assert (unbound.status_code, proven.status_code) == (403, 404)


def test_workspace_that_is_not_served_needs_a_proof_to_be_told_so(make_host: MakeHost) -> None:
    restricted = make_host(allowed_workspaces="111")

    assert verdict(restricted, {}, query_of(resource_url=ISSUE, workspace="2")) == "no_token"


QUERY = query_of(resource_url=ISSUE, expires_at=EXPIRES_AT)
EXPIRED = query_of(resource_url=ISSUE, expires_at="2016-10-05T14:48:00Z")


def refused_requests() -> dict[str, tuple[str, dict[str, str]]]:
    """List requests that are refused, by the reason, each with a query and headers."""
    late: dict[str, Any] = {"iat": now() - 120, "exp": now() - 60}
    return {
        "no_token": (QUERY, {"Authorization": f"Token {token()}"}),
        "malformed_token": (QUERY, bearer(f"{token()}!")),
        "bad_signature": (QUERY, bearer(token("x" * 32))),
        "expired": (QUERY, bearer(token(**late))),
        "wrong_audience": (QUERY, bearer(token(aud="other"))),
        "wrong_qsh": (QUERY, bearer(token(qsh="0" * 64))),
        "malformed_signature": (QUERY, {"x-asana-request-signature": signature(QUERY).upper()}),
    }


@pytest.mark.parametrize("reason", refused_requests())
def test_refused_request_leaves_no_call_and_no_look_into_the_cache(
    make_host: MakeHost,
    upstream: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    def opened(_: MemoryBackend, key: str) -> Entry | None:
        raise AssertionError(f"the cache was asked for {key}")

    monkeypatch.setattr(MemoryBackend, "get", opened)
    query, headers = refused_requests()[reason]

    assert make_host(verify="either").get(query, headers).status_code == 401
    assert len(upstream.calls) == 0


@pytest.mark.parametrize("reason", refused_requests())
def test_refusal_is_logged_in_one_word_and_without_the_proof(
    make_host: MakeHost, reason: str
) -> None:
    host, (query, headers) = make_host(verify="either"), refused_requests()[reason]

    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.get(query, headers | {"X-Request-Id": "abc-123"})

    assert [(line["reason"], line["request_id"]) for line in log] == [(reason, "abc-123")]
    told = f"{log} {answer.text} {answer.headers}"
    proofs = [part for value in headers.values() for part in value.split(" ")[-1].split(".")]
    for secret in (JWT_SECRET, SIGNATURE_SECRET, *proofs):
        assert secret not in told
        assert secret.lower() not in told
    assert "expires_at" not in told


@pytest.mark.parametrize("reason", refused_requests())
def test_refusal_is_counted_by_its_reason(make_host: MakeHost, reason: str) -> None:
    host, (query, headers) = make_host(verify="either"), refused_requests()[reason]

    for _ in range(2):
        host.get(query, headers)

    counted = host.client.get("/metrics").text.splitlines()
    assert f'placard_refusals_total{{reason="{reason}"}} 2.0' in counted


def test_expiry_of_a_request_is_counted_too(host: Host) -> None:
    host.get(EXPIRED)

    counted = host.client.get("/metrics").text.splitlines()
    assert 'placard_refusals_total{reason="expired"} 1.0' in counted


def test_request_that_holds_is_no_refusal(host: Host) -> None:
    assert host.ask("https://example.com/").status_code == 404
    assert "placard_refusals_total{" not in host.client.get("/metrics").text
