"""Errors: their tree, the envelope that the host knows, and what log and metrics are told."""

import re
import sys
from typing import Any

import pytest
import responses
from flask import Response
from structlog.testing import capture_logs

import app
from app.errors import NotAuthenticated, PlacardError, error_of, tree
from app.telemetry.logs import merge_log_fields
from tests.conftest import MakeHost
from tests.host import ISSUE, Host
from tests.proofs import API_ISSUE

# Not `from app import errors`, which a module of the same name may hide.
errors = sys.modules["app.errors"]
SECRET_TEXT = "hunter2 from the upstream's body"


@pytest.fixture
def buggy(make_host: MakeHost) -> Host:
    """The host of a service that has a view with a bug in it."""

    def fails() -> str:
        raise RuntimeError(SECRET_TEXT)

    host = make_host()
    host.client.application.add_url_rule("/bug", view_func=fails)
    return host


def drawn(kind: type[PlacardError], depth: int = 0) -> list[tuple[int, str]]:
    """List a class and those below it, each with its depth."""
    below = [drawn(child, depth + 1) for child in kind.__subclasses__()]
    return [(depth, kind.__name__), *(line for lines in below for line in lines)]


def test_docstring_draws_the_tree() -> None:
    drawing = re.findall(r"^( {4}[│├└─ ]*)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)

    assert [(len(indent) // 4 - 1, name) for indent, name in drawing] == drawn(PlacardError)


def test_package_names_this_module_and_no_other() -> None:
    assert app.errors is errors


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_error_has_a_status_the_host_knows_and_its_default_text(kind: type[PlacardError]) -> None:
    defaults = {
        400: "Illegal or malformed request.",
        401: "Authorization required.",
        403: "Access forbidden.",
        404: "Not found.",
        405: "Method not allowed.",
        408: "The body took too long.",
        409: "Conflict.",
        413: "Payload too large.",
        422: "This sign-in was not begun in this browser, or is too old. Begin again.",
        429: "Too many requests.",
        500: "Internal server error.",
        503: "The library's database does not answer; try again later.",
        507: "The disk of the library's database is full: nothing was stored.",
    }

    assert kind.sentence == defaults[kind.status]


def test_statuses_are_those_of_the_contract() -> None:
    statuses = {kind.__name__: kind.status for kind in tree() if kind.status != 500}

    assert statuses == {
        "MalformedRequest": 400,
        "InvalidInput": 400,
        "NotAuthenticated": 401,
        "SignInFailed": 422,
        "ConnectionNeeded": 401,
        "Forbidden": 403,
        "WorkspaceNotServed": 403,
        "BudgetSpent": 403,
        "UpstreamRefused": 403,
        "UpstreamSignedOut": 403,
        "NotFound": 404,
        "NoConnector": 404,
        "ResourceMissing": 404,
        # Only clients of the library are answered with these.
        "MethodNotAllowed": 405,
        "BodyTimeout": 408,
        "Conflict": 409,
        "PayloadTooLarge": 413,
        "TooManyRequests": 429,
        "StoreUnavailable": 503,
        "StoreFull": 507,
    }


def test_code_of_each_error_is_its_own() -> None:
    codes = [kind.__dict__["code"] for kind in tree() if "code" in kind.__dict__]

    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize(
    "kind", [kind for kind in tree() if "code" in kind.__dict__], ids=lambda kind: kind.code
)
def test_error_is_made_again_of_its_code(kind: type[PlacardError]) -> None:
    again = error_of(kind.code, "A sentence.")

    assert (type(again), again.sentence, again.status) == (kind, "A sentence.", kind.status)


def test_unknown_code_makes_no_error() -> None:
    with pytest.raises(ValueError, match="'nonsense' is not an error code"):
        error_of("nonsense", "A sentence.")


def test_reason_of_a_refusal_is_its_code() -> None:
    refused = NotAuthenticated("expired", "3 s ago", would_match="a clock")

    assert (refused.code, refused.detail, refused.would_match) == ("expired", "3 s ago", "a clock")
    assert refused.sentence == "Authorization required."


@pytest.mark.parametrize(
    "path", ["/", "/no/such/path", "/widget/", "/WIDGET", "/widget/x", "/\xff"]
)
def test_unknown_path_is_not_found(host: Host, path: str) -> None:
    answer = host.client.get(path)

    assert (answer.status_code, answer.json) == (404, {"data": {"error": "Not found."}})
    assert answer.mimetype == "application/json"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(("mode", "pages"), [("production", []), ("local", ["/preview", "/docs"])])
@pytest.mark.parametrize("path", ["/no/such/path", "/widget/x"])
def test_a_person_whose_browser_finds_nothing_gets_a_page(
    make_host: MakeHost, mode: str, pages: list[str], path: str
) -> None:
    answer = make_host(mode=mode).client.get(path, headers={"Accept": BROWSER})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "Nothing is at this address" in answer.text
    assert re.findall(r'href="([^"]*)"', answer.text) == pages
    assert "Accept" in answer.headers["Vary"]
    assert "Origin" in answer.headers["Vary"]
    assert answer.headers["X-Request-Id"]
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r'<style nonce="([^"]+)"', answer.text)
    assert nonce
    assert policy.startswith(f"default-src 'none'; style-src 'nonce-{nonce[1]}';")
    assert path not in answer.text


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "text/plain", "", "application/json, text/html", "nonsense"],
)
def test_a_program_gets_the_envelope(host: Host, accept: str) -> None:
    answer = host.client.get("/no/such/path", headers={"Accept": accept})
    assert answer.json == {"data": {"error": "Not found."}}


def test_a_form_that_is_sent_nowhere_gets_the_envelope(host: Host) -> None:
    answer = host.client.post("/no/such/path", headers={"Accept": BROWSER})
    assert answer.json == {"data": {"error": "Not found."}}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_wrong_method_says_which_are_right(host: Host, method: str) -> None:
    answer = host.client.open("/widget", method=method)

    assert (answer.status_code, answer.json) == (405, {"data": {"error": "Method Not Allowed."}})
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_bug_is_500_and_gives_nothing_away(buggy: Host) -> None:
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = buggy.client.get("/bug")

    assert (answer.status_code, answer.json) == (500, {"data": {"error": "Internal server error."}})
    line = log[-1]
    assert (line["log_level"], line["status"], line["outcome"], line["exception"]) == (
        "error",
        500,
        "internal_error",
        "RuntimeError",
    )
    assert re.fullmatch(r".*/test_errors\.py:\d+ fails", line["traceback"][-1])
    assert SECRET_TEXT not in f"{log} {answer.text} {answer.headers}"


def test_body_of_an_upstream_is_never_told(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API_ISSUE, status=500, body=SECRET_TEXT)

    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.ask(ISSUE)

    assert (answer.status_code, answer.json) == (
        500,
        {"data": {"error": "GitHub answered with an error."}},
    )
    assert SECRET_TEXT not in f"{log} {answer.text} {answer.headers}"


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/widget", 401, "Authorization required."),
        ("/nowhere", 404, "Not found."),
        ("/bug", 500, "Internal server error."),
    ],
)
def test_flat_envelope_is_the_settings(
    make_host: MakeHost, path: str, status: int, sentence: str
) -> None:
    def fails() -> str:
        raise RuntimeError

    host = make_host(error_envelope="flat")
    host.client.application.add_url_rule("/bug", view_func=fails)

    answer = host.client.get(path)

    assert (answer.status_code, answer.json) == (status, {"error": sentence})


@pytest.mark.parametrize("path", ["/widget", "/nowhere", "/bug"])
def test_request_id_is_answered_and_logged(buggy: Host, path: str) -> None:
    with capture_logs(processors=[merge_log_fields]) as log:
        given = buggy.client.get(path, headers={"X-Request-Id": "Abc_1.2-3"})
        made = [buggy.client.get(path).headers["X-Request-Id"] for _ in range(2)]

    assert given.headers.getlist("X-Request-Id") == ["Abc_1.2-3"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", request_id) for request_id in made)
    assert [line["request_id"] for line in log] == ["Abc_1.2-3", *made]
    assert made[0] != made[1]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "a,b", '"}', "a\tb", "<script>"])
def test_request_id_that_is_unfit_is_replaced(host: Host, given: str) -> None:
    answer = host.client.get("/healthz", headers={"X-Request-Id": given})

    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])


def test_facts_of_one_request_do_not_reach_the_next_ones_line(host: Host) -> None:
    with capture_logs(processors=[merge_log_fields]) as log:
        host.get("resource_url=x", {})
        host.client.options("/widget")

    assert log[0]["reason"] == "no_token"
    assert not {"reason", "detail", "exception"} & set(log[1])
    assert log[1]["outcome"] == "ok"


def test_requests_are_counted_by_outcome(buggy: Host) -> None:
    for path in ("/widget", "/nowhere", "/nowhere", "/bug", "/healthz"):
        buggy.client.get(path)
    buggy.client.delete("/widget")

    counted: Any = buggy.client.get("/metrics").text.splitlines()
    for route, outcome, count in (
        ("widget", "no_token", 1),
        ("none", "not_found", 2),
        ("none", "internal_error", 1),
        ("health", "ok", 1),
        ("none", "method_not_allowed", 1),
    ):
        line = f'placard_requests_total{{outcome="{outcome}",route="{route}"}} {count}.0'
        assert line in counted


def test_log_line_never_holds_the_query_or_a_header(host: Host) -> None:
    with capture_logs(processors=[merge_log_fields]) as log:
        host.get("resource_url=x&user=someone", {"Authorization": "Bearer abcdef", "Cookie": "c=d"})

    for part in ("someone", "abcdef", "c=d", "resource_url"):
        assert part not in str(log)


def test_a_fault_outside_of_the_views_is_told_without_its_text(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Response) -> Response:
        raise RuntimeError("a text that must not leak")

    host.client.application.after_request(fail)
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.client.get("/healthz")

    assert (answer.status_code, answer.json) == (500, {"data": {"error": "Internal server error."}})
    assert log[0]["exception"] == "RuntimeError"
    assert any("fail" in place for place in log[0]["traceback"])
    assert "must not leak" not in str(log)
    assert "must not leak" not in "".join(capsys.readouterr())
