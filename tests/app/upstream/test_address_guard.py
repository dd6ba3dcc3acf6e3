import ipaddress
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import assume, example, given, strategies as st

from app.errors import AddressRefused
from app.upstream.address_guard import AddressGuard, is_public

SPECIAL_V4 = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
REFUSED = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "0.0.0.0",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.0.0.8",
    "192.0.0.9",
    "198.18.0.1",
    "198.19.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "::1%lo",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:20::1",
    "2606:50c0:8000::5efe:7f00:1",
    "2606:50c0:8000::200:5efe:7f00:1",
]
PUBLIC = ["8.8.8.8", "140.82.121.6", "1.1.1.1", "223.255.255.255", "2606:50c0:8000::153"]
# In no range that holds them for private, but none of them is a global unicast address either.
RESERVED_V6 = ["200::1", "400::1", "4000::1", "e000::1", "fe00::1"]

Embed = Callable[[int], int]
EMBEDDINGS: dict[str, Embed] = {
    "compatible": lambda v4: v4,
    "mapped": lambda v4: int(IPv6Address("::ffff:0:0")) | v4,
    "translated": lambda v4: int(IPv6Address("::ffff:0:0:0")) | v4,
    "nat64": lambda v4: int(IPv6Address("64:ff9b::")) | v4,
    "nat64-local": lambda v4: int(IPv6Address("64:ff9b:1::")) | v4,
    "6to4": lambda v4: int(IPv6Address("2002::")) | v4 << 80,
    "teredo-client": lambda v4: int(IPv6Address("2001::")) | v4 ^ 0xFFFFFFFF,
    "teredo-server": lambda v4: int(IPv6Address("2001::")) | v4 << 64,
    "isatap": lambda v4: int(IPv6Address("2606:50c0:8000::5efe:0:0")) | v4,
    "isatap-universal": lambda v4: int(IPv6Address("2606:50c0:8000::200:5efe:0:0")) | v4,
}


@pytest.mark.parametrize("text", REFUSED)
def test_special_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", RESERVED_V6)
def test_reserved_ipv6_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_global_unicast_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_ipv4_address_is_public_exactly_outside_the_special_ranges(address: IPv4Address) -> None:
    assert is_public(address) == (not any(address in network for network in SPECIAL_V4))


@pytest.mark.parametrize("network", SPECIAL_V4, ids=str)
def test_special_ipv4_range_is_refused_from_edge_to_edge(network: ipaddress.IPv4Network) -> None:
    first, last = network[0], network[-1]
    around = [IPv4Address(int(first) - 1)] if int(first) else []
    around += [IPv4Address(int(last) + 1)] if int(last) < 2**32 - 1 else []
    assert not is_public(first)
    assert not is_public(last)
    for neighbour in around:
        assert is_public(neighbour) == (not any(neighbour in other for other in SPECIAL_V4))


@pytest.mark.parametrize("embed", EMBEDDINGS.values(), ids=list(EMBEDDINGS))
@given(inner=st.integers(0, 2**32 - 1))
@example(inner=int(IPv4Address("8.8.8.8")))
@example(inner=int(IPv4Address("127.0.0.1")))
def test_an_ipv6_address_that_embeds_an_ipv4_address_is_not_public(
    embed: Embed, inner: int
) -> None:
    assert not is_public(IPv6Address(embed(inner)))


@given(st.integers(0, 2**128 - 1))
def test_ipv6_address_outside_global_unicast_is_not_public(number: int) -> None:
    address = IPv6Address(number)
    assume(address not in ip_network("2000::/3"))
    assert not is_public(address)


ODD_SPELLINGS = [
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "0x7f000001",
    "0X7F000001",
    "0x7f.1",
    "0x7f.0.0.0x1",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "127.0.0.01",
    "0",
    "8.8.2056",
    "134744072",
    "１２７.０.０.１",  # noqa: RUF001
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "١٢٧.٠.٠.١",  # noqa: RUF001
]


@pytest.mark.parametrize("spelling", ODD_SPELLINGS)
def test_odd_spelling_of_an_address_is_refused(spelling: str) -> None:
    with pytest.raises(AddressRefused, match="odd spelling"):
        AddressGuard().check_spelling(spelling, 443)


@pytest.mark.parametrize("text", REFUSED)
def test_special_address_is_refused_as_a_host(text: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().check_spelling(text, 443)


@pytest.mark.parametrize("host", ["[::1]", "[fe80::1%25eth0]", "[::ffff:127.0.0.1]"])
def test_bracketed_special_address_is_refused_as_a_host(host: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().check_spelling(host, 443)


@pytest.mark.parametrize(
    "host",
    [*PUBLIC, "[2606:50c0:8000::153]", "api.github.com", "localhost", "127.0.0.1.nip.io", "0x.dev"],
)
def test_name_or_public_address_passes_as_a_host(host: str) -> None:
    AddressGuard().check_spelling(host, 443)


def in_base(number: int, base: str) -> str:
    return {"decimal": f"{number}", "octal": f"0{number:o}", "hex": f"0x{number:x}"}[base]


bases = st.lists(st.sampled_from(["decimal", "octal", "hex"]), min_size=4, max_size=4)


@given(st.ip_addresses(v=4), st.integers(1, 4), bases)
def test_no_spelling_that_the_system_parses_reaches_a_special_address(
    address: IPv4Address, parts: int, chosen: Sequence[str]
) -> None:
    assume(not is_public(address))
    leading = list(address.packed[: parts - 1])
    last = int.from_bytes(address.packed[parts - 1 :])
    spelling = ".".join(
        in_base(number, base) for number, base in zip([*leading, last], chosen, strict=False)
    )
    assert socket.inet_aton(spelling) == address.packed
    with pytest.raises(AddressRefused):
        AddressGuard().check_spelling(spelling, 80)


@given(st.text())
def test_any_text_is_either_a_name_or_refused(host: str) -> None:
    try:
        AddressGuard().check_spelling(host, 80)
    except AddressRefused:
        return
    assert host.isascii()


@pytest.mark.parametrize("text", REFUSED)
def test_name_that_resolves_to_a_special_address_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused, match=r"api\.example resolves to"):
        AddressGuard().vet("api.example", 443, [text])


@pytest.mark.parametrize(
    "addresses", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"]], ids=["last", "first"]
)
def test_a_name_with_one_special_address_among_others_is_refused(addresses: list[str]) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().vet("api.example", 443, addresses)


def test_public_addresses_are_returned_once_each_in_order() -> None:
    addresses = ["8.8.8.8", "2606:50c0:8000::153", "8.8.8.8"]
    assert AddressGuard().vet("api.example", 443, addresses) == ["8.8.8.8", "2606:50c0:8000::153"]


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("git.internal", "git.internal"),
        ("git.internal", "GIT.internal"),
        ("git.internal", "git.internal."),
        ("git.internal:8443", "git.internal"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::1]:8443", "::1"),
    ],
)
def test_allowed_host_passes(allowed: str, host: str) -> None:
    guard = AddressGuard([allowed])
    guard.check_spelling(host, 8443)
    assert guard.vet(host, 8443, ["10.0.0.1"]) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("git.internal:8443", "git.internal"),
        ("git.internal", "other.internal"),
        ("git.internal", "git.internal.evil.example"),
        ("git.internal", "evil-git.internal"),
        ("127.0.0.1", "localhost"),
        ("[::1]:8443", "::1"),
    ],
)
def test_host_beside_the_allowed_one_is_refused(allowed: str, host: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard([allowed]).vet(host, 443, ["127.0.0.1"])


def test_allowed_address_does_not_allow_its_other_spellings() -> None:
    guard = AddressGuard(["127.0.0.1"])
    for spelling in ["2130706433", "127.1", "::ffff:127.0.0.1"]:
        with pytest.raises(AddressRefused):
            guard.check_spelling(spelling, 443)
