"""Hand a command to server.py, and end as it ends: `client.py SOCKET ARGUMENT…`."""

import json
import os
import signal
import socket
import sys


def hand_over(
    server: str, arguments: list[str], variables: dict[str, str], folder: str, streams: list[int]
) -> tuple[socket.socket, int]:
    """Have a command begin; return where its status will be told, and its process."""
    umask = os.umask(0o077)
    os.umask(umask)
    command = {"arguments": arguments, "variables": variables, "folder": folder, "umask": umask}
    told = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    told.connect(server)
    socket.send_fds(told, [json.dumps(command).encode()], streams)
    return told, int(told.recv(16))


if __name__ == "__main__":
    # pathlib takes longer to load than all of this.
    folder = os.getcwd()  # noqa: PTH109
    told, process = hand_over(sys.argv[1], sys.argv[2:], dict(os.environ), folder, [0, 1, 2])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda sent, _: os.kill(process, sent))
    ended = told.recv(16)
    sys.exit(int(ended) % 256 if ended else "the process that has loaded placard has ended")
