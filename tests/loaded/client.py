"""Hand a command to server.py, and end as it ends: `client.py SOCKET ARGUMENT…`."""

import json
import os
import socket
import sys

umask = os.umask(0o077)
os.umask(umask)
command = {
    "arguments": sys.argv[2:],
    "variables": dict(os.environ),
    "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes longer to load than all of this
    "umask": umask,
}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [json.dumps(command).encode()], [0, 1, 2])
    ended = server.recv(1)
sys.exit(ended[0] if ended else "the process that has loaded placard has ended")
