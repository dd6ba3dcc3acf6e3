import ssl
from pathlib import Path

import pytest

from app.errors import AddressRefused, UpstreamUnreachable
from app.testing.servers import LOOPBACK, answer, saying, serving
from app.upstream.address_guard import AddressGuard
from app.upstream.client import Fetcher
from app.upstream.transport import GuardedAdapter
from tests.app.upstream.fetching import certificate, fetching, request_to


def test_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, LOOPBACK)
    with (
        serving(saying(answer()), tls=context) as server,
        fetching() as fetcher,
        pytest.raises(UpstreamUnreachable),
    ):
        fetcher.fetch(request_to(server.origin))
    assert server.connections == 1
    assert server.requests == []


@pytest.mark.parametrize("name", [LOOPBACK, "localhost"])
def test_certificate_of_a_configured_authority_is_trusted(tmp_path: Path, name: str) -> None:
    context, ca_bundle = certificate(tmp_path, name)
    with (
        serving(saying(answer(b"safe")), tls=context) as server,
        fetching(name, ca_bundle=ca_bundle) as fetcher,
    ):
        url = f"https://{name}:{server.port}/"
        assert fetcher.fetch(request_to(url)).body == b"safe"
    assert server.targets == ["/"]


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("localhost", LOOPBACK),
        (LOOPBACK, "localhost"),
        ("api.example", LOOPBACK),
        ("*.localhost", "localhost"),
    ],
)
def test_certificate_for_another_name_is_refused(tmp_path: Path, named: str, asked: str) -> None:
    context, ca_bundle = certificate(tmp_path, named)
    with (
        serving(saying(answer()), tls=context) as server,
        fetching(asked, ca_bundle=ca_bundle) as fetcher,
        pytest.raises(UpstreamUnreachable),
    ):
        fetcher.fetch(request_to(f"https://{asked}:{server.port}/"))
    assert server.connections == 1
    assert server.requests == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authorities_of_the_environment_are_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    context, ca_bundle = certificate(tmp_path, LOOPBACK)
    monkeypatch.setenv(name, ca_bundle)
    with (
        serving(saying(answer()), tls=context) as server,
        fetching() as fetcher,
        pytest.raises(UpstreamUnreachable),
    ):
        fetcher.fetch(request_to(server.origin))
    assert server.requests == []


def test_transport_needs_only_a_guard_and_authorities(tmp_path: Path) -> None:
    context, ca_bundle = certificate(tmp_path, LOOPBACK)
    with serving(saying(answer(b"safe")), tls=context) as server:
        request = request_to(server.origin)
        guard = AddressGuard([LOOPBACK])
        fetcher = Fetcher(deadline=5, guard=guard, adapter=GuardedAdapter(guard, ca_bundle))
        assert fetcher.fetch(request).body == b"safe"
        with pytest.raises(UpstreamUnreachable):
            Fetcher(deadline=5, guard=guard, adapter=GuardedAdapter(guard)).fetch(request)
        other = GuardedAdapter(AddressGuard(), ca_bundle)
        with pytest.raises(AddressRefused):
            Fetcher(deadline=5, guard=AddressGuard(), adapter=other).fetch(request)
    assert server.connections == 2
    assert server.targets == ["/"]


def test_tls_connection_is_reused(tmp_path: Path) -> None:
    context, ca_bundle = certificate(tmp_path, LOOPBACK)
    with (
        serving(saying(answer()), tls=context) as server,
        fetching(ca_bundle=ca_bundle) as fetcher,
    ):
        for _ in range(2):
            fetcher.fetch(request_to(server.origin))
    assert server.connections == 1
    assert server.targets == ["/", "/"]


def test_server_of_an_outdated_protocol_is_refused(tmp_path: Path) -> None:
    context, ca_bundle = certificate(tmp_path, LOOPBACK)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        serving(saying(answer()), tls=context) as server,
        fetching(ca_bundle=ca_bundle) as fetcher,
        pytest.raises(UpstreamUnreachable),
    ):
        fetcher.fetch(request_to(server.origin))
    assert server.requests == []


def test_plain_server_behind_an_https_address_is_unreachable() -> None:
    with (
        serving(lambda connection: connection.send(answer())) as server,
        fetching() as fetcher,
        pytest.raises(UpstreamUnreachable),
    ):
        fetcher.fetch(request_to(f"https://{LOOPBACK}:{server.port}/"))
