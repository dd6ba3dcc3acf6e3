"""A server that plays faults."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

from app.testing.faults import NetworkFault
from app.testing.servers import LOOPBACK, ClientConnection, target_of

Choose = Callable[[], NetworkFault]


class _FaultServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128


@contextmanager
def playing(choose: Choose, bodies: Mapping[str, bytes], port: int = 0) -> Iterator[int]:
    """Play a fault for each request, until the block ends; yields the port.

    `bodies` are the sound answers, by path and query.
    """
    ending = threading.Event()
    idle: set[socket.socket] = set()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            connection = ClientConnection(self.request, ending, [])
            idle.add(self.request)
            # A client that disconnects is not an error of the server.
            with suppress(OSError):
                while target := _target(connection):
                    choose().play(connection, target, bodies[target])
            idle.discard(self.request)

    with _FaultServer((LOOPBACK, port), Handler) as server:
        serve = partial(server.serve_forever, poll_interval=0.01)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            ending.set()
            server.shutdown()
            thread.join()
            for connected in tuple(idle):
                with suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)


def _target(connection: ClientConnection) -> str:
    """Read a request with its body; return its path and query, or nothing at the end."""
    request = connection.request()
    connection.requests.clear()
    if not request or connection.body(request) is None:
        return ""
    return target_of(request)
