"""The proxies before the service: who of those that a request names as its senders is believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from marshmallow import ValidationError, fields

MOST_PROXIES: Final = 10
IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """So many proxies (`count`), or those whose addresses are in `networks`.

    Each proxy adds the address that it was reached from at the end of `X-Forwarded-For`. What
    stands before the part that trusted proxies have written, anyone can have made up.
    """

    count: int = 0
    networks: tuple[Network, ...] = ()

    def client(self, peer: str, forwarded: str) -> str:
        """Return the client's address: of the connection's `peer`, and what the header says."""
        senders = [_address(word) for word in forwarded.split(",") if word.strip()]
        chain = [*senders, _address(peer)]
        # An address that cannot be read, nobody trustworthy has written.
        readable = chain[-_readable(chain) :] if _readable(chain) else []
        if not readable:
            return peer
        return str(self._by_network(readable) if self.networks else self._by_count(readable))

    def _by_count(self, chain: Sequence[IpAddress | None]) -> IpAddress | None:
        # With fewer senders than proxies, the request has not come through all of them.
        return chain[-1 - self.count] if len(chain) > self.count else chain[-1]

    def _by_network(self, chain: Sequence[IpAddress | None]) -> IpAddress | None:
        strangers = (each for each in reversed(chain) if each and not self._is_trusted(each))
        return next(strangers, chain[0])

    def _is_trusted(self, address: IpAddress) -> bool:
        return any(address in network for network in self.networks)

    def __str__(self) -> str:
        return ", ".join(map(str, self.networks)) if self.networks else str(self.count)


def _readable(chain: Sequence[IpAddress | None]) -> int:
    """Count the addresses at the end of a chain that can be read."""
    count = 0
    for address in reversed(chain):
        if address is None:
            break
        count += 1
    return count


def _address(text: str) -> IpAddress | None:
    """Read an address, also one with a port behind it."""
    word = text.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ip_address(word)
    except ValueError:
        return None
    # A listener for both kinds of address tells the older one in the newer one's form.
    return getattr(address, "ipv4_mapped", None) or address


class Proxies(fields.Field[TrustedProxies]):
    """A number of proxies, or comma-separated addresses and networks of them."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return str(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> TrustedProxies:
        text = str(value).strip()
        if text.isascii() and text.isdigit():
            if int(text) > MOST_PROXIES:
                raise ValidationError(f"must be from 0 to {MOST_PROXIES}, or networks")
            return TrustedProxies(count=int(text))
        try:
            words = [word.strip() for word in text.split(",") if word.strip()]
            networks = tuple(map(ip_network, words))
        except ValueError:
            networks = ()
        if not networks:
            raise ValidationError("is not a number of proxies, or networks such as `10.0.0.0/8`")
        return TrustedProxies(networks=networks)
