"""A `placard` that is loaded already: each of its commands is a fork of one process.

Loading takes most of a second, and the pages for operators have dozens of commands. Each is still
a process of its own, with its own arguments, environment, folder, umask and streams, but for
`serve`: a service, which is sent signals, loads itself.
"""

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mortal import mortal
from tests.processes import BIN, environment, stop
from tests.waiting import wait_until

HERE = Path(__file__).parent


@contextmanager
def loaded_placard() -> Iterator[Path]:
    """Load it, and give the command, which is for the length of a block."""
    # In /tmp, since the path of a socket must be short.
    with TemporaryDirectory(prefix="placard-", dir="/tmp") as made:
        socket, command = Path(made, "socket"), Path(made, "placard")
        client = shlex.join([sys.executable, "-IS", str(HERE / "client.py"), str(socket)])
        serve = f'case " $* " in *" serve "*) exec {shlex.quote(str(BIN / "placard"))} "$@";; esac'
        command.write_text(f'#!/bin/sh\n{serve}\nexec {client} "$@"\n', "utf-8")
        command.chmod(0o755)
        server = mortal([sys.executable, "-I", HERE / "server.py", socket], signal.SIGTERM)
        with subprocess.Popen(server, env=environment(), start_new_session=True) as process:
            try:
                wait_until(lambda: socket.exists() or process.poll() is not None)
                yield command
            finally:
                stop(process)
