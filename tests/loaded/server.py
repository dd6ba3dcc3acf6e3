"""Load `placard`, and fork for each command that client.py hands over: `server.py SOCKET`."""

import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module
from typing import Final

from app.__main__ import main
from app.cli import LOADED_WHEN_CALLED
from app.cli.workers import end_with_parent
from app.upstream.transport import tls_context

# What a service loads where a part of it is on.
PARTS: Final = (
    "granian.server.mp",
    "app.access.wiring",
    "app.devtools.preview",
    "app.factory",
    "app.library.wiring",
    "app.web.sign_in",
)


def take_commands(path: str) -> None:
    """Fork for each command; return in the process that shall run it."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen()
    signal.signal(signal.SIGCHLD, wait_for_ended)
    while True:
        client, _ = listening.accept()
        if os.fork() == 0:
            break
        client.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_with_parent()
    listening.close()
    told, streams, _, _ = socket.recv_fds(client, 1 << 20, 3)
    if command := os.fork():
        client.send(str(command).encode())
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(command, 0)
        client.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    end_with_parent()
    client.close()
    become(streams, **json.loads(told))


def wait_for_ended(*_: object) -> None:
    """Take note of who has ended, so that its time counts as this process's."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def become(
    streams: list[int], arguments: list[str], variables: dict[str, str], folder: str, umask: int
) -> None:
    """Take over what the client was started with, in a session of its own."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    os.umask(umask)
    sys.argv[1:] = arguments


for module in (*LOADED_WHEN_CALLED.values(), *PARTS):
    import_module(module)
tls_context(None)
# What is here now stays; a collection in a fork would write to the pages that all share.
gc.collect()
gc.freeze()
take_commands(sys.argv[1])
sys.argv[0] = "placard"
main()
