"""Granian, changed: a stop loses no request, and a worker that ends is always replaced.

In granian each worker has its own listener, and the system spreads connections over them. When a
listener closes, at every stop and whenever a worker dies, the connections in its queue are reset.
When a worker dies twice within 5.5 s, granian ends the service.
"""

import ctypes
import multiprocessing
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Any, Final

from granian._granian import SocketHolder
from granian.server.mp import MPServer, WorkerProcess

from app.cli.workers import Restarts

# Seconds. A client that has seen SYN-ACK has this long to send the last segment of the handshake.
HANDSHAKE: Final = 0.25
# The same where nobody is refused meanwhile: who has connected on a busy machine sends its request.
_HELD: Final = 1.0
LONGEST_DRAIN: Final = 5.0
_POLL: Final = 0.01

# asm-generic/socket.h; Python has no name for it.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
# A classic BPF program, for a socket that sees segments from their TCP header on: it drops requests
# for a new connection (SYN without ACK) and passes everything else.
_NO_NEW_CONNECTIONS: Final = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # only SYN?
    (0x06, 0, 0, 0),  # then drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass all of it
)
# How long a queue is, who made the listener has said; granian's handle has a number all the same.
_BACKLOG: Final = 1024
# linux/tcp.h: of a listener, `tcpi_unacked` is how many connections wait to be accepted.
_TCPI_UNACKED: Final = 24


class DrainingServer(MPServer):
    """Granian with listeners that the first process keeps, one for each worker.

    A worker that replaces a dead one takes its queue over. At a stop the queues are drained before
    the workers are stopped; sockets that were given take new connections then, for who listens at
    them next. This holds on Linux; elsewhere a stop may reset connections that no worker has
    accepted yet.
    """

    given: Sequence[socket.socket] = ()

    _ssp: Any
    _shd: Any
    _sso: Any
    _prepare: Callable[[], None] = staticmethod(lambda: None)

    def _init_shared_socket(self) -> None:
        if self.given:
            self._sso = None
            _take_new_connections(self.given)  # whoever listened before may have been killed
            given = [self.given[worker % len(self.given)] for worker in range(self.workers)]
            self._listeners: list[Listener] = [_holding(each.dup()) for each in given]
            return
        super()._init_shared_socket()  # type: ignore[no-untyped-call]
        # On other systems than Linux, granian itself has made one listener for all workers.
        self._listeners = []
        if self._shd is None:
            self._listeners = [_listener(self._ssp) for _ in range(self.workers)]
            self._ssp = None

    def before_each_worker(self, prepare: Callable[[], None]) -> None:
        """Call `prepare` before each worker starts, a successor too."""
        self._prepare = prepare

    def _spawn_worker(self, idx: int, *how: Any, **named: Any) -> WorkerProcess:
        self._prepare()
        if self._listeners:
            self._shd = self._listeners[idx]
        worker = super()._spawn_worker(idx, *how, **named)
        # Granian knows two ways to start a process; the one that is set here may be a third.
        target, args = worker.inner._target, worker.inner._args  # noqa: SLF001
        worker.inner = _Worker(name="placard-worker", target=target, args=args)
        worker.inner.core = core_of(idx, self.workers)
        return worker

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        restarts = Restarts()
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait(restarts.seconds_to_next())
            self.main_loop_interrupt.clear()
            while self.interrupt_children:
                restarts.note_end(self.interrupt_children.pop())
            for worker in restarts.take_due():
                # A reload may have replaced it already.
                process = self.wrks[worker].inner
                if not (process.is_alive() or self.interrupt_signal):
                    self._respawn_workers([worker], spawn_target, target_loader)
            if self.reload_signal:
                self._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]

    def shutdown(self, exit_code: int = 0) -> None:
        """Refuse new connections, let the workers accept those that are made, then stop them."""
        least = _HELD if self.given else None
        drain([listener.socket for listener in self._listeners], least)
        try:
            super().shutdown(exit_code)  # type: ignore[no-untyped-call]
        finally:
            _take_new_connections(self.given)

    def _drop_shared_socket(self) -> None:
        super()._drop_shared_socket()  # type: ignore[no-untyped-call]
        while self._listeners:
            self._listeners.pop().socket.close()


class _Worker(multiprocessing.Process):
    """The process of a worker, which keeps to its core if it has one of its own."""

    core: int | None = None

    def run(self) -> None:
        """Begin: what is said of this thread holds for all that follow."""
        if self.core is not None:
            with suppress(OSError):  # where a sandbox forbids that, the system says where it runs
                os.sched_setaffinity(0, {self.core})
        super().run()


def core_of(worker: int, workers: int) -> int | None:
    """Return the core that a worker keeps to, where there are as many workers as cores.

    Its threads hold the interpreter in turns. Handed from core to core, that takes two workers a
    quarter of what they could answer. With other numbers, the system knows better.
    """
    if sys.platform != "linux":
        return None
    cores = sorted(os.sched_getaffinity(0))
    return cores[worker] if len(cores) == workers else None


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket and granian's handle of it; a worker is sent a handle of its own."""

    handle: Any
    socket: socket.socket

    def __reduce__(self) -> tuple[Any, ...]:
        number, *rest = self.handle.__getstate__()
        return _handle_of, (type(self.handle), DupFd(number), *rest)


def _handle_of(kind: Any, sent: Any, *rest: Any) -> Any:
    return kind(sent.detach(), *rest)


def _listener(spec: Any) -> Listener:
    """Listen at granian's address."""
    handle = spec.build()
    return Listener(handle, socket.socket(fileno=handle.get_fd()))


def _holding(listener: socket.socket) -> Listener:
    held: Any = SocketHolder  # its stub lacks what it is made with
    return Listener(held(listener.fileno(), uds=False, backlog=_BACKLOG), listener)


def drain(listeners: Sequence[socket.socket], least: float | None = None) -> None:
    """Refuse new connections; return when those that were made before have been accepted.

    `least` seconds pass in any case. The SYN of a client that connects meanwhile gets no answer; it
    is sent again, and refused once the listeners are closed.
    """
    with suppress(OSError):  # where filters are not allowed, stop as granian does
        for listener in listeners:
            _refuse_new_connections(listener)
        began, least = time.monotonic(), HANDSHAKE if least is None else least
        while time.monotonic() < began + least or (
            any(map(_waiting, listeners)) and time.monotonic() < began + LONGEST_DRAIN
        ):
            time.sleep(_POLL)


def _refuse_new_connections(listener: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW_CONNECTIONS)
    buffer = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HP", len(_NO_NEW_CONNECTIONS), ctypes.addressof(buffer))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def _take_new_connections(listeners: Sequence[socket.socket]) -> None:
    for listener in listeners:
        with suppress(OSError):  # none refuses them
            listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def _waiting(listener: socket.socket) -> int:
    """Return how many connections wait to be accepted."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCPI_UNACKED + 4)
    return int(struct.unpack_from("I", info, _TCPI_UNACKED)[0])
