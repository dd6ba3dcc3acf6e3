"""The plain path: the same answers as by Flask's dispatch, and no dispatch."""

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
import responses
from hypothesis import given, strategies as st
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from app.telemetry.logs import merge_log_fields
from app.telemetry.trace import recording
from app.verification import Proof, SignedRequest, Verifier
from app.widgets import Widgets
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, ORIGIN, Host, query_of, signature, token
from tests.profiles import on_one_fixture
from tests.proofs import API_ISSUE, ISSUE_JSON, bearer, by_hand

QUERY = query_of(resource_url=ISSUE, workspace="1", expires_at=EXPIRES_AT)
SIGNED = "x-asana-request-signature"


@pytest.fixture
def warm(make_host: MakeHost) -> Iterator[Host]:
    """The host of a service that keeps the card of one address; all else is unreachable."""
    host = make_host(verify="either", allowed_workspaces="1,2", cache_ttl="3600")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        outside.get(API_ISSUE, json=ISSUE_JSON)
        assert host.ask_signed(QUERY).status_code == 200
        yield host
        assert [call.request.url for call in outside.calls].count(API_ISSUE) == 1


def send(host: Host, request: Mapping[str, Any]) -> tuple[TestResponse, dict[str, Any]]:
    """Send a request as it is, and return the answer and its one line in the log."""
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.client.open(
            request["path"],
            method=request["method"],
            headers=request["headers"],
            environ_overrides={"QUERY_STRING": request["query"].decode("latin-1")},
        )
    (line,) = log
    return answer, {name: told for name, told in line.items() if name != "milliseconds"}


def both_ways(host: Host, request: Mapping[str, Any]) -> tuple[int, bool]:
    """Hold two answers against each other; return the status, and whether a card was kept.

    Who records a trace goes the whole way, through Flask.
    """
    short, told_short = send(host, request)
    with recording():
        whole, told_whole = send(host, request)
    assert short.status == whole.status
    assert sorted(short.headers) == sorted(whole.headers)
    assert short.data == whole.data
    # An address that is not kept is a miss, and then a kept failure.
    kept = (told_short.pop("cache", ""), told_whole.pop("cache", ""))
    assert kept[0] == kept[1] or kept == ("miss", "hit")
    # How far a clock is off is told to the millisecond.
    assert masked(told_short) == masked(told_whole)
    return short.status_code, kept[0] == "hit" and short.status_code == 200


def masked(told: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "…" if told.get("reason") == "expired" and name in ("detail", "would_match") else said
        for name, said in told.items()
    }


PAIRS = st.lists(
    st.tuples(
        st.sampled_from(["resource_url", "workspace", "expires_at", "user"]) | st.text(max_size=5),
        st.sampled_from([ISSUE, "1", "3", EXPIRES_AT, "2016-10-05T14:48:00Z"]) | st.text(),
    ),
    max_size=4,
)
QUERIES = (
    st.just(QUERY.encode())
    | st.binary(max_size=100)
    | PAIRS.map(lambda more: ("&".join([QUERY, *map(pair, more)])).encode())
    | PAIRS.map(lambda pairs: "&".join(map(pair, pairs)).encode())
)
TEXTS = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc", "Cs"]), max_size=40)
PROOFS = st.sampled_from(["signature", "token", "false", "none", "late"]) | TEXTS


def pair(given: tuple[str, str]) -> str:
    return f"{quote(given[0])}={quote(given[1])}"


def proof(kind: str, query: bytes) -> dict[str, str]:
    match kind:
        case "signature":
            return {SIGNED: signature(query)}
        case "token":
            return bearer(token(workspace="1"))
        case "false":
            return {SIGNED: signature(b"x" + query)}
        case "late":
            return bearer(token(exp=int(time.time()) - 100, iat=int(time.time()) - 200))
        case "none":
            return {}
    return {"Authorization": kind, SIGNED: kind}


REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST"]),
        "path": st.sampled_from(["/widget", "/widget", "/widget", "/widget/", "//widget"]),
        "query": QUERIES,
        "kind": PROOFS,
        "headers": st.fixed_dictionaries(
            {"X-Request-Id": st.text("abcXYZ019._-", min_size=1, max_size=64)},
            optional={
                "Origin": st.sampled_from([ORIGIN, "https://evil.example", "null", ""]),
                "Host": st.sampled_from(["localhost", "x.example:8080", "", "a b", "/", "é"]),
                "Access-Control-Request-Method": st.just("GET"),
                "Content-Type": TEXTS,
                "Accept": TEXTS,
            },
        ),
    }
)


@given(REQUESTS)
@on_one_fixture
def test_any_request_is_answered_the_same_both_ways(warm: Host, request_: dict[str, Any]) -> None:
    headers = request_["headers"] | proof(request_["kind"], request_["query"])
    both_ways(warm, request_ | {"headers": headers})


@pytest.mark.parametrize("kind", ["signature", "token"])
@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example"])
def test_a_warm_card_is_the_same_both_ways(warm: Host, kind: str, origin: str) -> None:
    headers = proof(kind, QUERY.encode()) | {"Origin": origin, "X-Request-Id": "the-one"}
    request = {"method": "GET", "path": "/widget", "query": QUERY.encode(), "headers": headers}

    assert both_ways(warm, request) == (200, True)


def test_a_kept_failure_is_an_error_both_ways(warm: Host) -> None:
    query = query_of(resource_url="https://github.com/pallets/flask/issues/2", workspace="1")
    headers = proof("token", b"") | {"X-Request-Id": "the-one"}
    request = {"method": "GET", "path": "/widget", "query": query.encode(), "headers": headers}
    assert send(warm, request)[1]["cache"] == "miss"

    answer, told = send(warm, request)
    assert (answer.status_code, told["cache"]) == (500, "hit")
    assert both_ways(warm, request) == (500, False)


def test_a_warm_card_needs_no_dispatch(warm: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def dispatch(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(warm.client.application, "full_dispatch_request", dispatch)

    assert warm.ask_signed(QUERY).status_code == 200
    with recording():
        assert warm.ask_signed(QUERY).status_code == 500


def test_a_cold_card_needs_no_dispatch_and_is_the_same_both_ways(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Origin": ORIGIN, "X-Request-Id": "the-one"} | proof("token", b"")
    request = {"method": "GET", "path": "/widget", "query": QUERY.encode(), "headers": headers}
    plain = make_host()
    monkeypatch.setattr(plain.client.application, "full_dispatch_request", None)
    with responses.RequestsMock() as outside:
        outside.get(API_ISSUE, json=ISSUE_JSON)
        with recording():
            whole, told_whole = send(make_host(), request)
        short, told_short = send(plain, request)
    assert (short.status_code, told_short["cache"]) == (200, "miss")
    assert sorted(short.headers) == sorted(whole.headers)
    assert (short.data, told_short) == (whole.data, told_whole)


def test_both_ways_count_alike(warm: Host) -> None:
    before = counted(warm)
    warm.ask_signed(QUERY)
    short = counted(warm)
    with recording():
        warm.ask_signed(QUERY)
    whole = counted(warm)

    assert {name: short[name] - before[name] for name in before} == {
        name: whole[name] - short[name] for name in before
    }
    assert short['placard_requests_total{outcome="ok",route="widget"}'] == 2


def counted(host: Host) -> dict[str, float]:
    """Return the counters, but for those of this look at them."""
    lines = host.client.get("/metrics").get_data(as_text=True).splitlines()
    values = (line.rsplit(" ", 1) for line in lines if "_total{" in line and "health" not in line)
    return {name: float(value) for name, value in values}


def test_a_request_is_verified_once_whichever_way_it_goes(
    warm: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[object] = []
    verify = Verifier.verify

    def counting(verifier: Verifier, signed: SignedRequest) -> Proof:
        verified.append(signed)
        return verify(verifier, signed)

    monkeypatch.setattr(Verifier, "verify", counting)
    cold = query_of(resource_url="https://github.com/pallets/flask/issues/2", workspace="1")
    bound = proof("token", b"")
    for query, headers in ((QUERY, bound), (cold, bound), (QUERY, bearer("x"))):
        verified.clear()
        warm.get(query, headers)
        assert len(verified) == 1


def test_a_bug_in_the_look_up_is_answered_in_the_envelope(
    warm: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Widgets, "fresh", fails)
    answer, told = send(
        warm,
        {
            "method": "GET",
            "path": "/widget",
            "query": QUERY.encode(),
            "headers": proof("token", b""),
        },
    )
    assert (answer.status_code, answer.json) == (500, {"data": {"error": "Internal server error."}})
    assert told["exception"] == "RuntimeError"


def test_a_refused_request_looks_nothing_up(warm: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(Widgets, "fresh", lambda *given: asked.append(given))
    for headers in ({}, bearer(by_hand('{"alg":"HS256"}', "{}")), {SIGNED: "0" * 64}):
        assert warm.get(QUERY, headers).status_code == 401
    assert asked == []
