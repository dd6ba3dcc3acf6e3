"""What becomes of connections that nobody has accepted yet when the service stops."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.cli import server
from app.cli.server import drain

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has socket filters")


@on_linux
@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_who_is_connected_is_waited_for_and_who_is_not_is_refused(
    host: str, family: socket.AddressFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HANDSHAKE", 0.0)
    with socket.create_server((host, 0), family=family) as listener, ThreadPoolExecutor(1) as pool:
        address = listener.getsockname()[:2]
        early = socket.create_connection(address, timeout=5)
        early.sendall(b"a request")
        draining = pool.submit(drain, [listener])
        # Its SYN finds no answer, as if it had been lost on its way.
        with socket.socket(family) as late:
            late.settimeout(0.3)
            with pytest.raises(TimeoutError):
                late.connect(address)
        assert not draining.done()
        accepted, _ = listener.accept()
        draining.result(5)
        listener.close()
        with early, accepted:
            assert accepted.recv(100) == b"a request"
            accepted.sendall(b"an answer")
            assert early.recv(100) == b"an answer"
            early.sendall(b"another request")
            assert accepted.recv(100) == b"another request"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


@on_linux
def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_DRAIN", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        drain([listener])


def test_where_there_are_no_filters_it_goes_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_SO_ATTACH_FILTER", -1)
    monkeypatch.setattr(server, "HANDSHAKE", 3600.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        drain([listener])
