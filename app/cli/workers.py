"""The worker processes: how one begins, ends with the first process, and is replaced."""

import atexit
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from typing import Any, Final

from granian._internal import load_target

from app.cli.stalled import Stalled, watch
from app.settings import Settings
from app.settings.settings import declarations_with
from app.telemetry.logs import log_unhandled
from app.web import EXTENSION, Service

# In seconds. Who lived so long did work: its successor comes at once.
STEADY: Final = 10.0
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
_LATER: Final = 1.0
# In seconds. A thread that needs the interpreter waits so long for each that is busy with it: five
# times shorter than Python has it, since cards wait for what the library reads and writes.
_SWITCH_INTERVAL: Final = 0.001
_STANDARD_ERROR: Final = 2
# linux/prctl.h: the signal that a process is sent when its parent ends.
_PR_SET_PDEATHSIG: Final = 1


class Restarts:
    """When the workers that ended are replaced: at once, or after a pause that grows.

    A worker that ends soon after its start probably will again; a service that gave up instead
    would be down for one bad minute of a database. `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first_start = clock()
        self._started: dict[int, float] = {}
        self._pauses: dict[int, float] = {}
        self._due: dict[int, float] = {}

    def note_end(self, worker: int) -> None:
        """Plan the successor of a worker that has just ended."""
        now = self._clock()
        if now - self._started.get(worker, self._first_start) >= STEADY:
            self._pauses.pop(worker, None)
            self._due[worker] = now
            return
        pause = min(max(FIRST_PAUSE, 2 * self._pauses.get(worker, 0.0)), LONGEST_PAUSE)
        self._pauses[worker] = pause
        self._due[worker] = now + pause

    def take_due(self) -> list[int]:
        """Return the workers to replace now, each once."""
        now = self._clock()
        due = [worker for worker, at in self._due.items() if at <= now]
        for worker in due:
            del self._due[worker]
            self._started[worker] = now
        return due

    def seconds_to_next(self) -> float | None:
        """Return how long nothing is due; None where nothing is planned."""
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - self._clock())


def begin_to_load() -> None:
    """Begin the process that the workers are forked from, by a fork of this one.

    This one has one thread still; later, a fork would tear what its threads hold. A fresh
    interpreter would take most of a second to import the same again. That process does nothing but
    import (`preload.py`). What the workers read of the environment must stand there before.
    """
    if sys.platform != "linux":
        multiprocessing.set_start_method("spawn", force=True)
        return
    multiprocessing.set_start_method("forkserver", force=True)
    multiprocessing.set_forkserver_preload(["app.cli.preload"])
    with _without_interrupts(), _forking():
        forkserver.ensure_running()


@contextmanager
def _forking() -> Iterator[None]:
    """Have what would begin as a fresh interpreter, a server of forks, begin as a fork."""
    usual = util.spawnv_passfds
    util.spawnv_passfds = _fork  # type: ignore[assignment]  # with what it is called with here
    try:
        yield
    finally:
        util.spawnv_passfds = usual


def _fork(_: Any, arguments: Sequence[str], kept: Sequence[int]) -> int:
    """Fork, and run in the fork what a fresh interpreter would be told to."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    status = 1
    try:
        # What this process clears away at its end, none of its children may.
        atexit._clear()  # noqa: SLF001
        for number in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
            if number > _STANDARD_ERROR and number not in kept:
                with suppress(OSError):
                    os.close(number)
        exec(arguments[-1], {})  # noqa: S102 - as `python -c` would
    except SystemExit:
        status = 0
    except BaseException:  # noqa: BLE001 - nothing above may go on in this process
        traceback.print_exc()
    finally:
        os._exit(status)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have processes that begin meanwhile, and their workers, get no SIGINT.

    A terminal sends Ctrl-C to all of them. One that is loading would end with a traceback, and a
    worker would stop before the first process has drained its listener. What comes meanwhile, this
    process gets afterwards.
    """
    resource_tracker.ensure_running()  # or else it begins meanwhile, and unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def load_application(target: str) -> Any:
    """Return the application of a worker, which from now on ends with the first process.

    Its key sets are fetched meanwhile.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    end_with_parent()
    if _is_orphan():
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=_end_with_first, name="placard-first", daemon=True).start()
    app: Any = load_target(target)
    service = app.extensions[EXTENSION]
    forget_secrets(service.settings)
    threading.Thread(target=fetch_keys, args=(service,), name="placard-keys", daemon=True).start()
    service.metrics.keep_reading()
    log_unhandled()
    if service.settings.library:
        watch(Stalled(longest_wait(service.settings)))
    return app


def forget_secrets(settings: Settings) -> None:
    """Take the secrets out of the environment, now that they are read.

    Granian gives the whole of it to each request, where whatever dumps a request would show them.
    """
    for declaration in declarations_with(settings.connector_declarations):
        if declaration.file_name:
            os.environ.pop(declaration.name, None)


def end_with_parent() -> None:
    """Have Linux end this process with the one that began it: it may be stopped, or busy."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _is_orphan() -> bool:
    """Tell whether the process that a worker was forked from ended before that was minded."""
    first = multiprocessing.parent_process()
    if first is None or sys.platform != "linux":
        return False
    try:
        stat = Path(f"/proc/{os.getppid()}/stat").read_text("ascii", "replace")
    except OSError:  # it ends just now, or another user's process has taken its place
        return True
    return int(stat.rpartition(") ")[2].split()[1]) != first.pid


def longest_wait(settings: Settings) -> float:
    """Return for how many seconds a request may be without any answer: its body may be late.

    That is a little more than the body has, or its request would not know that time is up; and more
    than a card takes.
    """
    from app.library.http.arrival import PATIENCE  # noqa: PLC0415 - only with the library

    return max(PATIENCE + _LATER, settings.fetch_deadline * 2)


def fetch_keys(service: Service) -> None:
    """Fetch the key sets: of many requests that came first, all but one would be refused."""
    for fault in service.health.keys:
        fault()


def _end_with_first() -> None:
    """Wait for the end of the first process, then end at once.

    A worker that went on without it would keep the port, and nobody could stop it. A first process
    that stops in order ends its workers before itself. Linux sees to it by `end_with_parent`, of
    the process between them too; this is for other systems, and for an end before that was asked.
    """
    first = multiprocessing.parent_process()
    if first is not None:
        first.join()
        os.kill(os.getpid(), signal.SIGKILL)
