"""Listening sockets that systemd holds: a restart refuses no connection.

They are handed over as sd_listen_fds(3) describes: LISTEN_FDS of them, from descriptor 3 on, for
the process LISTEN_PID.
"""

import os
import socket
from contextlib import suppress
from typing import Final

from app.errors import ConfigurationError

_FIRST: Final = 3
_OF_TCP: Final = (socket.AF_INET, socket.AF_INET6)


def take_sockets(workers: int) -> list[socket.socket]:
    """Return the sockets that were handed over to this process, none where it is to make its own.

    No process that this one begins takes them for its own. Raises ConfigurationError where they are
    not TCP's, or more than workers: nobody would accept what waits at the rest.
    """
    meant_for, handed = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "0")
    os.environ.pop("LISTEN_FDNAMES", None)
    if meant_for != str(os.getpid()):
        return []
    count = _count(handed)
    if count > workers:
        raise ConfigurationError(
            f"--workers: {workers}, and systemd listens {count} times: let ListenStream stand in "
            "placard.socket once for each worker"
        )
    return [_listener(number) for number in range(_FIRST, _FIRST + count)]


def _count(handed: str) -> int:
    with suppress(ValueError):
        if (count := int(handed)) >= 0:
            return count
    raise ConfigurationError(
        f"LISTEN_FDS: {handed!r} is not a number of sockets; systemd sets it with LISTEN_PID, and "
        "whoever starts the service by hand sets neither"
    )


def _listener(number: int) -> socket.socket:
    with suppress(OSError):
        taken = socket.socket(fileno=number)
        if taken.family in _OF_TCP and taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            taken.settimeout(0)  # a worker waits for all that it has at once
            return taken
        taken.close()
    raise ConfigurationError(
        f"LISTEN_FDS: the descriptor {number} is not a listening socket of TCP; let each "
        "ListenStream in placard.socket be an address and a port, such as 127.0.0.1:8080"
    )
