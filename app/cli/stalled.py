"""Ends connections that have stalled, so that no thread and no answer waits for one for ever.

The server bounds the time of a request's head. A body it hands to the application as a stream, on
which a thread waits for as long as the client likes; and an answer waits for as long as its client
does not read it. Nothing in WSGI, and no timer of the server, ends that. So the worker looks at its
connections itself: what the system tells of each (TCP_INFO) shows for how long a request has been
there that nothing has been sent for, or an answer that is not taken.
"""

import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# In seconds, between two looks. A look costs some microseconds for each connection.
INTERVAL: Final = 0.5
_DESCRIPTORS: Final = Path("/proc/self/fd")
# linux/tcp.h: the state; when data was last sent and received, in milliseconds before now; how many
# bytes wait to be sent; and in how many segments data was received and sent. From Linux 4.6 on.
_TCP_INFO: Final = struct.Struct("=B43xI4xI88xI4xII")
_ESTABLISHED: Final = 1
_LISTEN: Final = 10


@dataclass(frozen=True, slots=True)
class SocketState:
    """What the system tells of a connection; times are in seconds before now."""

    id: int
    sent: float
    received: float
    unsent: int
    segments_received: int
    segments_sent: int

    @property
    def is_asking(self) -> bool:
        """Whether something has come that nothing has been sent for."""
        if not self.segments_sent:
            return self.segments_received > 0
        return self.received < self.sent


class Stalled:
    """Finds the connections on which nothing has gone on for longer than `limit` seconds.

    That must be longer than any answer takes that does not wait for its client, and than the
    server keeps a connection without a request.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._since: dict[int, tuple[int, float]] = {}
        self._ports: set[int] = set()

    def has_stalled(self, connection: SocketState) -> bool:
        """Note how a connection is, and tell whether it has been so for too long."""
        if not connection.is_asking:
            # Its answer is not read; or, after a `100 Continue`, its body does not come.
            self._since.pop(connection.id, None)
            return connection.sent > self._limit
        now = self._clock()
        sent, since = self._since.get(connection.id, (-1, 0.0))
        # Where something was sent between two looks, this is another request.
        if sent != connection.segments_sent:
            since = now - connection.received
        self._since[connection.id] = (connection.segments_sent, since)
        return now - since > self._limit

    def look(self) -> None:
        """End what has stalled: a request's body, which can still be answered, or the answer."""
        seen = set()
        for each in _sockets():
            with suppress(OSError):
                info = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
                state, connection = _read(info, _inode(each))
                port = each.getsockname()[1]
                if state == _LISTEN:
                    self._ports.add(port)
                elif state == _ESTABLISHED and port in self._ports:
                    seen.add(connection.id)
                    # Its number may be another connection's by now.
                    if self.has_stalled(connection) and _inode(each) == connection.id:
                        each.shutdown(socket.SHUT_RDWR if connection.unsent else socket.SHUT_RD)
        self._since = {one: since for one, since in self._since.items() if one in seen}


def watch(stalled: Stalled) -> None:
    """Look again and again, in a thread of its own; where the system tells nothing, do nothing."""

    def keep_on() -> None:
        while True:
            time.sleep(INTERVAL)
            stalled.look()

    if _DESCRIPTORS.is_dir():
        threading.Thread(target=keep_on, name="placard-stalled", daemon=True).start()


def _sockets() -> Iterator[socket.socket]:
    """Yield each socket of this process by its number, and close none.

    Nor is a number duplicated: closing the duplicate of a file ends all locks that this process has
    on the file, and SQLite's writers would no longer wait for one another.
    """
    with os.scandir(_DESCRIPTORS) as listed:
        descriptors = [int(entry.name) for entry in listed]
    for number in descriptors:
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                each = socket.socket(fileno=number)
                try:
                    yield each
                finally:
                    each.detach()


def _inode(each: socket.socket) -> int:
    return os.fstat(each.fileno()).st_ino


def _read(info: bytes, inode: int) -> tuple[int, SocketState]:
    try:
        state, sent, received, *counts = _TCP_INFO.unpack(info)
    except struct.error:
        raise OSError("the system is too old to tell") from None
    return state, SocketState(inode, sent / 1000, received / 1000, *counts)
