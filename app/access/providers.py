"""The systems that people can sign in to, by this service's settings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.connectors import Connector
from app.connectors.addresses import read_address
from app.connectors.oauth import SYSTEMS, OAuthSystem, client_of, systems_of
from app.errors import ConfigurationError, ConnectionNeeded
from app.origins import Address, Server, is_named
from app.settings import Settings
from app.upstream.credentials import OAuthClientEntry
from app.upstream.oauth import OAuthClient
from templates_schemas.hints import did_you_mean

# Below `/auth`, beside those of systems: the host's sign-in, and what the pages load.
OWN_ADDRESSES: Final = ("host", "assets")


@dataclass(frozen=True, slots=True)
class Provider:
    """A system at one host, and the client that we are there."""

    system: OAuthSystem
    client: OAuthClient

    @property
    def name(self) -> str:
        """The name in our addresses: `github`."""
        return self.system.name

    @property
    def label(self) -> str:
        return self.system.label

    @property
    def host(self) -> str:
        """Where its pages are."""
        return self.system.host

    @property
    def origin(self) -> str:
        """The origin that is given the access token: what a connection is for."""
        return f"https://{self.system.api_host}"

    def serves(self, connector: Connector, address: Address) -> bool:
        """Tell whether a connector's request to an address may carry a person's access token."""
        only = self.system.connector
        may = connector.is_trusted if only is None else connector.name == only
        return may and address.parts.scheme == "https" and address.host == self.system.api_host


class Providers:
    """The providers, in the order in which people see them."""

    def __init__(self, providers: Iterable[Provider] = ()) -> None:
        self._providers = tuple(providers)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers)

    def of_request(self, connector: Connector, address: Address) -> Provider | None:
        """Return the provider whose token goes with a connector's request to an address."""
        return next((each for each in self._providers if each.serves(connector, address)), None)

    def named(self, name: str, host: str | None = None) -> Provider | None:
        """Return a provider by its name and the host of its pages; without one, the first."""
        named = (each for each in self._providers if each.name == name)
        return next((each for each in named if host in (None, each.host)), None)

    def at(self, origin: str) -> Provider | None:
        """Return the provider whose tokens go to an origin."""
        return next((each for each in self._providers if each.origin == origin), None)

    def reach(self, connector: Connector) -> bool:
        """Tell whether people can sign in to a system at any of a connector's hosts."""
        match = connector.match(read_address(connector.example))
        if match is None:
            return False
        pages = {match.host, *(each.host for each in self._providers)}
        named = (Server(host) for host in pages if is_named(host, connector.hosts))
        asked = (
            connector.request_for_person(replace(match, server=server))
            for server in (*named, *connector.servers)
        )
        return any(self.of_request(connector, request.address) for request in asked)


def why_nobody(connector: Connector) -> str:
    """Say why nobody can sign in to a connector's system."""
    system = next((each for each in SYSTEMS if each.label == connector.label), connector.oauth)
    if system is None:
        return "there is no way to"
    return f"{system.name.upper()}_CLIENT_ID and {system.name.upper()}_CLIENT_SECRET are not set"


def providers_of(
    settings: Settings,
    clients: Sequence[OAuthClientEntry] = (),
    connectors: Iterable[Connector] = (),
) -> Providers:
    """List the providers that there is a client for: in the settings, or in the credentials file.

    Raises ConfigurationError for a client of a system that is not known, and for a connector that
    takes the name of a system of the table.
    """
    rows = (*systems_of(settings), *_systems_of_connectors(connectors))
    made = [
        provider_of(row, *client)
        for row in rows
        if row.host != "*" and row.connector is None and (client := client_of(row, settings))
    ]
    return Providers([*made, *(_of_entry(entry, rows) for entry in clients)])


def provider_of(system: OAuthSystem, client_id: str, secret: str) -> Provider:
    """Make a provider of a row and our client there."""
    client = OAuthClient(
        authorize_url=system.url(system.authorize),
        token_url=system.url(system.token),
        client_id=client_id,
        client_secret=secret,
        scopes=system.scopes,
        parameters=system.parameters,
        revoke_url=system.url(system.revoke),
        revocation=system.revocation,
    )
    return Provider(system, client)


def _systems_of_connectors(connectors: Iterable[Connector]) -> Iterator[OAuthSystem]:
    taken = {*(system.name for system in SYSTEMS), *OWN_ADDRESSES}
    for connector in connectors:
        if connector.oauth is not None:
            if connector.oauth.name in taken:
                raise ConfigurationError(
                    f"PLACARD_CONNECTORS_FILE: {connector.name}: people sign in to a system of "
                    "this name otherwise; give the connector another name"
                )
            yield connector.oauth


def connection_needed(provider: Provider) -> ConnectionNeeded:
    """Say that a person must connect an account of a system first."""
    return ConnectionNeeded(
        provider.origin, sentence=f"Connect your {provider.label} account to see this."
    )


def _of_entry(entry: OAuthClientEntry, rows: Sequence[OAuthSystem]) -> Provider:
    candidates = [row for row in rows if row.name == entry.system]
    row = next((row for row in candidates if row.host == entry.host), None) or next(
        (row.at(entry.host) for row in candidates if row.host == "*"), None
    )
    if row is None:
        hint = did_you_mean(entry.system, {row.name for row in rows})
        raise ConfigurationError(
            f"PLACARD_CREDENTIALS_FILE: {entry.location}: {entry.system} at {entry.host} is not a "
            f"system that people can sign in to{hint}"
        )
    return provider_of(row, entry.id, entry.secret)
