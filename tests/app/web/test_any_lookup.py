"""Whatever is sent to attach and typeahead: an answer of the table, no unhandled error."""

import json
import re
from typing import Any

import pytest
import responses
from hypothesis import given, strategies as st
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from app.telemetry.logs import merge_log_fields
from tests.app.web.test_any_request import HEADERS, JSON, PAIRS, QUERIES
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, Host, signature, token
from tests.interface import judge
from tests.profiles import on_one_fixture
from tests.proofs import bearer

TYPED = st.text(max_size=80) | st.sampled_from(
    [ISSUE, "ACME-12", "o/r#1", "!34", "#5", "github.com/o/r", "https://", "gitlab.com/a/b!1"]
)
SURROGATES = st.text(st.characters(), max_size=20)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "query": TYPED | SURROGATES | JSON,
        "workspace": st.just("1") | JSON,
        "user": JSON,
        "task": JSON,
        "attachment": JSON,
        "expires_at": st.just(EXPIRES_AT) | JSON,
    },
)
DATA = MEMBERS.map(json.dumps) | JSON.map(json.dumps) | st.text() | SURROGATES
BODIES = (
    st.binary(max_size=300)
    | JSON.map(lambda value: json.dumps(value).encode())
    | DATA.map(lambda data: json.dumps({"data": data}).encode())
    | MEMBERS.map(lambda members: json.dumps(members).encode())
)


@pytest.fixture
def either(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures and tokens, and can search."""
    return make_host(
        verify="either",
        github_token="secret",
        jira_email="a@b.example",
        jira_token="secret",
        jira_site="acme.atlassian.net",
        # A refresh behind a stale card would be a call of an earlier example.
        cache_stale="0",
    )


def check(component: str, send: Any) -> int:
    """Send a request while the world outside answers anything, and judge what comes."""
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as outside,
        capture_logs(processors=[merge_log_fields]) as log,
    ):
        outside.get(url=ANYWHERE, json={"title": "An issue", "state": "open"})
        answer: TestResponse = send()
        calls = len(outside.calls)
    status = judge(component, answer)
    (line,) = [each for each in log if each["event"] == "request"]
    assert "exception" not in line, line
    assert status not in (400, 401, 403) or calls == 0
    return status


ANYWHERE = re.compile(r"https://.*")


@given(BODIES)
@on_one_fixture
def test_any_body_with_a_token(either: Host, body: bytes) -> None:
    check("attach", lambda: either.client.post("/attach", data=body, headers=bearer(token())))


@given(DATA)
@on_one_fixture
def test_any_data_with_its_signature(either: Host, data: str) -> None:
    headers = {"x-asana-request-signature": signature(data.encode("utf-8", "surrogatepass"))}
    body = json.dumps({"data": data})
    check("attach", lambda: either.client.post("/attach", data=body, headers=headers))


@given(BODIES, HEADERS, HEADERS)
@on_one_fixture
def test_any_body_without_a_proof_is_refused(
    either: Host, body: bytes, first: str, second: str
) -> None:
    headers = {"Authorization": first, "x-asana-request-signature": second}
    status = check("attach", lambda: either.client.post("/attach", data=body, headers=headers))
    assert status in (400, 401)


@given(QUERIES, TYPED | st.none())
@on_one_fixture
def test_any_query_with_a_token(either: Host, query: bytes, typed: str | None) -> None:
    given = query + (b"" if typed is None else b"&query=" + typed.encode("utf-8", "replace"))
    check(
        "typeahead",
        lambda: either.client.get(
            "/typeahead",
            headers=bearer(token()),
            environ_overrides={"QUERY_STRING": given.decode("latin-1")},
        ),
    )


@given(PAIRS, HEADERS)
@on_one_fixture
def test_any_query_without_a_proof_is_refused(
    either: Host, pairs: list[tuple[str, str]], header: str
) -> None:
    send = lambda: either.client.get(  # noqa: E731
        "/typeahead", query_string=dict(pairs), headers={"x-asana-request-signature": header}
    )
    assert check("typeahead", send) == 401
