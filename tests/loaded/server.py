"""Load `placard`, and fork for each command that client.py hands over: `server.py SOCKET`."""

import json
import os
import signal
import socket
import sys
from importlib import import_module

from app.__main__ import main
from app.cli import LOADED_WHEN_CALLED


def take_commands(path: str) -> None:
    """Fork for each command; return in the process that shall run it."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = listening.accept()
        if os.fork() == 0:
            break
        client.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listening.close()
    told, streams, _, _ = socket.recv_fds(client, 1 << 20, 3)
    if command := os.fork():
        _, status = os.waitpid(command, 0)
        client.send(bytes([os.waitstatus_to_exitcode(status) % 256]))
        os._exit(0)
    client.close()
    become(streams, **json.loads(told))


def become(
    streams: list[int], arguments: list[str], variables: dict[str, str], folder: str, umask: int
) -> None:
    """Take over what the client was started with."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    os.umask(umask)
    sys.argv[1:] = arguments


for module in LOADED_WHEN_CALLED.values():
    import_module(module)
take_commands(sys.argv[1])
sys.argv[0] = "placard"
main()
