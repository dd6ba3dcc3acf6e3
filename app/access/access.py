"""Whose credential fetches a card. Implements "Who may see" of the page on components."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.access.connection import AccessToken, Connection, is_id
from app.access.modes import AccessModes
from app.access.providers import Provider, Providers, connection_needed
from app.access.refusals import Refusals
from app.connectors import Connector, Match
from app.connectors.searches import Search, SearchQuery
from app.errors import ConnectionNeeded, NotAuthenticated
from app.origins import Server
from app.settings import AccessMode
from app.upstream.credentials import Credentials
from app.upstream.messages import (
    ANONYMOUS,
    Credential,
    UpstreamRequest,
    UpstreamResponse,
    read_address,
)
from app.verification import Viewer

# Sends a request; returns what was asked in the end, and the answer.
Send = Callable[[UpstreamRequest], tuple[UpstreamRequest, UpstreamResponse]]


class People(Protocol):
    """What is kept of people: who connected what, and who attached what."""

    def find(self, user: str, origin: str) -> Connection | None:
        """Return the connection of a person to a system."""

    def connected(self, user: str) -> Sequence[Connection]:
        """List the connections of a person."""

    def attached_by(self, viewer: Viewer, address: str) -> str | None:
        """Return who attached a page to the viewer's task."""

    def attach(self, viewer: Viewer, address: str) -> None:
        """Note that the viewer attached a page to a task."""

    def access_token(
        self, connection: Connection, provider: Provider, refused: AccessToken | None
    ) -> AccessToken:
        """Return an access token that holds; raises as `Refresher.access_token` does."""

    def end(self, refused: AccessToken) -> None:
        """Say that a person must connect again, unless there is a newer token by now."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask for an address, before anybody is known.

    Where there is a `provider`, it is asked with the credential of a person, whom `mode` tells;
    else with the one that the request carries.
    """

    request: UpstreamRequest
    mode: AccessMode = "shared"
    provider: Provider | None = None


class Access:
    """Says whose credential fetches a card. Without `people`, nobody can be known."""

    def __init__(
        self,
        modes: AccessModes,
        credentials: Credentials,
        providers: Providers,
        people: People | None = None,
    ) -> None:
        self._modes = modes
        self._credentials = credentials
        self._providers = providers
        self._people = people
        self._refusals = Refusals()

    @property
    def shares_credentials(self) -> bool:
        """Whether some credential shows what it may see to everybody."""
        return not self._credentials.are_empty

    def ask(self, connector: Connector, match: Match, workspace: str | None) -> Ask:
        """Say what to ask for an address, by the connector's mode; `workspace` is proven.

        Where people cannot sign in to a system, a mode that wants a person's credential shows what
        anybody may see: it is asked without one.
        """
        mode = self._modes.of(connector.name)
        provider = None
        if mode != "shared":
            request = connector.request_for_person(match)
            provider = self._providers.of_request(connector, request.address)
        if provider is None:
            request = connector.request_for(match)
        credential = ANONYMOUS
        if mode == "shared" and self._may_share(connector, match):
            credential = self._credentials.find(request.url, workspace, connector.name)
        authorized = replace(request, credential=credential, rules=connector.answer_rules)
        return Ask(authorized, mode, provider)

    def connection(
        self, mode: AccessMode, provider: Provider, viewer: Viewer, address: str
    ) -> Connection:
        """Return the connection that shows a page, by its canonical address, to a viewer.

        Raises NotAuthenticated where the proof speaks for no person in a workspace, and
        ConnectionNeeded where the person must connect an account first.
        """
        if self._people is None or not (is_id(viewer.user) and is_id(viewer.workspace)):
            raise NotAuthenticated("no_person", "the proof speaks for no person in a workspace")
        attached_by = self._people.attached_by(viewer, address) if mode == "attached" else None
        for user in (attached_by, viewer.user):
            found = self._people.find(user, provider.origin) if user else None
            if found is not None and not found.has_ended:
                return found
        raise connection_needed(provider)

    def own_accounts(self, viewer: Viewer) -> frozenset[str]:
        """Name the credentials of the viewer's own accounts."""
        if self._people is None or not (is_id(viewer.user) and is_id(viewer.workspace)):
            return frozenset()
        return frozenset(each.identity for each in self._people.connected(viewer.user))

    def hosts(self, connector: Connector, viewer: Viewer) -> tuple[str, ...]:
        """List the hosts that there is a credential for, to search: of the service, or people's."""
        if self._modes.of(connector.name) == "shared":
            return self._credentials.hosts(viewer.workspace, connector.name)
        return tuple(each.system.api_host for each in self._providers)

    def search_of(self, connector: Connector) -> Callable[[SearchQuery, Server], Iterable[Search]]:
        """Return what says how to search a connector's system, by its mode."""
        is_shared = self._modes.of(connector.name) == "shared"
        return connector.search_for if is_shared else connector.search_for_person

    def for_search(
        self, connector: Connector, request: UpstreamRequest, viewer: Viewer
    ) -> tuple[Credential, Provider | None, Connection | None] | None:
        """Return the credential that a search carries: the service's, or the viewer's own.

        None where the viewer has no account connected; where nobody can, the search has none.
        """
        mode = self._modes.of(connector.name)
        if mode == "shared":
            found = self._credentials.find(request.url, viewer.workspace, connector.name)
            return found, None, None
        provider = self._providers.of_request(connector, request.address)
        if provider is None:
            return ANONYMOUS, None, None
        try:
            # What others have attached is not found: only what the viewer's own account may see.
            connection = self.connection("viewer", provider, viewer, "")
        except (NotAuthenticated, ConnectionNeeded):
            return None
        return credential_of(connection, request), provider, connection

    def may_find(self, connector: Connector, address: str) -> bool:
        """Tell whether a page, by its canonical address, may be among what a search has found."""
        is_narrowed = self._modes.of(connector.name) == "shared" and self._modes.are_narrowed
        return not is_narrowed or self._modes.may_share(address)

    def ask_as(
        self, connection: Connection, provider: Provider, request: UpstreamRequest, send: Send
    ) -> tuple[UpstreamRequest, UpstreamResponse]:
        """Ask with the access token of a connection, and once more where the system refuses it.

        A second refusal ends the connection, unless the system takes it for other pages. Raises
        what `send` does, and as `access_token` does.
        """
        assert self._people is not None
        identity = connection.identity
        refused: AccessToken | None = None
        for _ in range(2):
            token = self._people.access_token(connection, provider, refused)
            authorized, response = send(_carrying(token, request))
            if not _refuses(request.credential, response):
                self._refusals.note_answer(identity, response.verdict.outcome)
                return authorized, response
            if self._refusals.is_lasting(identity):
                break
            refused = token
        else:
            self._refusals.note_lasting(identity)
        if not self._refusals.is_taken(identity):
            self._people.end(token)
        raise connection_needed(provider)

    def attach(self, viewer: Viewer, address: str) -> None:
        """Note who attached a page, by its canonical address, where that is of use."""
        if self._people is not None and is_id(viewer.user):
            self._people.attach(viewer, address)

    def _may_share(self, connector: Connector, match: Match) -> bool:
        return not self._modes.are_narrowed or self._modes.may_share(connector.canonical(match))


def _carrying(token: AccessToken, request: UpstreamRequest) -> UpstreamRequest:
    headers = {"Authorization": f"Bearer {token.value}"}
    return replace(request, credential=replace(request.credential, headers=headers))


def _refuses(credential: Credential, response: UpstreamResponse) -> bool:
    """Tell whether a system refuses a credential; elsewhere it was not sent along."""
    is_home = read_address(response.url).origin == credential.origin
    return is_home and (response.status == 401 or response.verdict.outcome == "signed_out")


def credential_of(connection: Connection, request: UpstreamRequest) -> Credential:
    """Name the credential of a connection, for a request to the system: without its token yet."""
    return Credential(connection.identity, request.address.origin, {})
