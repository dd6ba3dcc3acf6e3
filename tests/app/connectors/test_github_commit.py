"""GitHub's commits: which addresses are theirs, and what their cards show."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.github import GitHubCommit
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import payload

ENVIRONMENT: Final = {
    "GITHUB_TOKEN": "the-token",
    "PLACARD_GITHUB_HOSTS": "github.example.com",
    "GH_ENTERPRISE_TOKEN": "the-enterprise-token",
}
SHA: Final = "33850c0ebd23ae615e6823993d441f46d80b1ff0"
PAGE: Final = f"https://github.com/pallets/flask/commit/{SHA}"
API: Final = "https://api.github.com/repos/pallets/flask/commits"
ENTERPRISE_API: Final = "https://github.example.com/api/v3/repos/pallets/flask/commits"
GIT: Final = {"message": "Begin", "author": {"name": "Ada", "date": "2025-10-02T09:15:27Z"}}


class TestGitHubCommit(ConnectorContract):
    connector = GitHubCommit
    environment = ENVIRONMENT
    matches: ClassVar[Mapping[str, str]] = {
        f"{PAGE}/checks": f"{API}/{SHA}",
        f"{PAGE}/checks?check_suite_id=1": f"{API}/{SHA}",
        PAGE: f"{API}/{SHA}",
        f"{PAGE}/": f"{API}/{SHA}",
        f"{PAGE}?diff=split": f"{API}/{SHA}",
        f"{PAGE}#diff-0a1bR12": f"{API}/{SHA}",
        f"{PAGE}.diff": f"{API}/{SHA}",
        f"{PAGE}.patch": f"{API}/{SHA}",
        f"https://api.github.com/repos/pallets/flask/commits/{SHA}": f"{API}/{SHA}",
        "https://redirect.github.com/pallets/flask/commit/33850c0": f"{API}/33850c0",
        "https://github.example.com/api/v3/repos/pallets/flask/commits/33850c0": (
            f"{ENTERPRISE_API}/33850c0"
        ),
        "https://github.com/pallets/flask/commit/33850c0": f"{API}/33850c0",
        "https://github.com/pallets/flask/commit/33850C0E": f"{API}/33850c0e",
        "http://github.com/pallets/flask/commit/33850c0": f"{API}/33850c0",
        "https://GitHub.com:443/pallets/flask/commit/33850c0": f"{API}/33850c0",
        "https://www.github.com/pallets/flask/commit/33850c0": f"{API}/33850c0",
        "https://github.example.com/pallets/flask/commit/33850c0": f"{ENTERPRISE_API}/33850c0",
    }
    near_misses = (
        "https://github.com/pallets/flask/commit/33850c",
        f"{PAGE}a",
        f"{PAGE}.zip",
        f"https://api.github.com/pallets/flask/commit/{SHA}",
        f"https://api.github.com/repos/pallets/flask/git/commits/{SHA}",
        f"{PAGE}//",
        f"{PAGE}/checks/1",
        "https://github.com/pallets/flask/commit/main",
        "https://github.com/pallets/flask/commit/3385\u0661\u0661\u0661",
        "https://github.com/pallets/flask/commit/../../x",
        f"https://github.com/pallets/flask/commits/{SHA}",
        f"https://github.com/pallets/flask/tree/{SHA}",
        f"https://github.com/pallets/flask/pull/7/commits/{SHA}",
        f"https://github.com/pallets/../commit/{SHA}",
        f"https://github.com/pallets/./commit/{SHA}",
        f"https://gist.github.com/pallets/flask/commit/{SHA}",
    )
    headers: ClassVar[Mapping[str, str]] = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    resource: ClassVar[Mapping[str, Any]] = {
        "html_url": PAGE,
        "commit": {
            "message": "Begin\n\nWith what there is",
            "author": {"name": "Ada", "date": "2025-10-02T09:15:27Z"},
            "committer": {"name": "Ada", "date": "2025-10-03T09:15:27Z"},
            "comment_count": 1,
            "verification": {"verified": False, "reason": "unsigned"},
        },
        "author": {"login": "ada", "avatar_url": "https://avatars.example/1"},
        "stats": {"additions": 3, "deletions": 1},
        "files": [{"filename": "a"}, {"filename": "b"}],
    }


def test_each_token_goes_to_its_own_host_only() -> None:
    known = GitHubCommit(settings_of(ENVIRONMENT))
    for url, sent in {
        f"{API}/{SHA}": {"Authorization": "Bearer the-token"},
        f"{ENTERPRISE_API}/{SHA}": {"Authorization": "Bearer the-enterprise-token"},
        PAGE: {},
        "https://api.github.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


@pytest.mark.parametrize(
    ("verification", "text", "color"),
    [
        ({"verified": True, "reason": "valid"}, "Verified", "green"),
        ({"verified": False, "reason": "unsigned"}, "Unsigned", "cool-gray"),
        ({"verified": False, "reason": "bad_email"}, "Unverified", "cool-gray"),
        ({"verified": False, "reason": None}, "Unverified", "cool-gray"),
    ],
)
def test_pill_tells_what_became_of_the_signature(
    verification: Mapping[str, Any], text: str, color: str
) -> None:
    shown = card_of(commit=GIT | {"verification": verification})["fields"][0]
    assert (shown["name"], shown["text"], shown["color"]) == ("Signature", text, color)


def test_commit_of_which_the_signature_is_not_told_has_no_pill() -> None:
    assert [field["type"] for field in card_of(commit=GIT)["fields"]] == [
        "text_with_icon",
        "datetime_with_icon",
    ]


@pytest.mark.parametrize(
    ("message", "title", "subtitle"),
    [
        ("Begin\n\nWith more", "Begin", "pallets/flask @ 33850c0"),
        ("\n \u200b\r\nBegin\r\nWith more", "Begin", "pallets/flask @ 33850c0"),
        ("\n", "pallets/flask @ 33850c0", None),
    ],
)
def test_title_is_the_first_line_that_can_be_seen(
    message: str, title: str, subtitle: str | None
) -> None:
    card = card_of(commit=GIT | {"message": message})
    assert (card["title"], card.get("subtitle")) == (title, subtitle)


def test_subtitle_names_the_repository_as_it_is_called_now() -> None:
    moved = f"https://github.com/pallets/quart/commit/{SHA}"
    assert card_of(commit=GIT, html_url=moved)["subtitle"] == "pallets/quart @ 33850c0"


@pytest.mark.parametrize(
    ("account", "author"),
    [
        (
            {"login": "ada", "avatar_url": "https://avatars.example/1"},
            {"text": "ada", "icon_url": "https://avatars.example/1"},
        ),
        ({}, {"text": "Ada"}),
        (None, {"text": "Ada"}),
    ],
)
def test_author_is_the_account_or_the_name_in_the_commit(
    account: Any, author: Mapping[str, str]
) -> None:
    shown = card_of(commit=GIT, author=account)["fields"][0]
    assert shown == {"type": "text_with_icon", "name": "Author", **author}


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (0, "0 files, +3 -1"),
        (1, "1 file, +3 -1"),
        (299, "299 files, +3 -1"),
        (300, "300+ files, +3 -1"),
    ],
)
def test_files_are_counted_as_far_as_one_answer_lists_them(files: int, text: str) -> None:
    card = card_of(commit=GIT, files=[{}] * files, stats={"additions": 3, "deletions": 1})
    assert card["fields"][1] == {"type": "text_with_icon", "name": "Changes", "text": text}


def test_dates_tell_when_it_was_committed_and_when_it_was_written() -> None:
    later = {"date": "2025-10-03T11:15:27+02:00"}
    card = card_of(commit=GIT | {"committer": later})
    assert card["fields"][-1]["datetime"] == "2025-10-03T09:15:27.000Z"
    assert card["footer"]["created_at"] == "2025-10-02T09:15:27.000Z"


def card_of(**resource: Any) -> Any:
    """Make the card of a resource."""
    connector, match = find(PAGE, [GitHubCommit(settings_of({}))])
    return payload(connector.widget(connector.schema().load(resource), match))["metadata"]
