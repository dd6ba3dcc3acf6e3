"""Work behind the requests: a bounded number of threads, and a bounded queue before them."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

Task = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    group: str
    task: Task


class BackgroundPool:
    """Does tasks in at most `threads` threads of its own, with at most `waiting` in the queue.

    Tasks of one group are done by at most `each` threads at a time; without it, by all. The threads
    are started when they are needed, and do not hold up the end of the process. A task must not
    raise.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, each: int | None = None) -> None:
        self._name = name
        self._most = threads
        self._each = threads if each is None else each
        self._waiting = waiting
        self._changed = threading.Condition()
        self._tasks: deque[_Waiting] = deque()
        self._busy: Counter[str] = Counter()
        self._threads = 0
        self._idle = 0

    def offer(self, task: Task, group: str = "") -> bool:
        """Take a task on, or return False where the queue is full, or no thread is to be had."""
        offered = _Waiting(group, task)
        with self._changed:
            if len(self._tasks) >= self._waiting:
                return False
            self._tasks.append(offered)
            wanting = len(self._tasks) > self._idle and self._threads < self._most
            if wanting and not self._start() and not self._threads:
                self._tasks.remove(offered)
                return False
            self._changed.notify()
        return True

    def _start(self) -> bool:
        """Start one more thread, if the system has one."""
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

    def _take(self) -> _Waiting:
        """Wait for a task whose group has a thread left for it."""
        with self._changed:
            self._idle += 1
            while (taken := self._next()) is None:
                self._changed.wait()
            self._idle -= 1
            self._tasks.remove(taken)
            self._busy[taken.group] += 1
            return taken

    def _next(self) -> _Waiting | None:
        free = (waiting for waiting in self._tasks if self._busy[waiting.group] < self._each)
        return next(free, None)
