"""A fetch ends at its deadline. However busy the machine is: a fetch that kept no deadline would
hear how the server ends at last, and each wait of a socket is given only what is left.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest

from app.errors import UpstreamTimeout
from app.testing.servers import (
    LOOPBACK,
    ClientConnection,
    Handler,
    answer,
    redirect,
    saying,
    serving,
)
from app.upstream import transport
from app.upstream.transport import remaining, within
from tests.app.upstream.fetching import certificate, fetching, request_to
from tests.waiting import PATIENCE

DEADLINE = 0.2
AMPLE = 60.0
STEP = 0.05


@contextmanager
def timing_out() -> Iterator[None]:
    """Expect a timeout, and not before the deadline."""
    began = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        yield
    assert time.monotonic() - began > DEADLINE * 0.8


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each handshake and each reading of ours may wait, in seconds."""
    told: list[float] = []

    def telling(wait: Callable[..., Any]) -> Callable[..., Any]:
        def told_wait(self: socket.socket, *given: Any) -> Any:
            if isinstance(self, transport._UnderDeadline):
                told.append(self.gettimeout() or inf)
            return wait(self, *given)

        return told_wait

    for kind, name in (
        (socket.socket, "recv_into"),
        (ssl.SSLSocket, "recv_into"),
        (ssl.SSLSocket, "do_handshake"),
    ):
        monkeypatch.setattr(kind, name, telling(getattr(kind, name)))
    return told


def silent(connection: ClientConnection) -> None:
    connection.wait()


def mute(connection: ClientConnection) -> None:
    connection.request()
    connection.wait()


def dripping(whole: bytes, dripped: bytes) -> Handler:
    """Send the first part of an answer at once, and the rest byte by byte."""

    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(whole)
        connection.drip(dripped)
        connection.wait()

    return handler


def stalled_halfway(connection: ClientConnection) -> None:
    connection.request()
    connection.send(answer(b"x" * 10, length=20))
    connection.wait()


def endlessly_continuing(connection: ClientConnection) -> None:
    connection.request()
    while not connection.wait(0.02):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")


SLOW: dict[str, Handler] = {
    "silent": silent,
    "mute-after-request": mute,
    "status-line-drips": dripping(b"", b"HTTP/1.1 200 " + b"O" * 1000),
    "headers-drip": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 90),
    "header-value-drips": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
    "body-drips": dripping(answer(b"", length=1000), b"x" * 1000),
    "body-without-length-drips": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000),
    "chunks-drip": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 200
    ),
    "chunk-size-drips": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 1000
    ),
    "trailers-drip": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 200
    ),
    "gzip-drips": dripping(
        answer(b"", "Content-Encoding: gzip", length=1000),
        b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"x" * 990,  # a header with an endless file name
    ),
    "body-stalls": stalled_halfway,
    "endless-continue": endlessly_continuing,
}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    return certificate(tmp_path_factory.mktemp("tls"), LOOPBACK)


@pytest.mark.parametrize("handler", SLOW.values(), ids=list(SLOW))
def test_slow_server_times_out_at_the_deadline(handler: Handler) -> None:
    with serving(handler) as server, fetching(deadline=DEADLINE) as fetcher, timing_out():
        fetcher.fetch(request_to(server.origin))


@pytest.mark.parametrize("name", ["silent", "headers-drip", "body-drips", "body-stalls"])
def test_slow_tls_server_times_out_at_the_deadline(
    name: str, tls: tuple[ssl.SSLContext, str]
) -> None:
    context, ca_bundle = tls
    with (
        serving(SLOW[name], tls=context) as server,
        fetching(deadline=DEADLINE, ca_bundle=ca_bundle) as fetcher,
        timing_out(),
    ):
        fetcher.fetch(request_to(server.origin))


def handshake_that_drips(connection: ClientConnection) -> None:
    connection.send(b"\x16\x03\x03\x40\x00")  # the head of a TLS record of 16 KiB
    connection.drip(b"\x02" * 1000)


@pytest.mark.parametrize("handler", [silent, handshake_that_drips], ids=["silent", "drips"])
def test_tls_handshake_that_does_not_end_times_out(handler: Handler) -> None:
    with serving(handler) as server, fetching(deadline=DEADLINE) as fetcher, timing_out():
        fetcher.fetch(request_to(f"https://{LOOPBACK}:{server.port}/"))


def test_slow_connect_leaves_the_handshake_only_the_rest(
    waits: list[float], tls: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, ca_bundle = tls
    connect = socket.socket.connect

    def slow_connect(self: socket.socket, address: Any) -> None:
        time.sleep(STEP)
        waits.clear()
        connect(self, address)

    with (
        serving(saying(answer()), tls=context) as server,
        fetching(deadline=AMPLE, ca_bundle=ca_bundle) as fetcher,
        monkeypatch.context() as patched,
    ):
        patched.setattr(transport._Socket, "connect", slow_connect)
        fetcher.fetch(request_to(server.origin))
    assert len(waits) > 1
    assert max(waits) <= AMPLE - STEP


def test_connection_that_breaks_past_the_deadline_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def break_late(_: socket.socket, address: Any) -> None:
        time.sleep(0.06)
        raise ConnectionResetError(address)

    monkeypatch.setattr(socket.socket, "connect", break_late)
    with fetching(deadline=0.05) as fetcher, pytest.raises(UpstreamTimeout):
        fetcher.fetch(request_to(f"http://{LOOPBACK}/"))


def test_server_that_never_accepts_times_out() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        address = listener.getsockname()
        first.connect(address)
        second.settimeout(0.2)
        try:
            second.connect(address)
            pytest.skip("this system keeps more connections waiting than it is asked to")
        except TimeoutError:
            pass
        with fetching(deadline=DEADLINE) as fetcher, timing_out():
            fetcher.fetch(request_to(f"http://{LOOPBACK}:{address[1]}/"))


def test_redirects_share_one_deadline(waits: list[float]) -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.wait(STEP)
        waits.clear()
        connection.send(redirect("/next"))
        connection.request()
        connection.send(answer())

    with serving(handler) as server, fetching(deadline=AMPLE) as fetcher:
        fetcher.fetch(request_to(server.origin))
    assert server.targets == ["/", "/next"]
    assert waits
    assert max(waits) <= AMPLE - STEP


@pytest.fixture
def slow_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Make each resolution of a name last until the event."""
    go_on = threading.Event()
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *rest: Any) -> Any:
        go_on.wait(PATIENCE)
        return resolve(LOOPBACK, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield go_on
    go_on.set()


def test_slow_name_resolution_times_out(slow_resolver: threading.Event) -> None:
    with fetching(deadline=DEADLINE) as fetcher, timing_out():
        fetcher.fetch(request_to("http://api.example/"))


def test_name_resolution_counts_toward_the_deadline(
    slow_resolver: threading.Event, waits: list[float]
) -> None:
    soon = threading.Timer(STEP, slow_resolver.set)
    with serving(saying(answer())) as server, fetching("api.example", deadline=AMPLE) as fetcher:
        soon.start()
        fetcher.fetch(request_to(f"http://api.example:{server.port}/"))
    soon.join()
    assert server.targets == ["/"]
    assert waits
    assert max(waits) < AMPLE - STEP / 2


def test_a_slow_answer_in_time_is_complete() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.drip(answer(b"slow but whole"), every=0.001)

    with serving(handler) as server, fetching() as fetcher:
        assert fetcher.fetch(request_to(server.origin)).body == b"slow but whole"


def test_pooled_connection_is_under_the_deadline_of_its_own_fetch() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(answer())
        mute(connection)

    with serving(handler) as server, fetching(deadline=DEADLINE) as fetcher:
        fetcher.fetch(request_to(server.origin))
        with timing_out():
            fetcher.fetch(request_to(server.origin))
    assert server.connections == 1


def test_late_answer_is_not_taken_for_the_next_one() -> None:
    given_up = threading.Event()

    def handler(connection: ClientConnection) -> None:
        while request := connection.request():
            late = b"/late" in request
            assert not late or given_up.wait(PATIENCE)
            connection.send(answer(b"late" if late else b"own"))

    with serving(handler) as server, fetching(deadline=DEADLINE) as fetcher:
        with pytest.raises(UpstreamTimeout):
            fetcher.fetch(request_to(f"{server.origin}/late"))
        given_up.set()
        fetcher.deadline = 5.0
        assert fetcher.fetch(request_to(f"{server.origin}/own")).body == b"own"
    assert server.connections == 2


def test_nothing_is_left_past_the_deadline() -> None:
    with within(0), pytest.raises(TimeoutError):
        remaining()


def test_without_a_deadline_time_is_not_bounded() -> None:
    assert remaining() is None


def test_deadline_ends_with_its_block() -> None:
    with within(60):
        assert 59 < (remaining() or 0) <= 60
        with within(0):
            pass
        assert 59 < (remaining() or 0) <= 60


def test_an_inner_deadline_does_not_extend_the_outer_one() -> None:
    with within(10), within(60):
        assert 9 < (remaining() or 0) <= 10
