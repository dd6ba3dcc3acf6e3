"""A server that plays faults."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from app.testing.faults import NetworkFault
from app.testing.servers import ClientConnection, serving, target_of

Choose = Callable[[], NetworkFault]


@contextmanager
def playing(choose: Choose, bodies: Mapping[str, bytes], port: int = 0) -> Iterator[int]:
    """Play a fault for each request, until the block ends; yields the port.

    `bodies` are the sound answers, by path and query.
    """

    def play(connection: ClientConnection) -> None:
        while target := _target(connection):
            choose().play(connection, target, bodies[target])

    with serving(play, port=port) as server:
        yield server.port


def _target(connection: ClientConnection) -> str:
    """Read a request with its body; return its path and query, or nothing at the end."""
    request = connection.request()
    connection.requests.clear()
    if not request or connection.body(request) is None:
        return ""
    return target_of(request)
