"""GitHub's addresses: which are ours, and what is asked for them."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.github import GitHub
from app.errors import MalformedRequest, NoConnector
from app.testing.contract import ConnectorContract, sent_headers, settings_of

ENVIRONMENT: Final = {
    "GITHUB_TOKEN": "the-token",
    "PLACARD_GITHUB_HOSTS": "github.example.com,acme.ghe.com",
    "GH_ENTERPRISE_TOKEN": "the-enterprise-token",
}
API: Final = "https://api.github.com/repos/pallets/flask"
GHE_API: Final = "https://api.octo.ghe.com/repos/pallets/flask"
ENTERPRISE_API: Final = "https://github.example.com/api/v3/repos/pallets/flask"

MATCHES: Final = {
    "https://github.com/pallets/flask/issues/1": f"{API}/issues/1",
    "https://github.com/pallets/flask/issues/1/": f"{API}/issues/1",
    "https://github.com/pallets/flask/issues/1?x=1": f"{API}/issues/1",
    "https://github.com/pallets/flask/issues/1#issuecomment-2": f"{API}/issues/1",
    "https://github.com/pallets/flask/issues/1234567890": f"{API}/issues/1234567890",
    "https://github.com/pallets/flask/pull/7": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/files": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/files/": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/files/0a1b..2c3d": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/changes": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/commits/0a1b2c3d": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/checks?check_run_id=9": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7/conflicts": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7.diff": f"{API}/pulls/7",
    "https://github.com/pallets/flask/pull/7.patch": f"{API}/pulls/7",
    "https://github.com/orgs/octo/projects/1?pane=issue&itemId=9&issue=pallets%7Cflask%7C1": (
        f"{API}/issues/1"
    ),
    "https://github.com/orgs/octo/projects/1/views/2?pane=issue&issue=pallets%7Cflask%7C1": (
        f"{API}/issues/1"
    ),
    "https://github.com/users/octo/projects/1?issue=pallets|flask|1": f"{API}/issues/1",
    "https://github.com/octo/other/projects/1?pane=issue&issue=pallets|flask|1": f"{API}/issues/1",
    "https://github.com/issues?q=is%3Aopen&issue=pallets%7Cflask%7C1": f"{API}/issues/1",
    "https://github.com/issues/assigned?issue=pallets%7Cflask%7C1": f"{API}/issues/1",
    "https://github.com/pallets/flask/issues?q=x&issue=pallets%7Cflask%7C1": f"{API}/issues/1",
    "https://api.github.com/repos/pallets/flask/issues/1": f"{API}/issues/1",
    "https://api.github.com/repos/pallets/flask/pulls/7": f"{API}/pulls/7",
    "https://redirect.github.com/pallets/flask/issues/1": f"{API}/issues/1",
    "http://github.com/pallets/flask/issues/1": f"{API}/issues/1",
    "http://github.com:80/pallets/flask/issues/1": f"{API}/issues/1",
    "https://github.com:443/pallets/flask/issues/1": f"{API}/issues/1",
    "https://github.com:/pallets/flask/issues/1": f"{API}/issues/1",
    "HTTPS://GitHub.COM/pallets/flask/issues/1": f"{API}/issues/1",
    "https://www.github.com/pallets/flask/issues/1": f"{API}/issues/1",
    "https://github.com/octo-org_user/.github/issues/1": (
        "https://api.github.com/repos/octo-org_user/.github/issues/1"
    ),
    "https://github.com/octo/a.b_c-d/issues/1": (
        "https://api.github.com/repos/octo/a.b_c-d/issues/1"
    ),
    "https://github.com/octo/.../pull/1": "https://api.github.com/repos/octo/.../pulls/1",
    "https://github.example.com/pallets/flask/issues/1": f"{ENTERPRISE_API}/issues/1",
    "https://github.example.com/api/v3/repos/pallets/flask/pulls/7": f"{ENTERPRISE_API}/pulls/7",
    "https://octo.ghe.com/pallets/flask/issues/1": f"{GHE_API}/issues/1",
    "https://acme.ghe.com/pallets/flask/pull/7": (
        "https://api.acme.ghe.com/repos/pallets/flask/pulls/7"
    ),
    "https://api.acme.ghe.com/repos/pallets/flask/pulls/7": (
        "https://api.acme.ghe.com/repos/pallets/flask/pulls/7"
    ),
    "https://GITHUB.example.com:443/pallets/flask/pull/7": f"{ENTERPRISE_API}/pulls/7",
}
NEAR_MISSES: Final = (
    # Another host.
    "https://github.com.evil.example/pallets/flask/issues/1",
    "https://notgithub.com/pallets/flask/issues/1",
    "https://gist.github.com/pallets/flask/issues/1",
    "https://api.github.com/pallets/flask/issues/1",
    "https://github.com./pallets/flask/issues/1",
    "https://github。com/pallets/flask/issues/1",
    "https://evil.example/?x=github.com/pallets/flask/issues/1",
    "https://evil.example/?https://github.com/pallets/flask/issues/1",
    "https://evil.example/github.com/pallets/flask/issues/1",
    "https://evil.example/#@github.com/pallets/flask/issues/1",
    "https://evil.example/pallets/flask/issues/1",
    # Userinfo, with or without another host behind it.
    "https://github.com@evil.example/pallets/flask/issues/1",
    "https://github.com:443@evil.example/pallets/flask/issues/1",
    "https://user@github.com/pallets/flask/issues/1",
    "https://user:word@github.com/pallets/flask/issues/1",
    "https://@github.com/pallets/flask/issues/1",
    "https://evil.example@github.com/pallets/flask/issues/1",
    # Another port.
    "https://github.com:8443/pallets/flask/issues/1",
    "https://github.com:80/pallets/flask/issues/1",
    "http://github.com:443/pallets/flask/issues/1",
    "https://github.com:0/pallets/flask/issues/1",
    # Paths that say something else to GitHub's API.
    "https://github.com/pallets%2Fflask/issues/1",
    "https://github.com/pallets/flask%2Fissues/issues/1",
    "https://github.com/pallets/flask/issues%2F1",
    "https://github.com/pallets/%2e%2e/issues/1",
    "https://github.com/pallets/../issues/1",
    "https://github.com/pallets/./issues/1",
    "https://github.com/../flask/issues/1",
    "https://github.com/./flask/issues/1",
    "https://github.com//pallets/flask/issues/1",
    "https://github.com/pallets//flask/issues/1",
    "https://github.com/pallets/flask/issues//1",
    "https://github.com/pallets/flask/issues/1//",
    # Other pages, and numbers that are none.
    "https://github.com",
    "https://github.com/",
    "https://github.com/pallets/flask",
    "https://github.com/pallets/flask/issues",
    "https://github.com/pallets/flask/issues/",
    "https://github.com/pallets/flask/issues/new",
    "https://github.com/pallets/flask/issues/-1",
    "https://github.com/pallets/flask/issues/1.0",
    "https://github.com/pallets/flask/issues/0x1",
    "https://github.com/pallets/flask/issues/12345678901",
    "https://github.com/pallets/flask/issues/\u0661\u0662",
    "https://github.com/pallets/flask/pull/\uff17",
    "https://github.com/pallets/flask/issues/1/files",
    "https://github.com/pallets/flask/issues/1/edit",
    "https://github.com/pallets/flask/pull/7/filesystem",
    "https://github.com/pallets/flask/pulls/7",
    "https://api.github.com/repos/pallets/flask/pull/7",
    "https://api.github.com/repositories/596892/issues/1",
    "https://github.com/orgs/octo/projects/1?pane=issue&itemId=9",
    "https://github.com/orgs/octo/projects/1?issue=pallets%7Cflask",
    "https://github.com/orgs/octo/projects/1?issue=pallets%7C..%7C1",
    "https://github.com/orgs/octo/projects/1?issue=pallets%2Fflask%2F1",
    "https://github.com/issues/assigned",
    "https://github.com/issues/assigned?issue=pallets",
    "https://github.com/pallets/flask/pulls?issue=pallets%7Cflask%7C1",
    "https://api.evil.ghe.com.example/repos/pallets/flask/issues/1",
    "https://a.octo.ghe.com/pallets/flask/issues/1",
    "https://github.com/pallets/flask/discussions/1",
    "https://github.com/orgs/pallets/flask/issues/1",
    "https://github.com/pällets/flask/issues/1",
    f"https://github.com/pallets/{'r' * 101}/issues/1",
)
NO_ADDRESSES: Final = (
    "",
    "github.com/pallets/flask/issues/1",
    "//github.com/pallets/flask/issues/1",
    "/pallets/flask/issues/1",
    "ftp://github.com/pallets/flask/issues/1",
    "javascript:alert(1)//github.com/pallets/flask/issues/1",
    "https:github.com/pallets/flask/issues/1",
    "https:///github.com/pallets/flask/issues/1",
    "https://github.com\\@evil.example/pallets/flask/issues/1",
    "https://evil.example\\github.com/pallets/flask/issues/1",
    "https://github.com\\pallets\\flask\\issues\\1",
    " https://github.com/pallets/flask/issues/1",
    "https://github.com/pallets/flask/issues/1\n",
    "https://git\thub.com/pallets/flask/issues/1",
    "https://github.com/pallets/flask/issues/1\0",
    "https://github.com:port/pallets/flask/issues/1",
    "https://github.com:99999/pallets/flask/issues/1",
    "https://[github.com/pallets/flask/issues/1",
    "https://github.com\uff0fevil.example/pallets/flask/issues/1",
    f"https://github.com/pallets/flask/issues/1?{'x' * 8192}",
)


class TestGitHub(ConnectorContract):
    connector = GitHub
    environment = ENVIRONMENT
    matches = MATCHES
    near_misses = NEAR_MISSES
    headers: ClassVar[Mapping[str, str]] = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    resource: ClassVar[Mapping[str, Any]] = {
        "html_url": "https://github.com/pallets/flask/issues/1",
        "title": "An issue",
        "state": "closed",
        "state_reason": "completed",
        "draft": False,
        "pull_request": {"merged_at": None},
        "user": {"login": "alice", "avatar_url": "https://avatars.example/1"},
        "assignees": [{"login": "bob", "avatar_url": "https://avatars.example/2"}],
        "labels": [{"name": "bug"}, "docs"],
        "milestone": {"title": "2.0"},
        "comments": 3,
        "created_at": "2025-10-02T09:15:27Z",
        "updated_at": "2025-10-03T09:15:27Z",
        "closed_at": "2025-10-03T09:15:27Z",
    }
    corpora: ClassVar[Mapping[str, str]] = {
        "github/issues": "https://github.com/pallets/flask/issues/1",
        "github/pulls": "https://github.com/pallets/flask/pull/7",
    }


@pytest.mark.parametrize("text", NO_ADDRESSES, ids=lambda text: repr(text[:60]))
def test_text_that_is_no_address_is_malformed(text: str) -> None:
    with pytest.raises(MalformedRequest, match="resource_url"):
        find(text, [GitHub(settings_of({}))])


def test_each_token_goes_to_its_own_host_only() -> None:
    known = GitHub(settings_of(ENVIRONMENT))
    for url, sent in {
        f"{API}/issues/1": {"Authorization": "Bearer the-token"},
        f"{ENTERPRISE_API}/issues/1": {"Authorization": "Bearer the-enterprise-token"},
        "https://api.acme.ghe.com/repos": {"Authorization": "Bearer the-enterprise-token"},
        f"{GHE_API}/issues/1": {},
        "https://github.com/": {},
        "https://api.github.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


def test_enterprise_host_is_not_served_unless_a_setting_names_it() -> None:
    with pytest.raises(NoConnector):
        find("https://github.example.com/pallets/flask/issues/1", [GitHub(settings_of({}))])
