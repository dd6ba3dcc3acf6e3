"""Real servers on the loopback address; each is a function of the raw connection."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

LOOPBACK: Final = "127.0.0.1"


@dataclass
class ClientConnection:
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

    def body(self, request: bytes) -> bytes | None:
        """Read the body of a request whose head was read; None where it breaks off."""
        left, read = _length_of(request), b""
        while left > len(read):
            piece = self.socket.recv(left - len(read))
            if not piece:
                return None
            read += piece
        return read

    def send(self, data: bytes) -> None:
        """Send all of these bytes."""
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


Handler = Callable[[ClientConnection], None]


@dataclass
class ReceivingServer:
    """What a server received: the number of connections, and each request in full."""

    port: int
    host: str = LOOPBACK
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """The server's origin, such as `http://127.0.0.1:40001`."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{shown}:{self.port}"

    @property
    def targets(self) -> list[str]:
        """The path and query of each request, in order."""
        return [target_of(request) for request in self.requests]

    def headers(self, index: int = -1) -> dict[str, str]:
        """The headers of one request, names in lower case."""
        return headers_of(self.requests[index])


@contextmanager
def serving(
    handler: Handler, *, host: str = LOOPBACK, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[ReceivingServer]:
    """Serve, on any port unless one is given, until the block ends.

    By then each connection that was made has been counted.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ending = threading.Event()
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []
    last_caller = socket.socket(family)
    last_caller.bind((host, 0))
    with socket.create_server((host, port), family=family, backlog=128) as listener, last_caller:
        server = ReceivingServer(listener.getsockname()[1], host, "https" if tls else "http")

        def handle(plain: socket.socket) -> None:
            # A client that disconnects or refuses the certificate is not an error of the server.
            with plain, suppress(OSError), _wrapped(plain, tls) as connected:
                sockets.append(connected)
                if isinstance(connected, ssl.SSLSocket):
                    connected.do_handshake()
                handler(ClientConnection(connected, ending, server.requests))

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
    """Build a redirect."""
    return answer(b"", f"Location: {location}", status=status)


def saying(*answers: bytes) -> Handler:
    """Answer each request of a connection with the next answer, and then always the last."""

    def handler(connection: ClientConnection) -> None:
        answered = 0
        while connection.request():
            connection.send(answers[min(answered, len(answers) - 1)])
            answered += 1

    return handler


def routing(routes: dict[str, bytes]) -> Handler:
    """Answer by path and query; any other is a 404."""

    def handler(connection: ClientConnection) -> None:
        while request := connection.request():
            connection.send(routes.get(target_of(request)) or answer(b"", status="404 Not Found"))

    return handler


def target_of(request: bytes) -> str:
    """Return the path and query of a request's head."""
    return request.split(b" ")[1].decode()


def headers_of(request: bytes) -> dict[str, str]:
    """Return the headers of a request's head, names in lower case."""
    lines = request.decode("latin-1").strip().split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _length_of(request: bytes) -> int:
    return int(headers_of(request).get("content-length", "0"))
