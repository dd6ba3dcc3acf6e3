"""Sockets that systemd holds: a restart refuses nobody."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from pathlib import Path

import pytest
import requests

from app.cli.activation import take_sockets
from app.errors import ConfigurationError
from tests.mortal import mortal
from tests.ports import free_port
from tests.processes import BIN, SOUND, environment, stop


def listening(port: int) -> socket.socket:
    """Listen as `ReusePort=yes` does."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen()
    return made


@contextmanager
def handed_over(held: Sequence[socket.socket], folder: Path) -> Iterator[None]:
    """Start the service as systemd does: the sockets are its descriptors from 3 on."""
    # At first out of the way of the numbers that they shall have, and of what is open here.
    moved = [fcntl(each.fileno(), F_DUPFD, 20) for each in held]
    numbers = " ".join(f"{3 + place}<&{number}" for place, number in enumerate(moved))
    script = f'exec {numbers}; LISTEN_FDS={len(held)} LISTEN_PID=$$ exec "$0" serve --workers 2'
    with subprocess.Popen(
        mortal(["bash", "-c", script, BIN / "placard"], signal.SIGTERM), pass_fds=moved,
        env=environment(**SOUND), cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        for number in moved:
            os.close(number)
        try:
            yield
        finally:
            stop(process)


@pytest.mark.server
@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_requests_wait_while_the_service_is_restarted(tmp_path: Path) -> None:
    port = free_port()
    held, seen, over = [listening(port), listening(port)], Counter[object](), threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            try:
                seen[requests.get(f"http://127.0.0.1:{port}/livez", timeout=60).status_code] += 1
            except requests.RequestException as error:
                seen[repr(error)] += 1

    asking = [threading.Thread(target=keep_asking) for _ in range(3)]
    try:
        with handed_over(held, tmp_path):
            for each in asking:
                each.start()
            while seen.total() < 30:
                over.wait(0.01)
        with handed_over(held, tmp_path):
            over.set()
            for each in asking:
                each.join()
    finally:
        over.set()
        for one in held:
            one.close()
    assert seen.keys() == {200}, seen


def test_sockets_of_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", "1")
    assert take_sockets(2) == []
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize(
    ("handed", "why"),
    [
        ("3", "once for each worker"),
        ("two", "'two' is not a number of sockets"),
        ("", "'' is not a number of sockets"),
        ("-1", "'-1' is not a number of sockets"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    monkeypatch: pytest.MonkeyPatch, handed: str, why: str
) -> None:
    monkeypatch.setenv("LISTEN_FDS", handed)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    with pytest.raises(ConfigurationError, match=why):
        take_sockets(2)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, None])
def test_a_descriptor_that_is_not_a_listening_socket_of_tcp_is_refused(
    monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily | None
) -> None:
    read, written = os.pipe()
    number = read if family is None else socket.socket(family).detach()
    monkeypatch.setattr("app.cli.activation._FIRST", number)
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    with pytest.raises(ConfigurationError, match=f"descriptor {number} is not a listening socket"):
        take_sockets(2)
    os.close(written)
    if family is not None:
        os.close(read)
