"""A fetcher that may connect to the loopback, what it is asked, and a certificate for a server."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.origins import host_of
from app.testing.servers import LOOPBACK
from app.upstream.address_guard import AddressGuard
from app.upstream.client import Fetcher
from app.upstream.messages import ANONYMOUS, Credential, UpstreamRequest
from app.upstream.transport import GuardedAdapter

_HOUR = dt.timedelta(hours=1)


@contextmanager
def fetching(
    *allowed: str, deadline: float = 30.0, ca_bundle: str | None = None, **options: Any
) -> Iterator[Fetcher]:
    """Make a fetcher that may connect to loopback, or only to the hosts passed."""
    guard = AddressGuard(allowed or [LOOPBACK])
    with closing(options.pop("adapter", None) or GuardedAdapter(guard, ca_bundle)) as adapter:
        yield Fetcher(deadline=deadline, guard=guard, adapter=adapter, **options)


def request_to(
    url: str,
    *more_hosts: str,
    credential: Credential = ANONYMOUS,
    headers: dict[str, str] | None = None,
) -> UpstreamRequest:
    """Ask for an address, which names its own host and more."""
    hosts = set(more_hosts)
    with suppress(ValueError):  # a host that is not valid has no name to be known by
        hosts.add(host_of(urlsplit(url)))
    return UpstreamRequest(url, frozenset(hosts), headers=headers or {}, credential=credential)


def certificate(
    folder: Path, *names: str, now: dt.datetime | None = None, age: dt.timedelta = _HOUR
) -> tuple[ssl.SSLContext, str]:
    """Make a certificate that signs itself: a server's context, and the file to trust.

    It holds from its `age` before `now` to an hour after that.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Placard's tests")])
    now = now or dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now + _HOUR)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = made.public_bytes(Encoding.PEM)
    (folder / "key.pem").write_bytes(private)
    (folder / "ca.pem").write_bytes(public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context, str(folder / "ca.pem")


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
