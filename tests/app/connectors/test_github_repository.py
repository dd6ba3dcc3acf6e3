"""GitHub's repositories: which addresses are theirs, and what their cards show."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.github import GitHubRepository
from app.connectors.github.repositories import NO_OWNERS
from app.errors import NoConnector
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import payload

ENVIRONMENT: Final = {
    "GITHUB_TOKEN": "the-token",
    "PLACARD_GITHUB_HOSTS": "github.example.com",
    "GH_ENTERPRISE_TOKEN": "the-enterprise-token",
}
PAGE: Final = "https://github.com/pallets/flask"
API: Final = "https://api.github.com/repos/pallets/flask"
ENTERPRISE_API: Final = "https://github.example.com/api/v3/repos/pallets/flask"
SMALL: Final = {
    "full_name": "pallets/flask",
    "private": False,
    "created_at": "2010-04-06T11:11:59Z",
}


class TestGitHubRepository(ConnectorContract):
    connector = GitHubRepository
    environment = ENVIRONMENT
    matches: ClassVar[Mapping[str, str]] = {
        PAGE: API,
        f"{PAGE}/": API,
        f"{PAGE}.git": API,
        f"{PAGE}.git/": API,
        f"{PAGE}?tab=readme-ov-file#start": API,
        API: API,
        "https://redirect.github.com/pallets/flask": API,
        ENTERPRISE_API: ENTERPRISE_API,
        "http://github.com/pallets/flask": API,
        "https://github.com:443/pallets/flask": API,
        "HTTPS://GitHub.COM/pallets/flask": API,
        "https://www.github.com/pallets/flask": API,
        "https://github.com/octo-org_user/.github": "https://api.github.com/repos/octo-org_user/.github",
        "https://github.com/octo/a.git.b": "https://api.github.com/repos/octo/a.git.b",
        "https://github.com/octo/a.git.git": "https://api.github.com/repos/octo/a.git",
        "https://github.com/octo/...": "https://api.github.com/repos/octo/...",
        "https://github.com/settings-of/x": "https://api.github.com/repos/settings-of/x",
        "https://github.example.com/pallets/flask.git": ENTERPRISE_API,
    }
    near_misses = (
        "https://github.com/",
        "https://github.com/pallets",
        "https://github.com/pallets/",
        "https://github.com/pallets//flask",
        "https://github.com/pallets/flask//",
        "https://github.com/pallets/flask/tree/main",
        "https://github.com/pallets/flask/issues",
        "https://github.com/pallets/flask/issues/1",
        "https://github.com/pallets/.",
        "https://github.com/pallets/..",
        "https://github.com/pallets/../",
        "https://github.com/pallets/..git",
        "https://github.com/pallets/...git",
        "https://github.com/pallets/...git/",
        "https://github.com/../flask",
        "https://github.com/-pallets/flask",
        "https://github.com/pallets/fla%2Fsk",
        "https://github.com/pallets/fläsk",
        f"https://github.com/pallets/{'r' * 101}",
        "https://gist.github.com/pallets/flask",
        "https://api.github.com/repos/flask",
        "https://github.com/settings/profile",
        "https://github.com/Settings/profile",
        "https://github.com/orgs/pallets",
        "https://github.com/topics/python",
        "https://github.com/features/actions",
        "https://github.com/marketplace/sentry",
        "https://github.com/login/oauth",
        "https://github.com/sponsors/pallets",
        "https://github.com/search/advanced",
        "https://github.com/apps/dependabot",
        "https://github.example.com/api/v3",
    )
    headers: ClassVar[Mapping[str, str]] = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    resource: ClassVar[Mapping[str, Any]] = {
        **SMALL,
        "description": "A small framework",
        "visibility": "public",
        "archived": False,
        "fork": True,
        "parent": {"full_name": "mitsuhiko/flask"},
        "language": "Python",
        "stargazers_count": 70412,
        "open_issues_count": 11,
        "license": {"name": "MIT License", "spdx_id": "MIT"},
        "default_branch": "main",
        "pushed_at": "2025-10-03T09:15:27Z",
    }
    # Each pull request holds the repository that it is for.
    corpora: ClassVar[Mapping[str, str]] = {"github/pulls": PAGE}

    def answer_of(self, payload: Any) -> Any:
        return payload["base"]["repo"]


def test_each_token_goes_to_its_own_host_only() -> None:
    known = GitHubRepository(settings_of(ENVIRONMENT))
    for url, sent in {
        API: {"Authorization": "Bearer the-token"},
        ENTERPRISE_API: {"Authorization": "Bearer the-enterprise-token"},
        PAGE: {},
        "https://api.github.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


@pytest.mark.parametrize("word", NO_OWNERS)
def test_page_of_github_itself_is_no_repository(word: str) -> None:
    with pytest.raises(NoConnector):
        find(f"https://github.com/{word}/flask", [GitHubRepository(settings_of({}))])


@pytest.mark.parametrize(
    ("known", "text", "color"),
    [
        ({"visibility": "public"}, "Public", "green"),
        ({"visibility": "internal", "private": True}, "Internal", "blue"),
        ({"visibility": "private", "private": True}, "Private", "yellow"),
        ({"visibility": "far_side"}, "Far side", "none"),
        ({"visibility": "\u200b"}, "Unknown", "none"),
        ({}, "Public", "green"),
        ({"private": True}, "Private", "yellow"),
        ({"fork": True}, "Public fork", "green"),
        ({"archived": True}, "Public archive", "cool-gray"),
        ({"archived": True, "private": True, "fork": True}, "Private archive", "cool-gray"),
    ],
)
def test_pill_tells_who_sees_it_and_what_it_is(
    known: Mapping[str, Any], text: str, color: str
) -> None:
    assert card_of(**known)["fields"][0] == {
        "type": "pill",
        "name": "Visibility",
        "text": text,
        "color": color,
    }


@pytest.mark.parametrize(
    ("license_", "text"),
    [
        ({"name": "MIT License", "spdx_id": "MIT"}, "MIT"),
        ({"name": "Other", "spdx_id": "NOASSERTION"}, "Other"),
        ({"name": "Other", "spdx_id": None}, "Other"),
        ({"spdx_id": "NOASSERTION"}, None),
        (None, None),
    ],
)
def test_license_is_named_as_spdx_does_where_it_can(license_: Any, text: str | None) -> None:
    assert texts_of(card_of(license=license_)).get("License") == text


def test_counts_are_grouped_and_a_count_of_none_is_shown() -> None:
    shown = texts_of(card_of(stargazers_count=70412, open_issues_count=0))
    assert shown["Stars"] == "70,412"
    assert shown["Open issues and pull requests"] == "0"


def test_footer_tells_the_last_push_or_where_there_was_none_the_beginning() -> None:
    assert card_of(pushed_at="2025-10-03T09:15:27Z")["footer"] == {
        "footer_type": "updated",
        "last_updated_at": "2025-10-03T09:15:27.000Z",
    }
    assert card_of(pushed_at=None)["footer"] == {
        "footer_type": "created",
        "created_at": "2010-04-06T11:11:59.000Z",
    }


def card_of(**known: Any) -> Any:
    """Make the card of a repository of which this much is known."""
    connector, match = find(PAGE, [GitHubRepository(settings_of({}))])
    resource = connector.schema().load(SMALL | known)
    return payload(connector.widget(resource, match))["metadata"]


def texts_of(card: Any) -> dict[str, str]:
    return {field["name"]: field["text"] for field in card["fields"]}
