import gc
import gzip
import os
import socket
import threading
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import UpstreamError, UpstreamTooLarge, UpstreamUnreachable, UpstreamUnreadable
from app.testing.servers import LOOPBACK, ClientConnection, Handler, answer, saying, serving
from app.upstream.client import Fetcher
from app.upstream.messages import UpstreamResponse
from app.upstream.policy import UpstreamPolicy
from tests.app.upstream.fetching import fetching, request_to
from tests.waiting import PATIENCE

MIB = 1_048_576
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


def fetch_from(handler: Handler, deadline: float = 30.0) -> UpstreamResponse:
    with serving(handler) as server, fetching(deadline=deadline) as fetcher:
        return fetcher.fetch(request_to(server.origin))


def with_length(body: bytes) -> bytes:
    return answer(body)


def in_chunks(body: bytes) -> bytes:
    parts = [body[at : at + 60_000] for at in range(0, len(body), 60_000)]
    return CHUNKED + b"\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in [*parts, b""])


def until_the_end(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body


def gzipped(body: bytes) -> bytes:
    return answer(gzip.compress(body, 1), "Content-Encoding: gzip")


def deflated(body: bytes) -> bytes:
    return answer(zlib.compress(body, 1), "Content-Encoding: deflate")


def once(sent: bytes) -> Handler:
    """Answer one request, then end the connection."""

    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(sent)

    return handler


framings = pytest.mark.parametrize(
    "framed", [with_length, in_chunks, until_the_end, gzipped, deflated]
)


@framings
@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB])
def test_a_body_of_up_to_one_mebibyte_is_complete(
    framed: Callable[[bytes], bytes], size: int
) -> None:
    body = (b"placard " * (MIB // 8))[:size]
    assert fetch_from(once(framed(body))).body == body


@framings
def test_body_of_one_byte_more_is_refused(framed: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UpstreamTooLarge):
        fetch_from(once(framed(b"x" * (MIB + 1))))


def test_a_decompression_bomb_is_refused_without_being_stored() -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    sent = answer(bomb, "Content-Encoding: gzip")
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamTooLarge):
            fetch_from(once(sent))
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


def test_a_decompression_bomb_in_layers_is_refused() -> None:
    layers = 20
    body = bytes(MIB * 2)
    for _ in range(layers):
        body = gzip.compress(body)
    encodings = ", ".join(["gzip"] * layers)
    with pytest.raises(UpstreamError):
        fetch_from(once(answer(body, f"Content-Encoding: {encodings}")))


@pytest.mark.parametrize(
    "head",
    [
        CHUNKED + b"\r\n",
        CHUNKED + b"Content-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["chunked", "chunked-gzip", "until-the-end"],
)
def test_endless_body_is_refused(head: bytes) -> None:
    compressing = zlib.compressobj(1, wbits=31) if b"gzip" in head else None

    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(head)
        while not connection.ending.is_set():
            part = os.urandom(8192)
            part = compressing.compress(part) if compressing else part
            framed = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
            connection.send(framed if b"chunked" in head else part)

    with pytest.raises(UpstreamTooLarge):
        fetch_from(handler)


@pytest.mark.parametrize("framed", [with_length, in_chunks, gzipped])
def test_body_of_a_redirect_is_bounded_too(framed: Callable[[bytes], bytes]) -> None:
    moved = framed(bytes(64 * MIB)).replace(b"200 OK\r\n", b"302 Found\r\nLocation: /\r\n", 1)
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamTooLarge):
            fetch_from(once(moved))
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


def reset_halfway(connection: ClientConnection) -> None:
    connection.request()
    connection.send(answer(b"x" * 10, length=20))
    connection.reset()


def reset_at_once(connection: ClientConnection) -> None:
    connection.request()
    connection.reset()


def end_at_once(connection: ClientConnection) -> None:
    connection.request()


BROKEN: dict[str, Handler] = {
    "shorter-than-its-length": once(answer(b"half", length=8)),
    "no-last-chunk": once(CHUNKED + b"\r\n4\r\nhalf\r\n"),
    "half-a-chunk": once(CHUNKED + b"\r\n8\r\nhalf"),
    "chunk-size-is-none": once(CHUNKED + b"\r\nzz\r\nhalf\r\n0\r\n\r\n"),
    "chunk-of-negative-size": once(CHUNKED + b"\r\n-5\r\nhalf\r\n"),
    "chunk-to-the-end": once(CHUNKED + b"\r\n-1\r\n" + b"{}"),
    "reset-before-the-answer": reset_at_once,
    "reset-halfway": reset_halfway,
    "end-before-the-answer": end_at_once,
    "garbage": once(b"\x00\xffSSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "status-is-none": once(b"HTTP/1.1 abc OK\r\n\r\n"),
    "half-a-status-line": once(b"HTTP/1."),
    "too-many-headers": once(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"),
    "header-too-long": once(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("handler", BROKEN.values(), ids=list(BROKEN))
def test_broken_answer_is_unreachable(handler: Handler) -> None:
    with pytest.raises(UpstreamUnreachable):
        fetch_from(handler)


def test_refused_connection_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        with fetching() as fetcher, pytest.raises(UpstreamUnreachable):
            fetcher.fetch(request_to(f"http://{LOOPBACK}:{unused.getsockname()[1]}/"))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(
    "body",
    [b"not compressed", b"\x1f\x8b\x08" + b"\xff" * 20, b"\x78\x9c" + b"\xff" * 20],
    ids=["plain", "like-gzip", "like-zlib"],
)
def test_broken_compression_is_unreadable(encoding: str, body: bytes) -> None:
    with pytest.raises(UpstreamUnreadable):
        fetch_from(once(answer(body, f"Content-Encoding: {encoding}")))


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answer_without_a_body_is_empty(status: str) -> None:
    response = fetch_from(once(f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode()))
    assert (response.status, response.body) == (int(status[:3]), b"")
    assert response.headers == {"etag": "x"}


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 410, 429, 500, 503])
def test_an_answer_of_any_status_is_returned(status: int) -> None:
    sent = answer(b'{"message": "m"}', "Retry-After: 7", status=f"{status} Whatever")
    response = fetch_from(once(sent))
    assert (response.status, response.body) == (status, b'{"message": "m"}')
    assert response.headers["retry-after"] == "7"


def test_connection_is_reused() -> None:
    with serving(saying(answer(b"1"), answer(b"2"))) as server, fetching() as fetcher:
        bodies = [fetcher.fetch(request_to(server.origin)).body for _ in range(2)]
    assert bodies == [b"1", b"2"]
    assert server.connections == 1


def test_connection_that_the_server_closed_is_replaced() -> None:
    closed = threading.Event()

    def handler(connection: ClientConnection) -> None:
        once(answer(b"1"))(connection)
        connection.socket.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(handler) as server, fetching() as fetcher:
        for _ in range(3):
            assert fetcher.fetch(request_to(server.origin)).body == b"1"
            assert closed.wait(PATIENCE)
            closed.clear()
    assert server.connections == 3


def test_the_connection_of_a_refused_body_is_not_reused() -> None:
    large = saying(answer(b"x" * (2 * MIB)), answer(b"small"))
    with serving(large) as server, fetching() as fetcher:
        for _ in range(2):
            with pytest.raises(UpstreamTooLarge):
                fetcher.fetch(request_to(server.origin))
    assert server.connections == 2


def test_failed_fetches_leave_no_thread_and_no_file_open() -> None:
    def mute(connection: ClientConnection) -> None:
        connection.request()
        connection.wait()

    faults = [
        reset_halfway,
        mute,
        BROKEN["garbage"],
        BROKEN["shorter-than-its-length"],
        once(answer(b"not compressed", "Content-Encoding: gzip")),
        once(answer(b"x" * (MIB + 1))),
    ]
    before = _threads_and_files()
    failures: Counter[type[UpstreamError]] = Counter()
    for fault in faults:
        patient = UpstreamPolicy(failures=1000)
        with serving(fault) as server, fetching(deadline=0.1, policy=patient) as fetcher:
            for place in range(12):
                failures[_failure(fetcher, f"{server.origin}/{place}")] += 1
    assert failures.total() == 72
    assert len(failures) == 4
    assert _threads_and_files() == before


def _failure(fetcher: Fetcher, url: str) -> type[UpstreamError]:
    with pytest.raises(UpstreamError) as failure:
        fetcher.fetch(request_to(url))
    return failure.type


def _threads_and_files() -> tuple[int, int]:
    """Count open files and threads, except the resolver's, which end when the system lets them."""
    gc.collect()  # errors hold on to their pool; a socket that is left open warns here
    threads = [t for t in threading.enumerate() if not t.name.startswith("resolver")]
    return len(threads), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Content-Length: 1234\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ],
    ids=["nothing", "length", "chunked", "gzip", "gzip chunked"],
)
def test_a_304_has_no_body_whatever_its_headers_say(headers: str) -> None:
    unchanged = f"HTTP/1.1 304 Not Modified\r\n{headers}\r\n".encode()
    with serving(saying(unchanged)) as server, fetching(deadline=1) as fetcher:
        for _ in range(2):
            got = fetcher.fetch(request_to(server.origin))
            assert (got.status, got.body) == (304, b"")
