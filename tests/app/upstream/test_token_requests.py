"""The requests for tokens: within the limits of all that goes out, and to nobody else."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import responses

from app.errors import AddressRefused, UpstreamError, UpstreamTooLarge
from app.upstream.oauth import InvalidGrant, OAuthClient
from app.upstream.token_requests import TokenRequests
from app.upstream.wiring import build_fetcher
from tests.clock import Clock
from tests.conftest import settings_with

TOKEN = "https://provider.example/token"
BACK = "https://placard.example/auth/provider/callback"
CLIENT = OAuthClient(
    "https://provider.example/authorize",
    TOKEN,
    "client",
    "made-up-secret",
    "read",
    revoke_url="https://provider.example/revoke",
    revocation="rfc7009",
)
GIVEN = {"access_token": "made-up-access", "refresh_token": "made-up-refresh", "expires_in": 60}


def requests(**changes: str) -> TokenRequests:
    return TokenRequests(build_fetcher(settings_with(**changes)), Clock(1000.0))


def form(call: responses.Call) -> dict[str, str]:
    body = call.request.body
    text = body.decode() if isinstance(body, bytes) else str(body)
    return {name: one for name, (one,) in parse_qs(text).items()}


def test_a_code_is_traded_for_tokens(upstream: responses.RequestsMock) -> None:
    upstream.post(TOKEN, json=GIVEN)
    tokens = requests().exchange(CLIENT, BACK, "code", "verifier")
    assert (tokens.access, tokens.refresh) == ("made-up-access", "made-up-refresh")
    assert tokens.expires_at == 1060.0
    assert form(upstream.calls[0]) == {
        "grant_type": "authorization_code",
        "code": "code",
        "code_verifier": "verifier",
        "redirect_uri": BACK,
        "client_id": "client",
        "client_secret": "made-up-secret",
    }
    kind = upstream.calls[0].request.headers["Content-Type"]
    assert kind.startswith("application/x-www-form-urlencoded")


def test_a_refresh_repeats_the_redirect(upstream: responses.RequestsMock) -> None:
    upstream.post(TOKEN, json=GIVEN)
    requests().refresh(CLIENT, BACK, "made-up-refresh")
    sent = form(upstream.calls[0])
    assert (sent["grant_type"], sent["refresh_token"]) == ("refresh_token", "made-up-refresh")
    assert sent["redirect_uri"] == BACK


@pytest.mark.parametrize("status", [400, 401, 403, 200])
def test_an_invalid_grant_is_told_apart(upstream: responses.RequestsMock, status: int) -> None:
    upstream.post(TOKEN, json={"error": "invalid_grant"}, status=status)
    with pytest.raises(InvalidGrant):
        requests().refresh(CLIENT, BACK, "made-up-refresh")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"error": "invalid_grant"}'),
        (400, '{"error": "invalid_client", "error_description": "made-up-secret"}'),
        (400, '{"error": "made-up-secret"}'),
        (200, "<html>made-up-secret</html>"),
        (200, "[]"),
        (200, "{}"),
        (200, '{"access_token": 7}'),
        (200, '{"access_token": "two\\nlines"}'),
        (429, "slow down"),
    ],
)
def test_what_is_no_token_is_an_error_without_its_text(
    upstream: responses.RequestsMock, status: int, body: str
) -> None:
    upstream.post(TOKEN, body=body, status=status)
    with pytest.raises(UpstreamError) as caught:
        requests().exchange(CLIENT, BACK, "code", "verifier")
    assert "made-up" not in f"{caught.value} {caught.value.detail} {caught.value.sentence}"


@pytest.mark.parametrize("lifetime", [0, -1, 0.001, "-60", 1e300, None])
def test_a_lifetime_that_is_none_is_not_believed(
    upstream: responses.RequestsMock, lifetime: object
) -> None:
    upstream.post(TOKEN, json=GIVEN | {"expires_in": lifetime})
    assert requests().exchange(CLIENT, BACK, "code", "verifier").expires_at is None


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_is_not_followed(upstream: responses.RequestsMock, status: int) -> None:
    upstream.post(TOKEN, status=status, headers={"Location": "https://evil.example/"})
    with pytest.raises(UpstreamError):
        requests().exchange(CLIENT, BACK, "code", "verifier")
    assert len(upstream.calls) == 1


def test_an_answer_that_is_too_large_is_not_read(upstream: responses.RequestsMock) -> None:
    upstream.post(TOKEN, body=b" " * ((1 << 20) + 1))
    with pytest.raises(UpstreamTooLarge):
        requests().exchange(CLIENT, BACK, "code", "verifier")


def test_a_secret_goes_by_http_to_no_other_machine() -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        outside.post("http://mirror.example/token", json=GIVEN)
        asking = requests(upstreams="https://provider.example=http://mirror.example")
        with pytest.raises(AddressRefused):
            asking.exchange(CLIENT, BACK, "code", "verifier")
        assert len(outside.calls) == 0


def test_a_provider_at_a_private_address_is_not_asked() -> None:
    private = OAuthClient("https://10.0.0.1/authorize", "https://10.0.0.1/token", "client", "1")
    with pytest.raises(AddressRefused):
        requests().exchange(private, BACK, "code", "verifier")


@pytest.mark.parametrize(("status", "is_revoked"), [(200, True), (500, False)])
def test_a_token_is_revoked(
    upstream: responses.RequestsMock, status: int, is_revoked: bool
) -> None:
    upstream.post("https://provider.example/revoke", status=status)
    if is_revoked:
        assert requests().revoke(CLIENT, "made-up-access", "made-up-refresh")
    else:
        with pytest.raises(UpstreamError):
            requests().revoke(CLIENT, "made-up-access", "made-up-refresh")
    assert form(upstream.calls[0])["token"] == "made-up-refresh"


GITHUB = replace(
    CLIENT,
    revoke_url="https://api.provider.example/applications/{client_id}/{part}",
    revocation="github",
)
REVOKE = "https://api.provider.example/applications/client"


@pytest.mark.parametrize(("has_newer", "part"), [(False, "grant"), (True, "token")])
def test_github_ends_the_grant_unless_there_are_newer_tokens(
    upstream: responses.RequestsMock, has_newer: bool, part: str
) -> None:
    """Written from docs.github.com/rest/apps/oauth-applications, 2026-11."""
    sent = responses.matchers.json_params_matcher({"access_token": "made-up-access"})
    upstream.delete(f"{REVOKE}/{part}", status=204, match=[sent])
    assert requests().revoke(GITHUB, "made-up-access", "made-up-refresh", has_newer=has_newer)
    assert upstream.calls[0].request.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [404, 422])
def test_a_token_that_has_run_out_is_refreshed_to_be_revoked(
    upstream: responses.RequestsMock, status: int
) -> None:
    """GitHub wants one that lives: by it alone the refresh token goes too."""
    sent = responses.matchers.json_params_matcher
    old, new = {"access_token": "made-up-old"}, {"access_token": "made-up-access"}
    upstream.delete(f"{REVOKE}/grant", status=status, match=[sent(old)])
    upstream.post(TOKEN, json=GIVEN)
    upstream.delete(f"{REVOKE}/grant", status=204, match=[sent(new)])
    assert requests().revoke(GITHUB, "made-up-old", "made-up-refresh")


def test_what_github_does_not_know_is_not_called_revoked(upstream: responses.RequestsMock) -> None:
    upstream.delete(f"{REVOKE}/grant", status=404)
    assert not requests().revoke(GITHUB, "made-up-access", None)
    upstream.post(TOKEN, json={"error": "bad_refresh_token"})
    with pytest.raises(InvalidGrant):
        requests().revoke(GITHUB, "made-up-access", "made-up-refresh")
