"""The resource that an address means, and what a card must say of it."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
import responses

from app.connectors import all_connectors, find
from templates_schemas import payload
from tests.conftest import MakeHost, settings_with
from tests.host import Host

GITHUB: Final = "https://github.com/pallets/flask"
GITHUB_API: Final = "https://api.github.com/repos/pallets/flask"
GITLAB: Final = "https://gitlab.com/gitlab-org/gitlab/-"
ZENDESK: Final = "https://placard-samples.zendesk.com/agent/tickets/7"
ISSUE: Final = {
    "html_url": f"{GITHUB}/issues/16",
    "title": "An issue",
    "state": "closed",
    "state_reason": "completed",
}
PULL: Final = {"title": "A pull request", "state": "closed", "html_url": f"{GITHUB}/pull/7"}
BOB: Final = {"login": "bob", "username": "bob"}
EVE: Final = {"login": "eve", "username": "eve"}


def metadata_of(page: str, document: Any) -> dict[str, Any]:
    connector, match = find(page, all_connectors(settings_with()))
    made: dict[str, Any] = payload(connector.widget(connector.load(document), match))["metadata"]
    return made


def shown(page: str, document: Any) -> dict[str, tuple[str | None, str | None]]:
    """Return the text and the colour of each field of the card, by its name."""
    fields = metadata_of(page, document)["fields"]
    return {each["name"]: (each.get("text"), each.get("color")) for each in fields}


def test_pull_address_of_an_issue_shows_the_issue(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(f"{GITHUB_API}/pulls/16", json={"message": "Not Found"}, status=404)
    upstream.get(f"{GITHUB_API}/issues/16", json=ISSUE)
    card = host.ask(f"{GITHUB}/pull/16").get_json()["metadata"]
    assert (card["title"], card["subtitle"]) == ("An issue", "pallets/flask #16")
    assert card["fields"][0] | {"type": ""} == {
        "type": "",
        "name": "State",
        "text": "Closed",
        "color": "purple",
    }


def test_pull_address_of_nothing_is_not_found(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(f"{GITHUB_API}/pulls/16", status=404)
    upstream.get(f"{GITHUB_API}/issues/16", status=404)
    assert host.ask(f"{GITHUB}/pull/16").status_code == 404


def test_issue_behind_a_pull_address_is_asked_with_the_same_token(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    upstream.get(f"{GITHUB_API}/pulls/16", status=404)
    upstream.get(f"{GITHUB_API}/issues/16", json=ISSUE)
    assert make_host(github_token="made_up").ask(f"{GITHUB}/pull/16").status_code == 200
    sent = [call.request.headers.get("Authorization") for call in upstream.calls]
    assert sent == ["Bearer made_up"] * 2


@pytest.mark.parametrize(
    ("page", "answer", "state"),
    [
        ("pull/7", {"merged_at": "2025-10-02T09:15:27Z"}, ("Merged", "purple")),
        ("pull/7", {"merged": True, "merged_at": None}, ("Merged", "purple")),
        ("pull/7", {"merged": False}, ("Closed", "red")),
        ("pull/7", {"merged_at": None}, ("Closed", "red")),
        ("pull/7", {}, ("Closed", "none")),
        ("issues/7", {"pull_request": {"merged_at": None}}, ("Closed", "red")),
        ("issues/7", {"pull_request": {"url": "https://api.example"}}, ("Closed", "none")),
        (
            "issues/7",
            {"pull_request": None, "html_url": f"{GITHUB}/issues/7"},
            ("Closed", "purple"),
        ),
    ],
)
def test_closed_pull_request_is_red_only_where_it_is_told_that_it_was_not_merged(
    page: str, answer: Mapping[str, Any], state: tuple[str, str]
) -> None:
    assert shown(f"{GITHUB}/{page}", {**PULL, **answer})["State"] == state


@pytest.mark.parametrize(
    ("people", "name", "text"),
    [
        ({"assignee": BOB}, "Assignee", "bob"),
        ({"assignee": BOB, "assignees": []}, "Assignee", "bob"),
        ({"assignee": BOB, "assignees": None}, "Assignee", "bob"),
        ({"assignee": BOB, "assignees": [None]}, "Assignee", "bob"),
        ({"assignee": BOB, "assignees": [BOB, EVE]}, "Assignees", "bob, eve"),
        ({"assignee": None, "assignees": []}, "Author", "eve"),
    ],
)
def test_assignee_is_shown_where_assignees_are_not_told(
    people: Mapping[str, Any], name: str, text: str
) -> None:
    for page in (f"{GITHUB}/issues/1", f"{GITLAB}/issues/1", f"{GITLAB}/merge_requests/1"):
        answer = {"title": "T", "state": "open", "user": EVE, "author": EVE, **people}
        assert shown(page, answer)[name] == (text, None)


def test_merged_merge_request_is_merged_also_where_it_is_not_told_when() -> None:
    answer = {"title": "T", "state": "merged", "merged_at": None, "created_at": "2018-05-15T18:39Z"}
    fields = shown(f"{GITLAB}/merge_requests/2", answer)
    assert fields["State"] == ("Merged", "blue")
    assert "Closed" not in fields


@pytest.mark.parametrize(
    ("statuses", "text"),
    [
        ([{"id": 5, "agent_label": "Waiting for parts"}], "Waiting for parts"),
        ([{"id": 6, "agent_label": "Another"}], "Pending"),
        ([{"id": 5, "agent_label": " "}], "Pending"),
        ([{"id": 5}], "Pending"),
        ([], "Pending"),
        (None, "Pending"),
    ],
)
def test_custom_status_has_the_companys_word_and_its_categorys_colour(
    statuses: Any, text: str
) -> None:
    ticket = {"subject": "S", "status": "pending", "custom_status_id": 5}
    answer = {"ticket": ticket, "custom_statuses": statuses}
    assert shown(ZENDESK, answer)["Status"] == (text, "blue")


@pytest.mark.parametrize(
    ("title", "drawn"),
    [
        (":bug: It breaks", "🐛 It breaks"),
        ("Ship it :rocket::+1:", "Ship it :rocket::+1:"),
        ("(:tada:)", "(🎉)"),
        ("`:bug:` is code", "`:bug:` is code"),
        ("std::bug::x", "std::bug::x"),
        ("10:100:20", "10:100:20"),
        (":no_such_code:", ":no_such_code:"),
    ],
)
def test_short_codes_are_drawn_where_the_system_draws_them(title: str, drawn: str) -> None:
    for page in (f"{GITHUB}/issues/1", f"{GITLAB}/issues/1"):
        assert metadata_of(page, {"title": title, "state": "open"})["title"] == drawn
    jira = {"key": "ACME-12", "fields": {"summary": title}}
    assert metadata_of("https://acme.atlassian.net/browse/ACME-12", jira)["title"] == title


def test_short_codes_are_drawn_in_definitions_of_these_systems() -> None:
    for page, answer in {
        f"{GITHUB}/releases/tag/v1": {"name": ":bug: v1", "tag_name": "v1"},
        "https://gitlab.com/groups/acme/-/epics/9": {"title": ":bug: v1", "state": "opened"},
        "https://gitlab.com/acme/web/-/releases/v1": {"name": ":bug: v1", "tag_name": "v1"},
        "https://codeberg.org/acme/web/issues/1": {"title": ":bug: v1", "state": "open"},
    }.items():
        assert metadata_of(page, answer)["title"] == "🐛 v1"


@pytest.mark.parametrize(
    ("icon", "shown_icon"),
    [
        ("https://elsewhere.example/1", "https://elsewhere.example/1"),
        ("http://git.example.com/avatar/1", "https://git.example.com/avatar/1"),
        ("http://git.example.com:80/avatar/1", "https://git.example.com/avatar/1"),
        ("http://elsewhere.example/1", None),
        ("http://git.example.com:8080/avatar/1", None),
        ("http://b\u00fc\u2025.example/1", None),
    ],
)
def test_icon_of_http_is_secure_on_the_systems_own_host_or_left_out(
    make_host: MakeHost, upstream: responses.RequestsMock, icon: str, shown_icon: str | None
) -> None:
    host = make_host(placard_gitlab_hosts="git.example.com")
    answer = {"title": "T", "state": "opened", "author": {"name": "Eve", "avatar_url": icon}}
    upstream.get("https://git.example.com/api/v4/projects/a%2Fb/issues/1", json=answer)
    fields = host.ask("https://git.example.com/a/b/-/issues/1").get_json()["metadata"]["fields"]
    assert fields[1]["text"] == "Eve"
    assert fields[1].get("icon_url") == shown_icon
