"""What becomes of connections that nobody has accepted yet when the service stops."""

import inspect
import multiprocessing
import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from unittest.mock import Mock

import pytest
from granian.constants import Interfaces
from granian.server.mp import MPServer

from app.cli import server
from app.cli.server import DrainingServer, _Worker, core_of, drain
from tests.waiting import PATIENCE

GRANIAN_CHANGED = (
    "granian has changed below app/cli/server.py, which overrides its private methods. Compare "
    "granian/server/mp.py and common.py of both versions: how a listener is made (_ssp, _shd, "
    "_sso), what _spawn_worker hands to a worker, and in which order shutdown closes and stops. "
    "Then run tests/app/cli/test_serve.py, and raise the bound in pyproject.toml."
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has socket filters")


@on_linux
@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_who_is_connected_is_waited_for_and_who_is_not_is_refused(
    host: str, family: socket.AddressFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HANDSHAKE", 0.0)
    refuse, refusing = server._refuse_new_connections, threading.Event()

    def refuse_and_tell(listener: socket.socket) -> None:
        refuse(listener)
        refusing.set()

    monkeypatch.setattr(server, "_refuse_new_connections", refuse_and_tell)
    with socket.create_server((host, 0), family=family) as listener, ThreadPoolExecutor(1) as pool:
        address = listener.getsockname()[:2]
        early = socket.create_connection(address, timeout=PATIENCE)
        early.sendall(b"a request")
        draining = pool.submit(drain, [listener])
        assert refusing.wait(PATIENCE)
        # Its SYN finds no answer, as if it had been lost on its way.
        with socket.socket(family) as late:
            late.settimeout(0.3)
            with pytest.raises(TimeoutError):
                late.connect(address)
        assert not draining.done()
        accepted, _ = listener.accept()
        draining.result(PATIENCE)
        listener.close()
        with early, accepted:
            assert accepted.recv(100) == b"a request"
            accepted.sendall(b"an answer")
            assert early.recv(100) == b"an answer"
            early.sendall(b"another request")
            assert accepted.recv(100) == b"another request"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=PATIENCE)


@on_linux
def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_DRAIN", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        drain([listener])


def test_where_there_are_no_filters_it_goes_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_SO_ATTACH_FILTER", -1)
    monkeypatch.setattr(server, "HANDSHAKE", 3600.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        drain([listener])


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("_init_shared_socket", ["self"]),
        ("_spawn_worker", ["self", "idx", "target", "callback_loader"]),
        ("_drop_shared_socket", ["self"]),
        ("shutdown", ["self", "exit_code"]),
    ],
)
def test_granian_has_the_methods_that_are_overridden(method: str, parameters: list[str]) -> None:
    overridden = getattr(MPServer, method, None)
    assert overridden, f"there is no {method}: {GRANIAN_CHANGED}"
    assert list(inspect.signature(overridden).parameters) == parameters, GRANIAN_CHANGED


@on_linux
def test_each_worker_is_given_a_listener_of_its_own() -> None:
    made = DrainingServer("wsgi:app", port=0, interface=Interfaces.WSGI, workers=2)
    made._init_shared_socket()
    listeners = [held.socket for held in made._listeners]
    try:
        workers = [made._spawn_worker(idx, target=print, callback_loader=None) for idx in (0, 1)]
        for worker, listener in zip(workers, made._listeners, strict=True):
            assert ((None, listener), None) in worker.inner._args, GRANIAN_CHANGED
        # On one port: the system spreads new connections over them.
        assert len({held.getsockname() for held in listeners}) == 1
        assert len({held.fileno() for held in listeners}) == 2
    finally:
        made._drop_shared_socket()
    assert [held.fileno() for held in listeners] == [-1, -1]


def test_as_many_workers_as_cores_have_one_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 3}, raising=False)
    assert [core_of(worker, 2) for worker in range(2)] == [3, 5]
    assert core_of(0, 1) is core_of(2, 3) is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert core_of(0, 2) is None


@on_linux
def test_worker_begins_on_its_core() -> None:
    receive, send = multiprocessing.Pipe(duplex=False)
    worker = _Worker(target=_tell_cores, args=(send,))
    worker.core = min(os.sched_getaffinity(0))
    worker.start()
    assert receive.poll(30)
    assert receive.recv() == {worker.core}
    worker.join(PATIENCE)


def test_worker_begins_where_it_may_not_choose_its_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systemd's filter of system calls may forbid it."""
    begun: list[int] = []
    monkeypatch.setattr(os, "sched_setaffinity", Mock(side_effect=PermissionError), raising=False)
    worker = _Worker(target=begun.append, args=(1,))
    worker.core = 0
    worker.run()
    assert begun == [1]


def _tell_cores(told: Connection) -> None:
    told.send(os.sched_getaffinity(0))
