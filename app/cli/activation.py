"""Listening sockets that systemd holds: a restart refuses no connection.

They are handed over as sd_listen_fds(3) describes: LISTEN_FDS of them, from descriptor 3 on, for
the process LISTEN_PID.
"""

import os
import socket
from typing import Final

from app.errors import ConfigurationError

_FIRST: Final = 3


def take_sockets(workers: int) -> list[socket.socket]:
    """Return the sockets that were handed over to this process, none where it is to make its own.

    No process that this one begins takes them for its own. Raises ConfigurationError where there
    are more of them than workers: nobody would accept what waits at the rest.
    """
    meant_for, count = os.environ.pop("LISTEN_PID", ""), int(os.environ.pop("LISTEN_FDS", "0"))
    os.environ.pop("LISTEN_FDNAMES", None)
    if meant_for != str(os.getpid()):
        return []
    if count > workers:
        raise ConfigurationError(
            f"--workers: {workers}, and systemd listens {count} times: let ListenStream stand in "
            "placard.socket once for each worker"
        )
    taken = [socket.socket(fileno=number) for number in range(_FIRST, _FIRST + count)]
    for each in taken:
        each.settimeout(0)  # a worker waits for all that it has at once
    return taken
