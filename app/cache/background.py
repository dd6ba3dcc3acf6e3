"""Background work: a bounded number of threads, fed by a bounded queue."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

Task = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedTask:
    group: str
    task: Task


class BackgroundPool:
    """Runs tasks in at most `threads` threads, with at most `waiting` tasks in the queue.

    At most `each` threads run tasks of the same group; None lets one group use all of them. A
    thread starts when it is needed, and does not keep the process alive. A task must not raise.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, each: int | None = None) -> None:
        self._name = name
        self._max_threads = threads
        self._max_each = threads if each is None else each
        self._max_waiting = waiting
        self._changed = threading.Condition()
        self._queue: deque[_QueuedTask] = deque()
        self._busy: Counter[str] = Counter()
        self._threads = 0
        self._idle = 0

    @property
    def busy(self) -> int:
        """How many threads run a task."""
        return self._busy.total()

    def offer(self, task: Task, group: str = "") -> bool:
        """Queue a task; return False if the queue is full or no thread can be started."""
        offered = _QueuedTask(group, task)
        with self._changed:
            if len(self._queue) >= self._max_waiting:
                return False
            self._queue.append(offered)
            needs_thread = len(self._queue) > self._idle and self._threads < self._max_threads
            if needs_thread and not self._start() and not self._threads:
                self._queue.remove(offered)
                return False
            self._changed.notify()
        return True

    def _start(self) -> bool:
        """Start one more thread; return False if the system has none left."""
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:
            return False
        self._threads += 1
        return True

    def _work(self) -> None:
        while True:
            taken = self._take()
            taken.task()
            with self._changed:
                self._busy[taken.group] -= 1
                if not self._busy[taken.group]:
                    del self._busy[taken.group]

    def _take(self) -> _QueuedTask:
        """Wait for a task whose group may use one more thread."""
        with self._changed:
            self._idle += 1
            while (taken := self._next()) is None:
                self._changed.wait()
            self._idle -= 1
            self._queue.remove(taken)
            self._busy[taken.group] += 1
            return taken

    def _next(self) -> _QueuedTask | None:
        ready = (queued for queued in self._queue if self._busy[queued.group] < self._max_each)
        return next(ready, None)
