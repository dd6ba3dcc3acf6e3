"""The address guard: which addresses a connection may go to."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from app.errors import AddressRefused

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# The only part of IPv6 that is assigned; the rest is reserved, or not for connections.
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
# In addition to what `is_global` refuses: ranges that embed another address, which a gateway may
# translate into a private one, and ranges that older Pythons take for global.
_REFUSED_NETWORKS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # "this" network
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # 6to4 relay anycast
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local use
        "100::/64",  # discard
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, …
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)
# ISATAP embeds an IPv4 address after one of these interface identifiers, in any network.
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
_NUMBER: Final = r"(?:0x[0-9a-f]*|\d+)"
_LOOKS_NUMERIC: Final = re.compile(rf"{_NUMBER}(?:\.{_NUMBER})*\.?", re.ASCII | re.IGNORECASE)


class AddressGuard:
    """Allows connections to public addresses, and to the hosts that a setting allows.

    `allowed` holds `host` (any port) or `host:port`, in lower case, an IPv6 host in brackets.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(allowed)

    def check_spelling(self, host: str, port: int) -> None:
        """Refuse a host that is a private address, or an address in an odd spelling.

        Raises AddressRefused. A name passes: `vet` checks what it resolves to.
        """
        if self._allows(host, port):
            return
        address = _literal(host)
        if address is None and (_LOOKS_NUMERIC.fullmatch(host) or not host.isascii()):
            raise AddressRefused(f"{host!r} is an odd spelling of an address")
        if address is not None and not is_public(address):
            raise AddressRefused(f"{host} is not a public address")

    def vet(self, host: str, port: int, addresses: Iterable[str]) -> list[str]:
        """Return the addresses that a host resolved to, without duplicates.

        Raises AddressRefused if one of them is not public: a mix of both kinds is an attack.
        """
        unique = list(dict.fromkeys(addresses))
        if self._allows(host, port):
            return unique
        for text in unique:
            if not is_public(ipaddress.ip_address(text)):
                raise AddressRefused(f"{host} resolves to {text}, which is not a public address")
        return unique

    def _allows(self, host: str, port: int) -> bool:
        name = host.lower().rstrip(".")
        bracketed = f"[{name}]" if ":" in name else name
        return bracketed in self._allowed or f"{bracketed}:{port}" in self._allowed


def is_public(address: IpAddress) -> bool:
    """Tell whether an address is global unicast and embeds no other address."""
    return (
        address.is_global
        and not address.is_multicast
        and (address.version == 4 or address in _GLOBAL_UNICAST)
        and not _is_isatap(address)
        and not any(address in network for network in _REFUSED_NETWORKS)
    )


def _is_isatap(address: IpAddress) -> bool:
    return address.version == 6 and (int(address) >> 32) & 0xFFFFFFFF in _ISATAP


def _literal(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
