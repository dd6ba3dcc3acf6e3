"""Ports of the loopback for the servers that tests and benches start."""

import secrets
import socket
from typing import Final

# Below the ports that outgoing connections are given, which come and go meanwhile.
LOWEST: Final = 10_000
HIGHEST: Final = 32_767


def free_port() -> int:
    """Return a port that nobody listens on, and that another process hardly takes too."""
    for _ in range(100):
        # Not of `random`, whose seed all processes of a run share.
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port of the loopback is free")
