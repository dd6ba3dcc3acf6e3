"""Granian, so that a stop loses no request: one listener for all workers, drained before its end.

Granian gives each worker a listener of its own. What the system has put into the queue of one and
no worker has accepted is reset when it closes, at every stop and whenever a worker dies.
"""

import contextlib
import ctypes
import socket
import struct
import sys
import time
from typing import Any, Final

from granian.server import MPServer

# Seconds. A client that was told it is connected has this long to send the handshake's last part.
HANDSHAKE: Final = 0.25
LONGEST_DRAIN: Final = 5.0
_POLL: Final = 0.01

# asm-generic/socket.h; Python has no name for it.
_SO_ATTACH_FILTER: Final = 26
# A classic BPF program, for a socket that sees segments from their TCP header on: it drops what
# asks for a new connection (of SYN and ACK, SYN only) and passes everything else.
_NO_NEW_CONNECTIONS: Final = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # only SYN?
    (0x06, 0, 0, 0),  # then drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass it whole
)
# linux/tcp.h: of a listener, `tcpi_unacked` is how many connections wait to be accepted.
_TCPI_UNACKED: Final = 24


class DrainingServer(MPServer):
    """Granian with one shared listener, whose queue is empty before the workers are told to stop.

    On Linux; elsewhere a connection that nobody has accepted yet may be reset by a stop.
    """

    _ssp: Any
    _shd: Any
    _sso: Any

    def _init_shared_socket(self) -> None:
        super()._init_shared_socket()  # type: ignore[no-untyped-call]
        if self._shd is None:
            # What granian does where it is not on Linux: build it once, and hand it to the workers.
            self._shd = self._ssp.build()
            self._sfd = self._shd.get_fd()
            self._ssp = None
            self._sso = socket.socket(fileno=self._sfd)
            self._sso.set_inheritable(True)

    def shutdown(self, exit_code: int = 0) -> None:
        """Take no new connection, let the workers accept those that are made, then stop them."""
        drain(self._sso)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]


def drain(listener: socket.socket) -> None:
    """Refuse new connections; return when those that were made before have been accepted.

    A client that connects meanwhile is not answered, tries again, and is refused once the listener
    is closed: it is never told that it is connected.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):  # a sandbox may not allow filters; it stops as granian does
        _refuse_new_connections(listener)
        began = time.monotonic()
        while time.monotonic() < began + HANDSHAKE or (
            _waiting(listener) and time.monotonic() < began + LONGEST_DRAIN
        ):
            time.sleep(_POLL)


def _refuse_new_connections(listener: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW_CONNECTIONS)
    held = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HP", len(_NO_NEW_CONNECTIONS), ctypes.addressof(held))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def _waiting(listener: socket.socket) -> int:
    """How many connections wait to be accepted."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCPI_UNACKED + 4)
    return int(struct.unpack_from("I", info, _TCPI_UNACKED)[0])
