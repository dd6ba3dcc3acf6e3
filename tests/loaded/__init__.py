"""A `placard` that is loaded already: each of its commands is a fork of one process.

Loading takes most of a second, and there are dozens of commands and services. Each is still a
process of its own, in a session of its own, with its own arguments, environment, folder, umask and
streams. What a start loads, and when, is looked at where a service is loaded anew.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TextIO

from tests.loaded.client import hand_over
from tests.mortal import mortal
from tests.processes import Launch, Service, environment, stop
from tests.waiting import wait_until

HERE = Path(__file__).parent


class Loaded(NamedTuple):
    """What starts the commands of a process that is loaded: a command line, or `launch`."""

    command: Path
    launch: Launch


@contextmanager
def loaded_placard() -> Iterator[Loaded]:
    """Load it for the length of a block."""
    # In /tmp, since the path of a socket must be short.
    with TemporaryDirectory(prefix="placard-", dir="/tmp") as made:
        socket, command = Path(made, "socket"), Path(made, "placard")
        client = shlex.join([sys.executable, "-IS", str(HERE / "client.py"), str(socket)])
        command.write_text(f'#!/bin/sh\nexec {client} "$@"\n', "utf-8")
        command.chmod(0o755)
        server = mortal([sys.executable, "-I", HERE / "server.py", socket], signal.SIGTERM)
        with subprocess.Popen(server, env=environment(), start_new_session=True) as process:
            try:
                wait_until(lambda: socket.exists() or process.poll() is not None)
                yield Loaded(command, partial(Fork, str(socket)))
            finally:
                stop(process)


class Fork(Service):
    """A service in a fork of the process that is loaded, which waits for it."""

    def __init__(
        self, server: str, *arguments: str, settings: dict[str, str], cwd: Path, log: TextIO
    ) -> None:
        self.log = log
        self._status: int | None = None
        with Path(os.devnull).open("rb") as nothing:
            streams = [each.fileno() for each in (nothing, log, log)]
            self._told, self.pid = hand_over(
                server, list(arguments), environment(**settings), str(cwd), streams
            )

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        if self._status is None:
            self._told.settimeout(timeout)
            try:
                told = self._told.recv(16)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("placard", timeout or 0) from None
            if not told:
                raise RuntimeError("the process that has loaded placard has ended")
            self._status = int(told)
            self._told.close()
        return self._status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)
