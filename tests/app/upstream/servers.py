"""Real servers on the loopback address; each is a function of the raw connection."""

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.origins import host_of
from app.upstream import AddressGuard, Fetcher
from app.upstream.messages import ANONYMOUS, Credential, UpstreamRequest
from app.upstream.transport import GuardedAdapter

LOOPBACK = "127.0.0.1"
_HOUR = dt.timedelta(hours=1)


@dataclass
class Connection:
    """One connection, as a handler sees it."""

    socket: socket.socket
    ending: threading.Event
    requests: list[bytes]

    def request(self) -> bytes:
        """Read, keep and return the next request, without a body; empty at the end."""
        read = b""
        while not read.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                return b""
            read += byte
        self.requests.append(read)
        return read

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, every: float = 0.05) -> None:
        """Send byte by byte."""
        for byte in data:
            self.send(bytes([byte]))
            if self.wait(every):
                return

    def wait(self, seconds: float = 30.0) -> bool:
        """Wait, but not longer than the server lives."""
        return self.ending.wait(seconds)

    def reset(self) -> None:
        """Reset the connection instead of closing it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Handler = Callable[[Connection], None]


@dataclass
class Server:
    """What a server received: the number of connections, and each request in full."""

    port: int
    host: str = LOOPBACK
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{shown}:{self.port}"

    @property
    def targets(self) -> list[str]:
        """The path and query of each request, in order."""
        return [request.split(b" ")[1].decode() for request in self.requests]

    def headers(self, place: int = -1) -> dict[str, str]:
        """The headers of one request, names in lower case."""
        lines = self.requests[place].decode("latin-1").strip().split("\r\n")[1:]
        pairs = (line.split(": ", 1) for line in lines)
        return {name.lower(): value for name, value in pairs}


@contextmanager
def serving(
    handler: Handler, *, host: str = LOOPBACK, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve until the block ends; by then each connection that was made has been counted."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ending = threading.Event()
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []
    last_caller = socket.socket(family)
    last_caller.bind((host, 0))
    with socket.create_server((host, 0), family=family) as listener, last_caller:
        server = Server(listener.getsockname()[1], host, "https" if tls else "http")

        def handle(plain: socket.socket) -> None:
            # A client that disconnects or refuses the certificate is not an error of the server.
            with plain, suppress(OSError), _wrapped(plain, tls) as connected:
                sockets.append(connected)
                if isinstance(connected, ssl.SSLSocket):
                    connected.do_handshake()
                handler(Connection(connected, ending, server.requests))

        def accept() -> None:
            for number in count(1):
                connection, peer = listener.accept()
                if peer[1] == last_caller.getsockname()[1]:
                    connection.close()
                    return
                server.connections = number
                connection.settimeout(5)
                threads.append(threading.Thread(target=handle, args=(connection,)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            ending.set()
            last_caller.connect((host, server.port))
            accepting.join()
            for connected in sockets:
                with suppress(OSError):
                    socket.socket.shutdown(connected, socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _wrapped(plain: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    if tls is None:
        return plain
    return tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)


def answer(
    body: bytes = b"{}", *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """Build an answer; its Content-Length is the body's unless another is passed."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {location}", status=status)


def saying(*answers: bytes) -> Handler:
    """Answer each request of a connection with the next answer, and then always the last."""

    def handler(connection: Connection) -> None:
        asked = 0
        while connection.request():
            connection.send(answers[min(asked, len(answers) - 1)])
            asked += 1

    return handler


def routing(routes: dict[str, bytes]) -> Handler:
    """Answer by path and query; any other is a 404."""

    def handler(connection: Connection) -> None:
        while request := connection.request():
            target = request.split(b" ")[1].decode()
            connection.send(routes.get(target) or answer(b"", status="404 Not Found"))

    return handler


@contextmanager
def fetching(
    *allowed: str, deadline: float = 5.0, ca_bundle: str | None = None, **options: Any
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
