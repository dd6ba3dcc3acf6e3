"""GitLab's addresses, what is asked for them, and what its states and people look like."""

import base64
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.gitlab import GitLab
from app.errors import NoConnector
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import Field, Pill, SummaryWithDetails, TextWithIcon

ENVIRONMENT: Final = {
    "GITLAB_TOKEN": "the-token",
    "PLACARD_GITLAB_HOSTS": (
        "gitlab.example.com, code.example.com:8443, example.com/gitlab, http://git.local:8080"
    ),
}
PAGE: Final = "https://gitlab.com/gitlab-org/gitlab"
API: Final = "https://gitlab.com/api/v4/projects/gitlab-org%2Fgitlab"


def shown(**parts: Any) -> str:
    """Write what is open beside a board as its address does."""
    return base64.b64encode(json.dumps(parts).encode()).decode()


SHOWN: Final = shown(iid="1", full_path="gitlab-org/gitlab", id=34)
DEEP: Final = "/".join(["g"] * 21)

MATCHES: Final = {
    f"{PAGE}/-/issues/1": f"{API}/issues/1",
    f"{PAGE}/-/issues/1/": f"{API}/issues/1",
    f"{PAGE}/-/issues/1?show=abc": f"{API}/issues/1",
    f"{PAGE}/-/issues/1#note_2": f"{API}/issues/1",
    f"{PAGE}/-/issues/1234567890": f"{API}/issues/1234567890",
    f"{PAGE}/-/issues/incident/3": f"{API}/issues/3",
    f"{PAGE}/-/work_items/4": f"{API}/issues/4",
    f"{PAGE}/-/merge_requests/7": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7/": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7/diffs?diff_id=8#line": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7/commits": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7/pipelines/": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7/reports": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7/conflicts": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7.diff": f"{API}/merge_requests/7",
    f"{PAGE}/-/merge_requests/7.patch": f"{API}/merge_requests/7",
    f"{PAGE}/-/issues/1/designs": f"{API}/issues/1",
    f"{PAGE}/-/issues/1/designs/x.png": f"{API}/issues/1",
    f"{PAGE}/-/work_items/1/designs/a b.png?version=2": f"{API}/issues/1",
    f"{PAGE}/-/boards/9?show={SHOWN}": f"{API}/issues/1",
    f"{PAGE}/-/boards?show={SHOWN.rstrip('=')}": f"{API}/issues/1",
    f"{PAGE}/-/issues?state=opened&show={SHOWN}": f"{API}/issues/1",
    f"{PAGE}/-/work_items/?show={SHOWN}": f"{API}/issues/1",
    f"https://gitlab.com/groups/gitlab-org/-/boards/9?show={SHOWN}": f"{API}/issues/1",
    f"https://gitlab.com/dashboard/issues?assignee_username=x&show={SHOWN}": f"{API}/issues/1",
    f"{API}/issues/1": f"{API}/issues/1",
    f"{API}/merge_requests/7": f"{API}/merge_requests/7",
    "https://gitlab.com/api/v4/projects/278964/issues/1": (
        "https://gitlab.com/api/v4/projects/278964/issues/1"
    ),
    "https://example.com/gitlab/a/b/-/issues/1": (
        "https://example.com/gitlab/api/v4/projects/a%2Fb/issues/1"
    ),
    "http://git.local:8080/a/b/-/issues/1": "http://git.local:8080/api/v4/projects/a%2Fb/issues/1",
    f"{PAGE}/issues/1": f"{API}/issues/1",
    f"{PAGE}/merge_requests/7": f"{API}/merge_requests/7",
    f"{PAGE}/merge_requests/7/diffs": f"{API}/merge_requests/7",
    "http://gitlab.com:80/gitlab-org/gitlab/-/issues/1": f"{API}/issues/1",
    "HTTPS://GitLab.COM:443/gitlab-org/gitlab/-/issues/1": f"{API}/issues/1",
    "https://gitlab.com/a/b-c/d.e/_f/-/issues/1": (
        "https://gitlab.com/api/v4/projects/a%2Fb-c%2Fd.e%2F_f/issues/1"
    ),
    "https://gitlab.com/issues/merge_requests/-/issues/1": (
        "https://gitlab.com/api/v4/projects/issues%2Fmerge_requests/issues/1"
    ),
    f"https://gitlab.com/{DEEP}/p/-/issues/1": (
        f"https://gitlab.com/api/v4/projects/{DEEP.replace('/', '%2F')}%2Fp/issues/1"
    ),
    "https://GitLab.example.com/gitlab-org/gitlab/-/issues/1": (
        "https://gitlab.example.com/api/v4/projects/gitlab-org%2Fgitlab/issues/1"
    ),
    "https://code.example.com:8443/a/b/-/merge_requests/7": (
        "https://code.example.com:8443/api/v4/projects/a%2Fb/merge_requests/7"
    ),
}
NEAR_MISSES: Final = (
    "https://about.gitlab.com/gitlab-org/gitlab/-/issues/1",
    "https://code.example.com/a/b/-/issues/1",
    "https://gitlab.com/groups/gitlab-org/gitlab/-/work_items/1",
    "https://gitlab.com/groups/gitlab-org/-/work_items/1",
    "https://gitlab.com/gitlab-org/-/issues/1",
    "https://gitlab.com/-/issues/1",
    "https://gitlab.com/-/gitlab/-/issues/1",
    "https://gitlab.com/gitlab-org/gitlab/-/-/issues/1",
    "https://gitlab.com/gitlab-org/../-/issues/1",
    "https://gitlab.com/gitlab-org/./gitlab/-/issues/1",
    "https://gitlab.com/gitlab-org//gitlab/-/issues/1",
    "https://gitlab.com/gitlab-org/%2e%2e/-/issues/1",
    "https://gitlab.com/gitlab-org%2Fgitlab/x/-/issues/1",
    "https://gitlab.com/gitlab-örg/gitlab/-/issues/1",
    f"https://gitlab.com/{'g' * 256}/gitlab/-/issues/1",
    f"https://gitlab.com/{DEEP}/g/p/-/issues/1",
    PAGE,
    f"{PAGE}/-/issues",
    f"{PAGE}/-/issues/",
    f"{PAGE}/-/issues/new",
    f"{PAGE}/-/issues/-1",
    f"{PAGE}/-/issues/1.json",
    f"{PAGE}/-/issues/12345678901",
    f"{PAGE}/-/issues/\u0661",
    f"{PAGE}/-/issues/1/diffs",
    f"{PAGE}/-/issues/1//",
    f"{PAGE}/-/incident/1",
    f"{PAGE}/-/merge_requests/7.zip",
    f"{PAGE}/-/merge_requests/7/reports/8",
    f"{PAGE}/-/issues/1/designs/x/y.png",
    f"{PAGE}/-/boards/9",
    f"{PAGE}/-/boards/9?show=",
    f"{PAGE}/-/boards/9?show=x",
    f"{PAGE}/-/boards/9?show={shown(iid='1', full_path='gitlab-org')}",
    f"{PAGE}/-/boards/9?show={shown(iid='1', full_path='gitlab-org/../x')}",
    f"{PAGE}/-/boards/9?show={shown(iid='x', full_path='gitlab-org/gitlab')}",
    f"{PAGE}/-/boards/9?show={shown(full_path='gitlab-org/gitlab')}",
    f"{PAGE}/-/boards/9?show={shown(iid=[1], full_path={})}",
    f"{PAGE}/-/labels?show={SHOWN}",
    f"https://gitlab.com/dashboard/groups?show={SHOWN}",
    f"{API}/issues",
    f"{API}/issues/1/notes",
    "https://gitlab.com/api/v4/projects/gitlab-org%2F..%2Fx/issues/1",
    "https://gitlab.com/api/v4/projects/gitlab-org/issues/1",
    "https://example.com/a/b/-/issues/1",
    "https://example.com/gitlabs/a/b/-/issues/1",
    f"{PAGE}/-/merge_requests/7/diffs/8",
    f"{PAGE}/-/merge_requests/7/edit",
    f"{PAGE}/-/epics/1",
    f"{PAGE}/-/pipelines/1",
)
PERSON: Final = {"name": "Alice A.", "username": "alice", "avatar_url": "https://img.example/1"}


class TestGitLab(ConnectorContract):
    connector = GitLab
    environment = ENVIRONMENT
    matches = MATCHES
    near_misses = NEAR_MISSES
    resource: ClassVar[Mapping[str, Any]] = {
        "title": "An issue",
        "state": "closed",
        "references": {"full": "gitlab-org/gitlab#1"},
        "confidential": True,
        "moved_to_id": 5,
        "draft": False,
        "work_in_progress": False,
        "author": PERSON,
        "assignee": PERSON,
        "assignees": [PERSON],
        "reviewers": [PERSON],
        "labels": ["bug", "priority::1"],
        "milestone": {"title": "2.0"},
        "source_branch": "fix",
        "target_branch": "main",
        "due_date": "2026-01-31",
        "created_at": "2025-10-02T09:15:27.123Z",
        "updated_at": "2025-10-03T09:15:27.123+02:00",
        "closed_at": "2025-10-03T09:15:27.123Z",
        "merged_at": None,
        "user_notes_count": 3,
    }
    corpora: ClassVar[Mapping[str, str]] = {
        "gitlab/issues": f"{PAGE}/-/issues/1",
        "gitlab/merge_requests": f"{PAGE}/-/merge_requests/7",
    }


def card(page: str = "/-/issues/1", **parts: Any) -> SummaryWithDetails:
    connector, match = find(PAGE + page, [GitLab(settings_of({}))])
    resource = connector.load({"title": "A title", "state": "opened", **parts})
    return connector.widget(resource, match)


def fields(made: SummaryWithDetails) -> dict[str, Field]:
    return {field.name: field for field in made.fields if field is not None}


def test_token_goes_to_gitlab_only() -> None:
    known = GitLab(settings_of(ENVIRONMENT))
    for url, sent in {
        f"{API}/issues/1": {"PRIVATE-TOKEN": "the-token"},
        "https://gitlab.example.com/api/v4/projects/a%2Fb/issues/1": {},
        "https://code.example.com:8443/api/v4/projects/a%2Fb/issues/1": {},
        "https://about.gitlab.com/": {},
        "https://gitlab.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


def test_token_of_another_host_goes_to_that_one_only() -> None:
    known = GitLab(settings_of({**ENVIRONMENT, "GITLAB_HOST": "code.example.com:8443"}))
    for url, sent in {
        "https://code.example.com:8443/api/v4/projects/a%2Fb/issues/1": {
            "PRIVATE-TOKEN": "the-token"
        },
        "https://code.example.com/": {},
        "https://gitlab.example.com/": {},
        f"{API}/issues/1": {},
    }.items():
        assert sent_headers(known, url) == sent


def test_without_a_token_it_asks_anonymously() -> None:
    assert GitLab(settings_of({"PLACARD_GITLAB_HOSTS": "gitlab.example.com"})).credentials == ()


def test_request_may_reach_the_address_own_host_only() -> None:
    connector, match = find(
        "https://gitlab.example.com/a/b/-/issues/1", [GitLab(settings_of(ENVIRONMENT))]
    )
    assert connector.request_for(match).hosts == {"gitlab.example.com"}


def test_other_host_is_not_served_unless_the_setting_names_it() -> None:
    with pytest.raises(NoConnector):
        find("https://gitlab.example.com/a/b/-/issues/1", [GitLab(settings_of({}))])


@pytest.mark.parametrize(
    ("page", "parts", "text", "color"),
    [
        ("/-/issues/1", {"state": "opened"}, "Open", "green"),
        ("/-/issues/1", {"state": "closed"}, "Closed", "blue"),
        ("/-/issues/1", {"state": "closed", "moved_to_id": 5}, "Closed (moved)", "blue"),
        ("/-/issues/1", {"state": "opened", "moved_to_id": 5}, "Open", "green"),
        ("/-/issues/1", {"state": "in_review"}, "In review", "none"),
        ("/-/issues/1", {"state": " "}, "Unknown", "none"),
        ("/-/merge_requests/7", {"state": "opened", "draft": False}, "Open", "green"),
        ("/-/merge_requests/7", {"state": "opened", "draft": True}, "Draft", "cool-gray"),
        (
            "/-/merge_requests/7",
            {"state": "opened", "work_in_progress": True},
            "Draft",
            "cool-gray",
        ),
        ("/-/merge_requests/7", {"state": "merged", "draft": True}, "Merged", "blue"),
        ("/-/merge_requests/7", {"state": "closed", "draft": True}, "Closed", "red"),
        ("/-/merge_requests/7", {"state": "locked"}, "Merging", "yellow"),
    ],
)
def test_state_has_the_meaning_and_the_colour_of_gitlab(
    page: str, parts: Mapping[str, Any], text: str, color: str
) -> None:
    state = fields(card(page, **parts))["State"]
    assert isinstance(state, Pill)
    assert (state.text, state.color) == (text, color)


def test_confidential_issue_says_so_right_after_its_state() -> None:
    assert card(confidential=True).fields[1] == Pill("Visibility", "Confidential", "orange")
    assert "Visibility" not in fields(card(confidential=False))


def test_place_is_what_gitlab_calls_it() -> None:
    moved = card(references={"full": "other/group/project#9"})
    assert moved.subtitle == "other/group/project#9"


@pytest.mark.parametrize("references", [None, {}, {"full": None}, {"full": " "}])
def test_place_without_a_reference_is_that_of_the_address(references: object) -> None:
    assert card(references=references).subtitle == "gitlab-org/gitlab#1"
    request = card("/-/merge_requests/7", references=references)
    assert request.subtitle == "gitlab-org/gitlab!7"


def test_assignees_go_before_the_one_of_old_versions_and_that_before_the_author() -> None:
    first, second, third = ({"username": name} for name in ("first", "second", "third"))
    for parts, shown in (
        ({"assignees": [first, second], "author": third}, ("Assignees", "first, second")),
        ({"assignees": [first], "assignee": second}, ("Assignee", "first")),
        ({"assignees": [], "assignee": second, "author": third}, ("Assignee", "second")),
        ({"assignees": None, "assignee": None, "author": third}, ("Author", "third")),
    ):
        assert card(**parts).fields[1] == TextWithIcon(*shown)


def test_person_has_a_name_and_a_picture() -> None:
    assert card(author=PERSON).fields[1] == TextWithIcon(
        "Author", "Alice A.", "https://img.example/1"
    )


DATES: Final = {
    "created_at": "2025-10-01T10:00:00.000Z",
    "due_date": "2025-12-24",
    "closed_at": "2025-10-02T10:00:00.000+02:00",
    "merged_at": "2025-10-03T10:00:00.000Z",
}


@pytest.mark.parametrize(
    ("state", "missing", "name", "value"),
    [
        ("opened", (), "Due", "2025-12-24"),
        ("opened", ("due_date",), "Opened", "2025-10-01T10:00:00.000Z"),
        ("closed", (), "Closed", "2025-10-02T08:00:00.000Z"),
        ("closed", ("closed_at",), "Opened", "2025-10-01T10:00:00.000Z"),
        ("merged", (), "Merged", "2025-10-03T10:00:00.000Z"),
        ("merged", ("merged_at",), "Opened", "2025-10-01T10:00:00.000Z"),
        ("locked", (), "Opened", "2025-10-01T10:00:00.000Z"),
    ],
)
def test_date_is_the_one_that_matters_in_its_state(
    state: str, missing: tuple[str, ...], name: str, value: str
) -> None:
    dates = {key: date for key, date in DATES.items() if key not in missing}
    shown = fields(card("/-/merge_requests/7", state=state, **dates))[name]
    assert value in (getattr(shown, "text", None), getattr(shown, "datetime", None))


def test_merge_request_names_its_target_before_a_long_source() -> None:
    made = card("/-/merge_requests/7", source_branch="feature/" * 9, target_branch="main")
    assert made.fields[-1] == TextWithIcon("Branches", "main ← feature/feature/feature/feature/…")
