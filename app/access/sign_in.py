"""Signing in, and connecting accounts: what the pages for it call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from app.access.connection import Connection, is_id
from app.access.connection_store import ConnectionStore
from app.access.flow import SignInFlow, SignInStep
from app.access.providers import Provider, Providers
from app.access.sessions import Session, Sessions
from app.access.vault import SealBroken
from app.errors import NotFound, SignInFailed, UpstreamError, UpstreamUnreadable
from app.upstream.oauth import InvalidGrant, OAuthClient, Tokens
from app.upstream.token_requests import TokenRequests
from templates_schemas.text import clean

HOST: Final = "host"
_log = structlog.get_logger("placard")


class SignInDeclined(Exception):
    """The person did not allow it: nothing is wrong, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system, and the person's connection to it; at least one of them.

    Without a `provider`, the system has left the settings.
    """

    provider: Provider | None
    connection: Connection | None


class SignIn:
    """Signs people in by the host, and connects their accounts. `clock` is in epoch seconds."""

    def __init__(
        self,
        host: OAuthClient,
        providers: Providers,
        sessions: Sessions,
        flow: SignInFlow,
        connections: ConnectionStore,
        requests: TokenRequests,
    ) -> None:
        self.sessions = sessions
        self._host = host
        self._providers = providers
        self._flow = flow
        self._connections = connections
        self._requests = requests

    @property
    def host_name(self) -> str:
        """Where people say who they are: `app.asana.com`."""
        return urlsplit(self._host.authorize_url).netloc

    def accounts(self, user: str) -> list[Account]:
        """List the systems, with a person's connections, and those whose system is gone."""
        known = {each.origin: each for each in self._connections.listed(user)}
        there = [Account(each, known.pop(each.origin, None)) for each in self._providers]
        return [*there, *(Account(None, each) for each in known.values())]

    def begin_host(self, session: Session, page: str, redirect_uri: str) -> str:
        """Return the host's address at which a person says who it is, to return to a page."""
        return self._flow.begin(session, self._host, SignInStep(HOST, page, redirect_uri))

    def finish_host(
        self, session: Session | None, query: Mapping[str, str], redirect_uri: str
    ) -> tuple[Session, str]:
        """Return the new session, whose person is known, and the page to return to.

        The host's own token is not kept. Raises SignInFailed, SignInDeclined or an UpstreamError.
        """
        begun = self._flow.take(session, HOST, query.get("state", ""))
        tokens = self._flow.exchange(begun, self._host, redirect_uri, _code(query))
        user = text_at(tokens.answer, "data.gid")
        if not is_id(user):
            raise UpstreamUnreadable("$.data.gid: is not a person's id")
        return self.sessions.begin(user), begun.host

    def begin(self, session: Session, provider: Provider, redirect_uri: str) -> str:
        """Return the provider's address at which a person lets us read."""
        step = SignInStep(provider.name, provider.host, redirect_uri)
        return self._flow.begin(session, provider.client, step)

    def finish(
        self, session: Session | None, system: str, query: Mapping[str, str], redirect_uri: str
    ) -> tuple[Provider, str]:
        """Keep the new connection of a person; return its system, and the name there.

        The tokens of an earlier one are revoked. Raises as `finish_host` does.
        """
        begun = self._flow.take(session, system, query.get("state", ""))
        provider = self._providers.named(begun.system, begun.host)
        if session is None or session.user is None or provider is None:
            raise SignInFailed("the session has no person, or the system is gone")
        tokens = self._flow.exchange(begun, provider.client, redirect_uri, _code(query))
        login = clean(self._login(provider, tokens))
        now = datetime.now(UTC)
        replaced = self._connections.add(session.user, provider, tokens, login, now)
        if replaced is not None and not replaced.has_ended:
            self._revoke(replaced, provider, newer=tokens)
        return provider, login

    def provider(self, system: str, host: str | None) -> Provider:
        """Return a provider by its name; raises NotFound."""
        found = self._providers.named(system, host)
        if found is None:
            raise NotFound(f"nobody can sign in to {system} here")
        return found

    def disconnect(self, user: str, system: str, origin: str | None) -> None:
        """Remove a connection here in any case, and at the provider where that is possible.

        Without an `origin` it is the first of the system.
        """
        for each in self._connections.listed(user):
            if each.system == system and origin in (None, each.origin):
                self.remove(each)
                break

    def remove(self, connection: Connection) -> bool:
        """Remove a connection here in any case; tell whether it was revoked at the provider."""
        removed = self._connections.remove(connection.user, connection.origin)
        provider = self._providers.at(connection.origin)
        return bool(removed and provider and self._revoke(removed, provider))

    def _revoke(
        self, connection: Connection, provider: Provider, newer: Tokens | None = None
    ) -> bool:
        """Revoke the tokens of a connection, but no `newer` ones; tell whether that was done."""
        try:
            old = self._connections.tokens(connection)
            access, refresh = old["access"], old["refresh"]
            if newer and (access == newer.access or (refresh and refresh == newer.refresh)):
                return False  # the provider has given the same ones again
            return self._requests.revoke(provider.client, access, refresh, has_newer=bool(newer))
        except (SealBroken, InvalidGrant, UpstreamError) as error:
            _log.warning(
                "revocation_failed", credential=connection.identity, code=type(error).__name__
            )
            return False

    def _login(self, provider: Provider, tokens: Tokens) -> str:
        """Return what the person is called there; a failure to learn it costs nothing."""
        system = provider.system
        if system.login_in_token:
            return text_at(tokens.answer, system.login_in_token) or ""
        if not system.account:
            return ""
        try:
            document = self._requests.account(system.url(system.account), tokens.access)
        except UpstreamError as error:
            _log.warning("account_unknown", system=system.name, code=error.code)
            return ""
        return text_at(document, system.login) or ""


def text_at(document: Any, path: str) -> str | None:
    """Follow a path of names and numbers into JSON; None where no text or number is there."""
    for name in path.split("."):
        if isinstance(document, list):
            document = document[int(name)] if name.isdigit() and int(name) < len(document) else None
        else:
            document = document.get(name) if isinstance(document, Mapping) else None
    return str(document) if isinstance(document, str | int) else None


def _code(query: Mapping[str, str]) -> str:
    if query.get("error") == "access_denied":
        raise SignInDeclined
    if not query.get("code"):
        raise SignInFailed("the provider gave no code")
    return query["code"]
