"""Connections that have stalled: their requests' bodies end, and no other connection does."""

import fcntl
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.stalled import SocketState, Stalled
from tests.clock import Clock
from tests.waiting import PATIENCE

LIMIT = 10.0
# A request came 4 s ago on a connection that was answered on before, 6 s ago.
ASKING = SocketState(1, sent=6, received=4, unsent=0, segments_received=3, segments_sent=2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_request_stalls_once_it_was_there_for_too_long(clock: Clock) -> None:
    stalled = Stalled(LIMIT, clock)

    assert not stalled.has_stalled(ASKING)
    clock.now += 6
    assert not stalled.has_stalled(ASKING)
    clock.now += 1
    assert stalled.has_stalled(ASKING)


def test_body_that_dribbles_stalls_too(clock: Clock) -> None:
    stalled = Stalled(LIMIT, clock)
    looks = []
    for second in range(13):
        dribbling = replace(ASKING, sent=6 + second, received=0.5, segments_received=3 + second)
        looks.append(stalled.has_stalled(dribbling))
        clock.now += 1

    assert looks == [False] * 10 + [True] * 3


def test_request_after_an_answer_is_another_one(clock: Clock) -> None:
    stalled = Stalled(LIMIT, clock)
    stalled.has_stalled(ASKING)
    clock.now += 7

    assert not stalled.has_stalled(replace(ASKING, sent=1, received=0.5, segments_sent=3))
    clock.now += 9
    assert not stalled.has_stalled(replace(ASKING, sent=10, received=9.5, segments_sent=3))


def test_first_request_of_a_connection_stalls_though_it_came_as_that_was_made(
    clock: Clock,
) -> None:
    first = SocketState(1, sent=9, received=9, unsent=0, segments_received=1, segments_sent=0)
    stalled = Stalled(LIMIT, clock)

    assert not stalled.has_stalled(first)
    clock.now += 2
    assert stalled.has_stalled(first)


@pytest.mark.parametrize(("sent", "stalls"), [(9, False), (11, True)])
def test_answer_that_is_not_read_stalls(clock: Clock, sent: float, stalls: bool) -> None:
    unread = SocketState(1, sent, 20, unsent=4096, segments_received=1, segments_sent=50)

    assert Stalled(LIMIT, clock).has_stalled(unread) is stalls


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_only_what_has_stalled_is_ended(listener: socket.socket, clock: Clock) -> None:
    stalled = Stalled(LIMIT, clock)
    with ExitStack() as stack:

        def accepted(sent: bytes = b"") -> tuple[socket.socket, socket.socket]:
            """Connect, send something, and accept the connection."""
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            ours, _ = listener.accept()
            client.sendall(sent)
            ours.settimeout(5)
            return client, stack.enter_context(ours)

        _, silent = accepted()
        answered_client, answered = accepted(b"GET")
        assert answered.recv(10) == b"GET"
        answered.sendall(b"200")
        waiting_client, waiting = accepted(b"POST")
        assert waiting.recv(10) == b"POST"

        stalled.look()  # the first one finds the listener
        stalled.look()
        clock.now += LIMIT + 1
        stalled.look()

        assert waiting.recv(10) == b""
        waiting.sendall(b"408")
        assert waiting_client.recv(10) == b"408"
        for untouched in (silent, answered, answered_client):
            untouched.setblocking(False)
        assert answered_client.recv(10) == b"200"
        for untouched in (silent, answered, answered_client):
            with pytest.raises(BlockingIOError):
                untouched.recv(10)


def test_a_look_leaves_the_locks_of_files_alone(tmp_path: Path) -> None:
    """As SQLite's, which end when its process closes the file by any other number."""
    file = tmp_path / "locked"
    ask = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with file.open("wb") as locked:
        fcntl.lockf(locked, fcntl.LOCK_EX)
        Stalled(60).look()
        other = subprocess.run(
            [sys.executable, "-c", ask, file], capture_output=True, check=False, timeout=PATIENCE
        )
    assert b"BlockingIOError" in other.stderr
