"""GitHub's addresses: which are ours, and what is asked for them."""

import re
from typing import Final

import pytest
from hypothesis import example, given, strategies as st

from app.connectors import find
from app.connectors.github import GitHub
from app.errors import MalformedRequest, NoConnector
from app.upstream import UpstreamRequest

CONNECTORS: Final = (GitHub("the-token", ["github.example.com"], "the-enterprise-token"),)
API: Final = "https://api.github.com/repos/pallets/flask"
ENTERPRISE_API: Final = "https://github.example.com/api/v3/repos/pallets/flask"
OURS: Final = re.compile(
    r"https?://(?:(?:www\.)?github\.com|github\.example\.com)(?::(?:80|443)?)?/",
    re.ASCII | re.IGNORECASE,
)

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
    "https://github.com/pallets/flask/pull/7.diff",
    "https://github.com/pallets/flask/pulls/7",
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
PIECES: Final = (
    *("https://", "http://", "HTTPS://", "//", "github.com", "GITHUB.com", "www.", "evil.example"),
    *("github.example.com", "/pallets/flask/issues/1", "/pallets/flask/pull/7", "/", "\\", "@"),
    *(
        ":",
        ":443",
        ":8443",
        "?",
        "#",
        ".",
        "%2f",
        "%40",
        "%00",
        "\uff0f",
        "\uff20",
        "[",
        "]",
        "\u017f",
    ),
)


def request_for(address: str) -> UpstreamRequest:
    connector, match = find(address, CONNECTORS)
    return connector.request_for(match)


@pytest.mark.parametrize(("address", "url"), MATCHES.items(), ids=MATCHES)
def test_address_is_asked_of_the_api(address: str, url: str) -> None:
    request = request_for(address)
    assert (request.method, request.url) == ("GET", url)
    assert request.headers == {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }


@pytest.mark.parametrize("address", NEAR_MISSES)
def test_near_miss_has_no_connector(address: str) -> None:
    with pytest.raises(NoConnector):
        find(address, CONNECTORS)


@pytest.mark.parametrize("text", NO_ADDRESSES, ids=lambda text: repr(text[:60]))
def test_text_that_is_no_address_is_malformed(text: str) -> None:
    with pytest.raises(MalformedRequest, match="resource_url"):
        find(text, CONNECTORS)


def test_token_of_github_goes_to_its_api_only() -> None:
    request = request_for("https://www.github.com/pallets/flask/issues/1")
    assert request.hosts == {"api.github.com"}
    assert request.credential.origin == "https://api.github.com:443"
    assert request.credential.headers == {"Authorization": "Bearer the-token"}


def test_token_of_the_enterprise_goes_to_its_host_only() -> None:
    request = request_for("https://github.example.com/pallets/flask/issues/1")
    assert request.hosts == {"github.example.com"}
    assert request.credential.origin == "https://github.example.com:443"
    assert request.credential.headers == {"Authorization": "Bearer the-enterprise-token"}


def test_identity_of_a_credential_tells_tokens_apart_and_gives_none_away() -> None:
    _, match = find("https://github.com/pallets/flask/issues/1", CONNECTORS)
    first, second = (GitHub(token, (), None).request_for(match) for token in ("one", "two"))
    assert first.credential.identity != second.credential.identity
    assert first.credential.identity.startswith("GITHUB_TOKEN#")
    assert "one" not in repr(first).removeprefix(first.url)


def test_enterprise_host_is_not_served_unless_a_setting_names_it() -> None:
    with pytest.raises(NoConnector):
        find("https://github.example.com/pallets/flask/issues/1", [GitHub(None, (), None)])


@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example("https://github.com:443/pallets/flask/issues/1")
@example("https://github.com@evil.example/pallets/flask/issues/1")
def test_no_text_matches_for_a_host_that_is_not_named(text: str) -> None:
    try:
        _, match = find(text, CONNECTORS)
    except (NoConnector, MalformedRequest):
        return
    assert OURS.match(text)
    assert match.host in {"github.com", "www.github.com", "github.example.com"}
