"""Calls at once, within one time: who is late is left behind, and holds no thread for long."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Final, Generic, TypeVar

from app.cache.background import BackgroundPool
from app.errors import UpstreamBusy
from app.upstream.transport import within

T = TypeVar("T")

# Of one process. A system that hangs has at most `EACH` of the threads, each until its time is up.
THREADS: Final = 32
EACH: Final = 8
WAITING: Final = 256
# In seconds: what any number of answers may take.
GRACE: Final = 0.5


class TimedCall(Generic[T]):
    """One call; `group` is who is called, of whom no more than `EACH` threads wait.

    `seconds` is how long it took, once it has ended.
    """

    def __init__(self, group: str, work: Callable[[], T]) -> None:
        self.group = group
        self._work = work
        self._result: Future[T] = Future()
        self.seconds: float | None = None

    def start(self, pool: BackgroundPool, until: float) -> "Future[T]":
        """Queue the call; its outgoing calls end at `until`, of the monotonic clock."""
        if not pool.offer(lambda: self._run(until), self.group):
            self._result.set_exception(UpstreamBusy("as many searches as may are under way"))
        return self._result

    def _run(self, until: float) -> None:
        if not self._result.set_running_or_notify_cancel():
            return
        began = time.monotonic()
        try:
            with within(until - began):
                result = self._work()
            self.seconds = time.monotonic() - began
            self._result.set_result(result)
        except Exception as error:  # noqa: BLE001 - who waits for the result raises it
            self.seconds = time.monotonic() - began
            self._result.set_exception(error)


class Together:
    """Runs calls at once, in the threads of one process.

    Whoever waits has a thread that answers no card: at most `most` wait longer than `GRACE`.
    """

    def __init__(self, most: int) -> None:
        self._slots = threading.BoundedSemaphore(most)
        self._pool = BackgroundPool("placard-lookup", threads=THREADS, waiting=WAITING, each=EACH)

    def run(self, calls: Sequence[TimedCall[T]], until: float) -> list[Future[T] | None]:
        """Return what came of each call, in their order; None of one that is late."""
        started = [call.start(self._pool, until) for call in calls]
        late = wait(started, timeout=min(GRACE, _left(until))).not_done
        if late and self._slots.acquire(blocking=False):
            try:
                wait(late, timeout=_left(until))
            finally:
                self._slots.release()
        # What has not begun does not begin.
        for future in started:
            future.cancel()
        ended = (future.done() and not future.cancelled() for future in started)
        return [
            future if is_there else None for future, is_there in zip(started, ended, strict=True)
        ]


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())
