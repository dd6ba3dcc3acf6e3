"""Addresses that answer for others: `PLACARD_UPSTREAMS`."""

from collections.abc import Collection, Mapping
from urllib.parse import urljoin

from app.errors import AddressRefused
from app.origins import Address, is_loopback_host, origin_of, read_url
from app.upstream.messages import read_address


class StandIns:
    """Maps an origin to the one that stands in for it.

    By http a stand-in is given credentials only on this machine, or where it is one of
    `cleartext_hosts` (`host` or `host:port`).
    """

    def __init__(self, origins: Mapping[str, str], cleartext_hosts: Collection[str] = ()) -> None:
        self._origins = dict(origins)
        self._cleartext_hosts = frozenset(cleartext_hosts)

    def actual(self, address: Address) -> Address:
        """Put the stand-in's origin before an address's path, where it has a stand-in."""
        stand_in = self._origins.get(address.origin)
        if stand_in is None:
            return address
        parts = address.parts
        query = f"?{parts.query}" if parts.query else ""
        return read_address(stand_in.rstrip("/") + parts.path + query)

    def target(self, address: Address, location: str) -> Address:
        """Resolve a redirect; a stand-in that names itself means the one it stands in for."""
        try:
            target = read_url(urljoin(self.actual(address).url, location))
        except ValueError:
            raise AddressRefused("the address cannot be read") from None
        stand_in = self._origins.get(address.origin)
        if stand_in is None or target.origin != origin_of(stand_in):
            return target
        home = address.parts
        there = target.parts._replace(scheme=home.scheme, netloc=home.netloc)
        return read_address(there.geturl())

    def may_carry_credential(self, actual: Address) -> bool:
        """Tell whether nobody on the way to an address could read a credential, or all may."""
        host = actual.parts.hostname or ""
        names = {host, actual.host, actual.parts.netloc.lower()}
        is_private = actual.parts.scheme == "https" or is_loopback_host(host)
        return is_private or bool(names & self._cleartext_hosts)
