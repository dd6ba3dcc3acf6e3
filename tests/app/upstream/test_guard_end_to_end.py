"""The guard with real servers: without it, each refused request here would be answered."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest
import requests

from app.errors import AddressRefused, UpstreamError, UpstreamUnreachable
from app.testing.servers import LOOPBACK, answer, saying, serving
from app.upstream.address_guard import AddressGuard
from app.upstream.messages import UpstreamRequest
from app.upstream.transport import GuardedAdapter
from tests.app.upstream.fetching import fetching, request_to
from tests.waiting import PATIENCE

# What the tests' own guard, pytest-socket, lets through.
pytestmark = pytest.mark.allow_hosts(
    ["127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:0.0.0.0"]
)
LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f.0.0.0x1",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:0]",
]
IPV6_SPELLINGS = ["[::1]", "[0:0:0:0:0:0:0:1]", "[0::0001]"]

Resolve = Callable[..., list[str]]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Make the system resolve any name to the addresses given; returns the names it is asked."""

    def resolve(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
            return [
                (socket.AF_INET6 if ":" in text else socket.AF_INET, 1, 6, "", (text, port))
                for text in found
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return resolve


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every connection fail; returns the addresses that were dialled."""
    addresses: list[str] = []

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        addresses.append(address[0])
        raise OSError(errno.ENETUNREACH, "no network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return addresses


@pytest.mark.parametrize("spelling", LOOPBACK_SPELLINGS)
def test_spelling_of_loopback_is_refused_without_a_connection(spelling: str) -> None:
    with (
        serving(saying(answer())) as server,
        fetching("elsewhere.example") as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(f"http://{spelling}:{server.port}/"))
    assert server.connections == 0


@pytest.mark.parametrize("spelling", LOOPBACK_SPELLINGS)
def test_same_spelling_connects_where_it_is_allowed(spelling: str) -> None:
    with serving(saying(answer())) as server, fetching(spelling.lower()) as fetcher:
        assert fetcher.fetch(request_to(f"http://{spelling}:{server.port}/")).status == 200
    assert server.connections == 1


@pytest.mark.parametrize("spelling", LOOPBACK_SPELLINGS)
def test_the_transport_itself_refuses_loopback(spelling: str) -> None:
    with serving(saying(answer())) as server, requests.Session() as session:
        session.mount("http://", GuardedAdapter(AddressGuard()))
        with pytest.raises(AddressRefused):
            session.get(f"http://{spelling}:{server.port}/", timeout=PATIENCE)
    assert server.connections == 0


def test_transport_refuses_an_odd_spelling_of_a_public_address_too(dialled: list[str]) -> None:
    with requests.Session() as session:
        session.mount("http://", GuardedAdapter(AddressGuard()))
        with pytest.raises(AddressRefused):
            session.get("http://134744072/", timeout=PATIENCE)
    assert dialled == []


@pytest.fixture
def _ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


@pytest.mark.usefixtures("_ipv6")
@pytest.mark.parametrize("spelling", IPV6_SPELLINGS)
def test_ipv6_loopback_is_refused_without_a_connection(spelling: str) -> None:
    with (
        serving(saying(answer()), host="::1") as server,
        fetching("elsewhere.example") as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(f"http://{spelling}:{server.port}/"))
    assert server.connections == 0


@pytest.mark.usefixtures("_ipv6")
@pytest.mark.parametrize("spelling", IPV6_SPELLINGS)
def test_ipv6_loopback_connects_where_it_is_allowed(spelling: str) -> None:
    with serving(saying(answer()), host="::1") as server, fetching(spelling) as fetcher:
        assert fetcher.fetch(request_to(f"http://{spelling}:{server.port}/")).status == 200
    assert server.connections == 1


@pytest.mark.parametrize(
    "spelling", ["127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1", "[::127.0.0.1]", "[fe80::1%25lo]"]
)
def test_a_spelling_that_only_some_systems_parse_is_refused(spelling: str) -> None:
    with fetching("elsewhere.example") as fetcher, pytest.raises(AddressRefused):
        fetcher.fetch(request_to(f"http://{spelling}/"))


def test_allowed_port_does_not_allow_its_neighbours() -> None:
    with (
        serving(saying(answer())) as server,
        fetching(f"{LOOPBACK}:{server.port + 1}") as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(server.origin))
    assert server.connections == 0


@pytest.mark.parametrize(
    "found",
    [[LOOPBACK], ["140.82.121.6", LOOPBACK], [LOOPBACK, "140.82.121.6"]],
    ids=["private", "public-then-private", "private-then-public"],
)
def test_name_that_resolves_to_a_private_address_is_refused(
    resolve: Resolve, found: list[str]
) -> None:
    resolve(found)
    with (
        serving(saying(answer())) as server,
        fetching("elsewhere.example") as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(f"http://api.example:{server.port}/"))
    assert server.connections == 0


def test_same_name_connects_where_it_is_allowed(resolve: Resolve) -> None:
    resolve([LOOPBACK])
    with serving(saying(answer())) as server, fetching("api.example") as fetcher:
        fetcher.fetch(request_to(f"http://api.example:{server.port}/"))
    assert server.headers()["host"] == f"api.example:{server.port}"


def test_rebound_name_is_resolved_once_and_its_vetted_address_dialled(
    resolve: Resolve, dialled: list[str]
) -> None:
    asked = resolve(["140.82.121.6"], [LOOPBACK])
    with fetching("elsewhere.example") as fetcher, pytest.raises(UpstreamUnreachable):
        fetcher.fetch(request_to("http://api.example/"))
    assert asked == ["api.example"]
    assert dialled == ["140.82.121.6"]


def test_a_name_is_vetted_for_each_connection(resolve: Resolve, dialled: list[str]) -> None:
    resolve(["140.82.121.6"], [LOOPBACK])
    with fetching("elsewhere.example") as fetcher:
        with pytest.raises(UpstreamUnreachable):
            fetcher.fetch(request_to("http://api.example/"))
        with pytest.raises(AddressRefused):
            fetcher.fetch(request_to("http://api.example/"))
    assert dialled == ["140.82.121.6"]


def test_pooled_connection_is_not_resolved_again(resolve: Resolve) -> None:
    asked = resolve([LOOPBACK])
    with serving(saying(answer())) as server, fetching("api.example") as fetcher:
        for _ in range(2):
            fetcher.fetch(request_to(f"http://api.example:{server.port}/"))
    assert asked == ["api.example"]


def test_every_address_of_a_name_is_tried(resolve: Resolve) -> None:
    resolve(["::1", LOOPBACK])
    with serving(saying(answer())) as server, fetching("api.example") as fetcher:
        assert fetcher.fetch(request_to(f"http://api.example:{server.port}/")).status == 200


def test_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with fetching() as fetcher, pytest.raises(UpstreamUnreachable):
        fetcher.fetch(request_to("http://nowhere.example/"))


@pytest.mark.parametrize(
    "name",
    ["two..dots.example", "a" * 64 + ".example", "*.example"],
    ids=["empty-label", "long-label", "wildcard"],
)
def test_an_invalid_name_is_an_upstream_error(name: str) -> None:
    with fetching() as fetcher, pytest.raises(UpstreamError):
        fetcher.fetch(request_to(f"http://{name}/"))


@pytest.mark.parametrize("named", ["api.example", LOOPBACK, "localhost:{port}", "{port}"])
def test_host_that_the_request_does_not_name_is_refused(named: str) -> None:
    with serving(saying(answer())) as server, fetching() as fetcher:
        hosts = frozenset({named.format(port=server.port)})
        with pytest.raises(AddressRefused, match="not a host that the connector names"):
            fetcher.fetch(UpstreamRequest(server.origin, hosts))
    assert server.connections == 0


@pytest.mark.parametrize("userinfo", ["user:password", "user", ":password", ""])
def test_userinfo_is_refused(userinfo: str) -> None:
    with (
        serving(saying(answer())) as server,
        fetching() as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(f"http://{userinfo}@{LOOPBACK}:{server.port}/"))
    assert server.connections == 0


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "ws", "data"])
def test_scheme_other_than_http_is_refused(scheme: str) -> None:
    with fetching() as fetcher, pytest.raises(AddressRefused):
        fetcher.fetch(request_to(f"{scheme}://{LOOPBACK}/etc/passwd"))
