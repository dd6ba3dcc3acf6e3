"""Pooled connections: no request gets another's answer, and a closed one is replaced."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import UpstreamTimeout, UpstreamUnreachable
from app.testing.servers import LOOPBACK, ClientConnection, answer, serving
from app.upstream.wiring import build_fetcher
from tests.app.upstream.fetching import fetching, request_to
from tests.conftest import settings_with
from tests.waiting import PATIENCE

INTERIM = {
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "several": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
}


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
def test_each_request_gets_its_own_answer_after_an_interim_one(interim: bytes) -> None:
    def handler(connection: ClientConnection) -> None:
        while request := connection.request():
            connection.send(interim)
            connection.send(answer(request.split(b" ")[1]))

    with serving(handler) as server, fetching() as fetcher:
        answers = [fetcher.fetch(request_to(f"{server.origin}/{name}")) for name in "abc"]
    assert [(got.status, got.body) for got in answers] == [(200, b"/a"), (200, b"/b"), (200, b"/c")]
    assert server.connections == 1


def test_a_protocol_switch_that_was_not_requested_is_refused() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n")

    with serving(handler) as server, fetching() as fetcher, pytest.raises(UpstreamUnreachable):
        fetcher.fetch(request_to(server.origin))


def test_an_idle_connection_that_closes_on_use_is_replaced() -> None:
    connected: list[ClientConnection] = []

    def handler(connection: ClientConnection) -> None:
        connected.append(connection)
        connection.request()
        if len(connected) == 1:
            connection.send(answer(b"first"))
            connection.request()
            connection.socket.shutdown(socket.SHUT_RDWR)
        else:
            connection.send(answer(b"second"))

    with serving(handler) as server, fetching() as fetcher:
        bodies = [fetcher.fetch(request_to(server.origin)).body for _ in range(2)]
    assert bodies == [b"first", b"second"]
    assert server.connections == 2


def test_the_pool_keeps_a_connection_for_each_slot() -> None:
    slots = 12
    all_there = threading.Barrier(slots, timeout=PATIENCE)

    def handler(connection: ClientConnection) -> None:
        while connection.request():
            all_there.wait()
            connection.send(answer())

    fetcher = build_fetcher(settings_with(fetch_places=str(slots), allow_private_hosts=LOOPBACK))
    with serving(handler) as server, ThreadPoolExecutor(slots) as pool:
        for _ in range(2):
            list(pool.map(fetcher.fetch, [request_to(server.origin)] * slots))
    assert server.connections == slots


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_always_closes_gets_one_retry_of_a_get(method: str) -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.reset()

    with serving(handler) as server, fetching() as fetcher:
        asked = request_to(server.origin)
        object.__setattr__(asked, "method", method)
        with pytest.raises(UpstreamUnreachable):
            fetcher.fetch(asked)
    assert server.connections == {"GET": 2, "POST": 1}[method]


def test_an_answer_that_breaks_off_is_not_retried() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        connection.reset()

    with serving(handler) as server, fetching() as fetcher, pytest.raises(UpstreamUnreachable):
        fetcher.fetch(request_to(server.origin))
    assert server.connections == 1


def test_a_hanging_name_resolution_blocks_neither_the_exit_nor_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    real = socket.getaddrinfo

    def hang(*arguments: object) -> object:
        released.wait(PATIENCE)
        return real("127.0.0.1", 1)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with fetching("slow.example", deadline=0.2) as fetcher:
        for _ in range(3):
            with pytest.raises(UpstreamTimeout):
                fetcher.fetch(request_to("http://slow.example/"))
        left = [thread for thread in threading.enumerate() if thread.name == "resolver"]
        assert len(left) == 3
        assert all(thread.daemon for thread in left)
        released.set()
        for thread in left:
            thread.join(PATIENCE)
