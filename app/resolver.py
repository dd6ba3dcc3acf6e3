"""From an address to the request that is sent for it: who serves it, and with whose credential."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from app.access import Access, AccessMode, Connection, Provider, credential_of
from app.connectors import Connector, ConnectorRegistry, Match
from app.errors import PlacardError
from app.telemetry import trace
from app.telemetry.logs import add_log_fields
from app.upstream.messages import UpstreamRequest
from app.verification import NOBODY, Viewer

# The size of the LRU cache of resolved addresses, 1.6 kB each. To resolve one takes as long as all
# else that a warm answer needs. Longer addresses are not cached, nor those that are not in ASCII,
# whose characters take up to four bytes.
RESOLVED_KEPT: Final = 16_384
RESOLVED_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class ResolvedRequest:
    """What an address means: who serves it, what to ask the upstream, and the cache's key.

    Where there is a `provider`, it is asked with a person's own credential, that of `connection`.
    """

    connector: Connector
    match: Match
    request: UpstreamRequest
    key: str
    mode: AccessMode = "shared"
    provider: Provider | None = None
    connection: Connection | None = None

    @property
    def canonical(self) -> str:
        """The one address of the resource, whatever form of it was given."""
        return self.connector.canonical(self.match)


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """What a kept card needs of a resolved address: its key, and what the log tells of it."""

    key: str
    connector: str
    identity: str


class Resolver:
    """Resolves addresses; what does not depend on a person is remembered.

    Of `known_addresses` addresses it remembers what a kept card needs, in 0.4 kB each.
    """

    def __init__(
        self,
        registry: ConnectorRegistry,
        access: Access,
        known_addresses: int = RESOLVED_KEPT,
    ) -> None:
        self.registry = registry
        self.access = access
        self._resolve_kept = lru_cache(RESOLVED_KEPT)(self._resolve)
        self._known_kept = lru_cache(known_addresses)(self._known)

    def resolve(self, address: str, viewer: Viewer = NOBODY) -> ResolvedRequest:
        """Find who serves an address, what to ask for, and with whose credential.

        Raises NoConnector or MalformedRequest; and as `Access.connection` does, where the
        credential is a person's.
        """
        with trace.step("match") as facts:
            # Whose credential it is may change at any time, and is not remembered.
            resolved = self._remembered(address, viewer.workspace)
            if trace.is_recording():
                facts.update(
                    connector=resolved.connector.name,
                    parts=dict(resolved.match.parameters),
                    pattern=resolved.connector.path.pattern,
                )
        if resolved.provider is not None:
            resolved = self._with_connection(resolved, resolved.provider, viewer)
        add_log_fields(
            connector=resolved.connector.name, credential=resolved.request.credential.identity
        )
        return resolved

    def known(self, address: str, viewer: Viewer = NOBODY) -> KnownAddress | None:
        """Return what a kept card needs, where that is remembered and depends on no person.

        Raises NoConnector or MalformedRequest.
        """
        if self._forgets(address, viewer.workspace):
            return None
        return self._known_kept(address, viewer.workspace)

    def identity_for(self, address: str, viewer: Viewer = NOBODY) -> str | None:
        """Name the credential that an address would be asked with.

        None where nobody serves it, or the viewer must connect an account first.
        """
        try:
            resolved = self._remembered(address, viewer.workspace)
            if resolved.provider is not None:
                resolved = self._with_connection(resolved, resolved.provider, viewer)
        except PlacardError:
            return None
        return resolved.request.credential.identity

    def own_accounts(self, viewer: Viewer) -> frozenset[str]:
        """Name the credentials of the viewer's own accounts."""
        try:
            return self.access.own_accounts(viewer)
        except PlacardError:
            return frozenset()

    def note_attached(self, viewer: Viewer, resolved: ResolvedRequest) -> None:
        """Note who attached a page: in the mode `attached`, that person's account shows it."""
        if resolved.mode == "attached" and resolved.provider is not None:
            self.access.attach(viewer, resolved.canonical)

    def forget(self) -> None:
        """Forget what addresses mean."""
        self._resolve_kept.cache_clear()
        # After it, since it is filled from there.
        self._known_kept.cache_clear()

    def _forgets(self, address: str, workspace: str | None) -> bool:
        length = len(address) + len(workspace or "")
        return self.registry.may_change or length > RESOLVED_LONGEST or not address.isascii()

    def _remembered(self, address: str, workspace: str | None) -> ResolvedRequest:
        forgets = self._forgets(address, workspace)
        return (self._resolve if forgets else self._resolve_kept)(address, workspace)

    def _known(self, address: str, workspace: str | None) -> KnownAddress | None:
        resolved = self._resolve_kept(address, workspace)
        if resolved.provider is not None:
            return None
        identity = resolved.request.credential.identity
        return KnownAddress(resolved.key, resolved.connector.name, identity)

    def _resolve(self, address: str, workspace: str | None) -> ResolvedRequest:
        """Resolve what does not depend on a person."""
        connector, match = self.registry.find(address)
        ask = self.access.ask(connector, match, workspace)
        key = key_of(connector, ask.request)
        return ResolvedRequest(connector, match, ask.request, key, ask.mode, ask.provider)

    def _with_connection(
        self, resolved: ResolvedRequest, provider: Provider, viewer: Viewer
    ) -> ResolvedRequest:
        """Return the request with the credential of a person."""
        address = resolved.canonical
        with trace.step("access", mode=resolved.mode, system=provider.label) as facts:
            connection = self.access.connection(resolved.mode, provider, viewer, address)
            facts.update(login=connection.login, is_own=connection.user == viewer.user)
        credential = credential_of(connection, resolved.request)
        request = replace(resolved.request, credential=credential)
        key = key_of(resolved.connector, request)
        return replace(resolved, request=request, key=key, connection=connection)


def key_of(connector: Connector, request: UpstreamRequest) -> str:
    """Return the cache key: the connector, the request, and the credential's identity."""
    headers = sorted((name.lower(), value) for name, value in request.headers.items())
    body = "" if request.body is None else hashlib.sha256(request.body).hexdigest()
    looked_up = f"{request.lookup.url} " if request.lookup else ""
    otherwise = f" {request.fallback.url}" if request.fallback else ""
    url = f"{looked_up}{request.url}{otherwise}"
    parts = (connector.name, connector.revision, request.method, url, body, headers)
    return "\n".join([*map(str, parts), request.credential.identity])
