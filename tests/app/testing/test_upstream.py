"""The kit's upstream: a real server, whose answers and faults a service meets."""

from collections.abc import Callable

import pytest

from app.testing.cards import assert_card, assert_error
from app.testing.host import Host
from app.testing.upstream import Upstream

ISSUE = "https://github.com/pallets/flask/issues/1"
TARGET = "/repos/pallets/flask/issues/1"
ANSWER = {"title": "A title", "state": "open", "created_at": "2012-02-22T02:06:58Z"}
MakeHost = Callable[..., Host]


@pytest.fixture
def host(make_host: MakeHost, upstream: Upstream) -> Host:
    """The host of a service for which the server stands in for GitHub."""
    settings = upstream.stands_in_for("https://api.github.com")
    return make_host(**settings, PLACARD_FETCH_DEADLINE="0.4", GITHUB_TOKEN="made_up_token")


def test_it_answers_what_it_is_told(host: Host, upstream: Upstream) -> None:
    upstream.answers(TARGET, ANSWER)
    assert_card(host.ask(ISSUE), title="A title")
    (request,) = upstream.requests
    assert (request.method, request.target) == ("GET", TARGET)
    assert request.headers["authorization"] == "Bearer made_up_token"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("mute", "did not answer in time"),
        ("dripping body", "did not answer in time"),
        ("reset before the answer", "could not be reached"),
        ("429", "asks us to wait"),
        ("gzip bomb", "cannot read"),
        ("an endless body", "cannot read"),
    ],
)
def test_it_fails_as_it_is_told(host: Host, upstream: Upstream, fault: str, sentence: str) -> None:
    upstream.fails(TARGET, fault)
    assert_error(host.ask(ISSUE), 500, sentence)


def test_it_is_as_slow_as_it_is_told(host: Host, upstream: Upstream) -> None:
    upstream.answers(TARGET, ANSWER, after=5)
    assert_error(host.ask(ISSUE), 500, "did not answer in time")


def test_a_status_and_headers_are_sent(host: Host, upstream: Upstream) -> None:
    upstream.answers(TARGET, {"message": "Not Found"}, status=404)
    assert_error(host.ask(ISSUE), 404)


def test_a_request_that_was_not_told_fails_the_test(make_host: MakeHost) -> None:
    server = Upstream()
    server.answers("/else", {})
    told = f"was asked GET {TARGET}; it has answers to /else"
    with pytest.raises(AssertionError, match=told), server.running():
        make_host(**server.stands_in_for("https://api.github.com")).ask(ISSUE)


def test_an_unknown_fault_is_answered_with_those_that_are_near(upstream: Upstream) -> None:
    with pytest.raises(ValueError, match="'gzip bom' is not a fault; did you mean gzip bomb"):
        upstream.fails("/", "gzip bom")


def test_a_server_that_does_not_run_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        Upstream().stands_in_for("https://api.github.com")
