"""Whatever GitHub answers: a valid card, or the envelope."""

import json
from typing import Any, Final

import pytest
import responses
from hypothesis import given, strategies as st
from werkzeug.test import TestResponse

from app import create_app
from templates_schemas import faults
from tests.conftest import settings_with
from tests.host import ISSUE, Host

ADDRESS: Final = "https://api.github.com/repos/pallets/flask/issues/1"
STATUS_FOR: Final = {401: 403, 403: 403, 404: 404, 410: 404, 429: 500, 451: 404}
UNREADABLE: Final = {"data": {"error": "GitHub gave an answer that we cannot read."}}

# Lone surrogates, controls and invisible ones more often than chance would have them.
texts = st.lists(
    st.text(max_size=40)
    | st.sampled_from(["\ud800", "\0", "\t", "\u202e", "\u200b", "\u00a0", "👩‍👧"]),
    max_size=6,
).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
times = (
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
    | st.just("0001-01-01T00:00:00+23:59")
    | texts
)
addresses = texts.map("https://avatars.githubusercontent.com/".__add__) | texts
accounts = st.fixed_dictionaries({"login": texts}, optional={"avatar_url": st.none() | addresses})
counts = st.none() | st.integers(0, 2**53 - 1)
readable_issues = st.fixed_dictionaries(
    {
        "title": texts,
        "state": st.sampled_from(["open", "closed", "triage", "", "\u200b"]) | texts,
        "created_at": st.just("2025-10-02T09:15:27Z"),
    },
    optional={
        "state_reason": st.none() | st.sampled_from(["completed", "not_planned"]) | texts,
        "draft": st.none() | st.booleans(),
        "merged_at": st.none() | st.just("2025-10-03T09:15:27+02:00"),
        "pull_request": st.none() | st.just({}) | st.fixed_dictionaries({"merged_at": st.none()}),
        "user": st.none() | accounts,
        "assignees": st.none() | st.lists(accounts, max_size=12),
        "labels": st.none() | st.lists(texts | st.fixed_dictionaries({"name": texts})),
        "milestone": st.none() | st.fixed_dictionaries({"title": texts}),
        "comments": counts,
        "review_comments": counts,
        "changed_files": counts,
        "additions": counts,
        "deletions": counts,
        "updated_at": st.none() | st.just("2025-10-04T09:15:27Z"),
        "closed_at": st.none() | st.just("2025-10-04T09:15:27Z"),
    },
)
KEYS: Final = (
    *("title", "state", "state_reason", "draft", "merged_at", "pull_request", "user", "assignees"),
    *("labels", "milestone", "comments", "review_comments", "created_at", "updated_at"),
    "closed_at",
)
# Issues of which up to three known keys hold something else, or a time of any kind.
broken_issues = st.builds(
    lambda issue, changes: {**issue, **changes},
    readable_issues,
    st.dictionaries(st.sampled_from(KEYS), json_values | times, min_size=1, max_size=3),
)


def forgetful_host() -> Host:
    """Make a host whose service has a cache without room, and forgives failures without end."""
    settings = settings_with(cache_bytes="1", breaker_failures="1000000")
    return Host(create_app(settings).test_client())


@pytest.fixture(scope="module")
def forgetful() -> Host:
    """One that all tests share, of which none is answered with a status that it would remember."""
    return forgetful_host()


def ask(host: Host, body: str | bytes, status: int = 200) -> TestResponse:
    with responses.RequestsMock() as upstream:
        upstream.get(ADDRESS, body=body, status=status, content_type="application/json")
        return host.ask(ISSUE)


def issue_by(user: dict[str, str]) -> str:
    issue = {"title": "A title", "state": "open", "created_at": "2025-10-02T09:15:27Z"}
    return json.dumps({**issue, "user": user})


def assert_card(answer: TestResponse) -> None:
    assert answer.status_code == 200, answer.text
    assert faults(answer.get_json()) == ()


def assert_card_or_unreadable(answer: TestResponse) -> None:
    if answer.status_code == 200:
        assert faults(answer.get_json()) == ()
    else:
        assert (answer.status_code, answer.get_json()) == (500, UNREADABLE)


@given(issue=readable_issues)
def test_readable_issue_makes_a_valid_card(forgetful: Host, issue: dict[str, Any]) -> None:
    assert_card(ask(forgetful, json.dumps(issue)))


@given(issue=broken_issues)
def test_issue_with_any_json_in_a_known_key_makes_a_card_or_is_unreadable(
    forgetful: Host, issue: dict[str, Any]
) -> None:
    assert_card_or_unreadable(ask(forgetful, json.dumps(issue)))


@given(value=json_values)
def test_any_json_makes_a_card_or_is_unreadable(forgetful: Host, value: Any) -> None:
    assert_card_or_unreadable(ask(forgetful, json.dumps(value)))


@given(body=st.binary())
def test_any_bytes_make_a_card_or_are_unreadable(forgetful: Host, body: bytes) -> None:
    assert_card_or_unreadable(ask(forgetful, body))


@given(value=json_values, status=st.integers(min_value=201, max_value=599))
def test_any_other_status_is_an_envelope_that_holds_nothing_of_the_answer(
    value: Any, status: int
) -> None:
    # Of its own: after a 429 it asks nothing for a while.
    body = json.dumps({"message": "from upstream", "value": value})
    answer = ask(forgetful_host(), body, status)
    assert answer.status_code == STATUS_FOR.get(status, 500)
    assert list(answer.get_json()) == ["data"]
    assert "from upstream" not in answer.text


@given(address=addresses)
def test_any_avatar_address_leaves_a_valid_card(forgetful: Host, address: str) -> None:
    assert_card(ask(forgetful, issue_by({"login": "monalisa", "avatar_url": address})))


@pytest.mark.parametrize("path", ["half\ud800", "nul\0", "turned\u202e", "two words", "tab\t"])
def test_avatar_address_that_is_none_is_left_out(forgetful: Host, path: str) -> None:
    address = f"https://avatars.githubusercontent.com/{path}"
    answer = ask(forgetful, issue_by({"login": "monalisa", "avatar_url": address}))
    assert_card(answer)
    author = answer.get_json()["metadata"]["fields"][1]
    assert author == {"type": "text_with_icon", "name": "Author", "text": "monalisa"}
