"""The requests of OAuth 2.0: authorization code with PKCE, refresh, revocation.

Implements RFC 6749 (4.1, 6), RFC 7636 (S256) and RFC 7009 by Authlib. What Authlib sends goes
through the one HTTP client: its deadline, its size limit and its address guard hold here too.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import BaseAdapter

from app.errors import UpstreamFailed, UpstreamUnreadable
from app.upstream.client import Fetcher
from app.upstream.credentials import basic
from app.upstream.messages import Credential, UpstreamRequest, UpstreamResponse, read_address
from app.upstream.oauth import InvalidGrant, OAuthClient, Tokens

_KEPT_HEADERS: Final = ("Accept", "Content-Type")
# What says that a code or a refresh token is of no use: by RFC 6749, and two of GitHub's own.
_NOT_TAKEN: Final = ("invalid_grant", "bad_refresh_token", "bad_verification_code")
# What else RFC 6749 (5.2) and 7009 (2.2.1) know, and what GitHub does.
_REFUSALS: Final = (
    "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope", "unsupported_token_type", "incorrect_client_credentials",
    "redirect_uri_mismatch", "unverified_user_email",
)  # fmt: skip
# In seconds, where an answer tells a lifetime that cannot be meant.
LONGEST_LIFETIME: Final = 10 * 365 * 86_400


class TokenRequests:
    """The requests of OAuth. `clock` is in epoch seconds."""

    def __init__(self, fetcher: Fetcher, clock: Callable[[], float] = time.time) -> None:
        self._fetcher = fetcher
        self._clock = clock

    def authorize_url(
        self, client: OAuthClient, redirect_uri: str, state: str, verifier: str
    ) -> str:
        """Return the address that a person is sent to."""
        session = self._session(client, redirect_uri)
        # What stands in for the provider asks people too.
        page = self._fetcher.actual_url(client.authorize_url)
        url, _ = session.create_authorization_url(
            page, state=state, code_verifier=verifier, **client.parameters
        )
        return str(url)

    def exchange(self, client: OAuthClient, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Trade a code for tokens; raises InvalidGrant, or an UpstreamError."""
        with _translated(client.token_url):
            answer = self._session(client, redirect_uri).fetch_token(
                client.token_url,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                allow_redirects=False,
            )
        return self._tokens(answer)

    def refresh(self, client: OAuthClient, redirect_uri: str, refresh_token: str) -> Tokens:
        """Trade a refresh token for new tokens; raises InvalidGrant, or an UpstreamError.

        Where the provider gives no new refresh token, the old one stays good.
        """
        with _translated(client.token_url):
            answer = self._session(client, redirect_uri).refresh_token(
                client.token_url,
                refresh_token=refresh_token,
                # GitLab wants it here too; the others do not look at it.
                redirect_uri=redirect_uri,
                allow_redirects=False,
            )
        return self._tokens(answer)

    def revoke(
        self, client: OAuthClient, access: str, refresh: str | None, *, has_newer: bool = False
    ) -> bool:
        """Revoke tokens; False where the provider has no address for it, or does not know them.

        Where the refresh token goes, the access token goes too. At GitHub all goes that we have of
        the account, unless it `has_newer` tokens, which stay. Raises InvalidGrant where GitHub
        does not know the refresh token any more, and an UpstreamError.
        """
        if client.revocation == "github":
            return self._revoke_at_github(client, access, refresh, has_newer=has_newer)
        if client.revocation != "rfc7009":
            return False
        with _translated(client.revoke_url):
            response = self._session(client, "").revoke_token(
                client.revoke_url, token=refresh or access, allow_redirects=False
            )
        return _is_done(response.status_code)

    def account(self, url: str, access_token: str) -> Any:
        """Return the JSON that tells whose token it is; raises an UpstreamError."""
        address = read_address(url)
        proof = Credential("oauth", address.origin, {"Authorization": f"Bearer {access_token}"})
        request = UpstreamRequest(url, hosts=frozenset({address.host}), credential=proof)
        response = self._fetcher.fetch(request)
        if response.status != 200:
            raise UpstreamFailed(f"the address of the account answered {response.status}")
        return response.document

    def _revoke_at_github(
        self, client: OAuthClient, access: str, refresh: str | None, *, has_newer: bool
    ) -> bool:
        """Revoke by the access token, which must live: one that has run out is refreshed first."""
        part = "token" if has_newer else "grant"
        is_done = _is_done(self._delete_at_github(client, part, access).status)
        if is_done or refresh is None:
            return is_done
        newest = self.refresh(client, "", refresh).access
        return _is_done(self._delete_at_github(client, part, newest).status)

    def _delete_at_github(self, client: OAuthClient, part: str, token: str) -> UpstreamResponse:
        client_id = quote(client.client_id, safe="")
        url = client.revoke_url.format(client_id=client_id, part=part)
        address = read_address(url)
        headers = basic(address.host, "", client.client_id, client.client_secret).headers
        return self._fetcher.fetch(
            UpstreamRequest(
                url,
                hosts=frozenset({address.host}),
                method="DELETE",
                body=json.dumps({"access_token": token}).encode(),
                credential=Credential("oauth client", address.origin, headers),
                is_confidential=True,
            )
        )

    def _session(self, client: OAuthClient, redirect_uri: str) -> Any:
        session = OAuth2Session(
            client.client_id,
            client.client_secret,
            scope=client.scopes or None,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the method's name
            revocation_endpoint_auth_method="client_secret_post",
        )
        # Neither proxies nor .netrc: all that goes out is the client's business.
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, _FetcherAdapter(self._fetcher))
        return session

    def _tokens(self, answer: Mapping[str, Any]) -> Tokens:
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        # A header holds it, and takes no other characters.
        if not (isinstance(access, str) and access.isascii() and access.isprintable() and access):
            raise UpstreamUnreadable("$.access_token: is not a token")
        lifetime = _lifetime(answer.get("expires_in"))
        return Tokens(
            access,
            refresh if isinstance(refresh, str) and refresh else None,
            None if lifetime is None else self._clock() + lifetime,
            str(answer.get("scope") or ""),
            answer,
        )


class _FetcherAdapter(BaseAdapter):
    """Sends the requests of a session of `requests` through the client."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send a request; raises an UpstreamError."""
        address = read_address(str(request.url))
        body = request.body
        answer = self._fetcher.fetch(
            UpstreamRequest(
                address.url,
                hosts=frozenset({address.host}),
                method=str(request.method),
                headers={
                    name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers
                },
                body=body.encode() if isinstance(body, str) else body,
                is_confidential=True,
            )
        )
        response = requests.Response()
        response.status_code = answer.status
        response._content = answer.body  # noqa: SLF001 - as the adapters of its own tests do
        response.headers.update(answer.headers)
        response.url = address.url
        response.request = request
        return response

    def close(self) -> None:
        """Do nothing: the client keeps its connections."""


def _is_done(status: int) -> bool:
    """Tell whether tokens were revoked; False where they are not known. Raises UpstreamFailed."""
    if status not in (200, 204, 404, 422):
        raise UpstreamFailed(f"the address for revocation answered {status}")
    return status in (200, 204)


def _lifetime(seconds: Any) -> float | None:
    """Read a lifetime in seconds, which some write as a text; None where it is not valid."""
    if (
        isinstance(seconds, str)
        and seconds.isdecimal()
        and len(seconds) <= len(str(LONGEST_LIFETIME))
    ):
        seconds = int(seconds)
    return seconds if isinstance(seconds, int | float) and 1 <= seconds < LONGEST_LIFETIME else None


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Raise the errors of the tree for those of Authlib, without their texts."""
    try:
        yield
    except AuthlibBaseError as error:
        if error.error in _NOT_TAKEN:
            raise InvalidGrant from None
        # Any other word may be anything, of what was sent too.
        reason = error.error if error.error in _REFUSALS else "by a word of its own"
        raise UpstreamFailed(f"{read_address(url).host} refused: {reason}") from None
    except (requests.RequestException, ValueError, TypeError, KeyError):
        raise UpstreamFailed(f"{read_address(url).host} gave no tokens") from None
