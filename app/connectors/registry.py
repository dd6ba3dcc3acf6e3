"""Finds the connector of an address, by the names of hosts."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar
from urllib.parse import SplitResult

from app.connectors.addresses import Match, ResourceUrl, malformed, read_address
from app.connectors.base import Connector
from app.errors import NoConnector
from app.origins import Server, host_of, is_named, names_of


class ConnectorRegistry:
    """The connectors by the names of their hosts, so that only those of a host are asked.

    `home` is this service's own address: of an address below it, the connectors match what follows.
    What an address means may be cached, unless the registry `may_change`.
    """

    may_change: ClassVar[bool] = False

    def __init__(self, connectors: Iterable[Connector], home: SplitResult | None = None) -> None:
        self._home = Server(host_of(home), home.path) if home else None
        self._connectors = tuple(connectors)
        self._by_name: dict[str, dict[int, Connector]] = {}
        for index, connector in enumerate(self._connectors):
            for name in connector.hosts:
                self._by_name.setdefault(name, {})[index] = connector

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """All of them, in their order."""
        return self._connectors

    def find(self, text: str) -> tuple[Connector, Match]:
        """Return the first connector, in their order, that serves an address.

        Raises NoConnector, or MalformedRequest where the text is not a valid address.
        """
        address = read_address(text)
        base = self._base_of(address)
        relative = address.below(base) or address
        candidates = tuple(self._of(address.host))
        for connector in candidates:
            match = connector.match(relative)
            if match is not None:
                server = replace(match.server, base=base + match.server.base)
                return connector, replace(match, server=server)
        if " " in text:
            # A project's name may hold one, so a connector has the first say.
            raise malformed("holds a blank")
        if not candidates:
            raise NoConnector(f"no connector has the host {address.host}")
        example = candidates[0].example
        raise NoConnector(f"{address.host} is supported, but not this page; one that is: {example}")

    def searched_servers(self, connector: Connector, hosts: Iterable[str]) -> tuple[Server, ...]:
        """List the servers of a connector that may be searched; `hosts` have a credential."""
        named = {server.host: server for server in connector.search_servers}
        for host in hosts:
            if is_named(host, connector.hosts):
                server = self._home if self._home and host == self._home.host else Server(host)
                named.setdefault(host, server)
        return tuple(named.values())

    def _base_of(self, address: ResourceUrl) -> str:
        if self._home is None or address.host != self._home.host:
            return ""
        return self._home.base if address.below(self._home.base) else ""

    def _of(self, host: str) -> Iterable[Connector]:
        named = [self._by_name[name] for name in names_of(host) if name in self._by_name]
        if len(named) == 1:
            return named[0].values()
        # A host's own name and its parent's: the order of the list goes across both.
        both = {index: connector for found in named for index, connector in found.items()}
        return [both[index] for index in sorted(both)]


def find(address: str, connectors: Iterable[Connector]) -> tuple[Connector, Match]:
    """Find an address among some connectors, as `ConnectorRegistry.find` does."""
    return ConnectorRegistry(connectors).find(address)
