"""Access modes: which connector has which, what may be shared, and what the start says."""

import json

import pytest
import responses

from app import create_app
from app.access import AccessModes
from app.errors import ConfigurationError
from app.web import EXTENSION
from tests.app.access.world import settings_of
from tests.conftest import MakeHost, settings_with
from tests.proofs import ISSUE_JSON

NAMES = ("github", "github_commit", "gitlab", "status-page")


def modes(**changes: str) -> AccessModes:
    return AccessModes(settings_with(**changes), NAMES)


def test_a_mode_is_for_all_connectors_whose_names_begin_with_it() -> None:
    given = modes(access_github="viewer", access_github_commit="attached", access="shared")
    found = {name: given.of(name) for name in NAMES}
    assert found == {
        "github": "viewer",
        "github_commit": "attached",
        "gitlab": "shared",
        "status-page": "shared",
    }


def test_a_name_with_a_hyphen_is_written_with_an_underscore() -> None:
    assert modes(access_status_page="viewer").of("status-page") == "viewer"


def test_the_default_is_shared() -> None:
    assert modes().of("github") == "shared"
    assert modes(access="viewer").of("github") == "viewer"


@pytest.mark.parametrize("name", ["access_git", "access_gitub", "access_github_"])
def test_a_name_of_no_connector_stops_the_start(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no connector has this name"):
        modes(**{name: "viewer"})


def test_a_word_that_is_no_mode_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of: shared, attached, viewer"):
        settings_with(access_github="private")


@pytest.mark.parametrize(
    ("address", "is_shared"),
    [
        ("https://github.com/acme/storefront/issues/1", True),
        ("https://github.com/ACME/storefront/issues/1", True),
        ("https://github.com/acme", True),
        ("https://github.com/acme2/storefront/issues/1", False),
        ("https://github.com/other/acme/issues/1", False),
        ("https://gitlab.com/acme/storefront", False),
        ("https://evil.example/github.com/acme/x", False),
        ("https://a.ghe.com/acme/x", True),
        ("https://a.b.ghe.com/acme/x", False),
        ("https://gitlab.com/group/sub/project/-/issues/1", True),
        ("https://gitlab.com/groups/project/-/issues/1", False),
    ],
)
def test_only_the_pages_that_are_named_may_be_shared(address: str, is_shared: bool) -> None:
    given = modes(shared_only="github.com/acme/*, gitlab.com/group, *.ghe.com/acme/*")
    assert given.may_share(address) is is_shared


@pytest.mark.parametrize(
    "pages", ["github.com", "*/acme", "github.com/*/x", "https://github.com/a"]
)
def test_pages_that_cannot_be_told_apart_are_refused(pages: str) -> None:
    with pytest.raises(ConfigurationError, match="is not `host/path`"):
        settings_with(shared_only=pages)


def test_a_shared_credential_goes_only_to_the_pages_that_are_named(make_host: MakeHost) -> None:
    host = make_host(shared_only="github.com/pallets/*", github_token="made_up")
    sent = {}
    with responses.RequestsMock() as outside:
        for owner in ("pallets", "acme"):
            url = f"https://api.github.com/repos/{owner}/flask/issues/1"
            outside.get(url, json=ISSUE_JSON)
            assert host.ask(f"https://github.com/{owner}/flask/issues/1").status_code == 200
            sent[owner] = outside.calls[-1].request.headers.get("Authorization")
    assert sent == {"pallets": "Bearer made_up", "acme": None}


SHARING = "Everybody who can put a link on a task"


@pytest.mark.parametrize(
    ("changes", "warns"),
    [
        ({"github_token": "made_up"}, True),
        ({}, False),
        ({"github_token": "made_up", "access": "shared"}, False),
        ({"github_token": "made_up", "allowed_workspaces": "12345"}, False),
    ],
)
def test_the_start_warns_that_everybody_sees(
    capsys: pytest.CaptureFixture[str], changes: dict[str, str], warns: bool
) -> None:
    create_app(settings_with(**changes))
    told = capsys.readouterr().err
    assert told.count(SHARING) == warns
    assert "made_up" not in told


@pytest.mark.parametrize("name", ["access", "access_github"])
def test_a_mode_that_wants_people_wants_a_sign_in(name: str) -> None:
    with pytest.raises(ConfigurationError, match="PLACARD_CONNECTION_KEYS: is missing"):
        create_app(settings_with(**{name: "viewer"}))


def test_the_start_says_where_nobody_can_sign_in_and_why(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(**changes: str) -> dict[str, str]:
        settings = settings_of("http://127.0.0.1:1", database_url=sqlite_url, **changes)
        create_app(settings_with(**settings)).extensions[EXTENSION].people.store.close()
        lines = map(json.loads, capsys.readouterr().err.splitlines())
        found = [line["systems"] for line in lines if "Nobody can sign in" in line["event"]]
        return dict(*found)

    assert told() == told(access_gitlab="shared", access_trello="shared") == {}
    assert told(access_gitlab="viewer", access_trello="attached") == {
        "GitLab": "GITLAB_CLIENT_ID and GITLAB_CLIENT_SECRET are not set",
        "Trello": "there is no way to",
    }
    named = {"zendesk_subdomain": "acme", "zendesk_client_id": "1", "zendesk_client_secret": "2"}
    own = {"gitlab_client_id": "1", "gitlab_client_secret": "2", **named}
    assert told(access_gitlab="viewer", access_zendesk="viewer", **own) == {}
