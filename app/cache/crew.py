"""Work behind the requests: a bounded number of threads, and a bounded queue before them."""

import threading
from collections.abc import Callable
from queue import Full, Queue

Task = Callable[[], None]


class Crew:
    """Does tasks in at most `threads` threads of its own, with at most `waiting` in the queue.

    Its threads are started when they are needed, and do not hold up the end of the process. A task
    must not raise.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._name = name
        self._places = threading.BoundedSemaphore(threads)
        self._idle = threading.Semaphore(0)
        self._tasks: Queue[Task] = Queue(waiting)

    def offer(self, task: Task) -> bool:
        """Take a task on, or return False where the queue is full."""
        try:
            self._tasks.put_nowait(task)
        except Full:
            return False
        if not self._idle.acquire(blocking=False) and self._places.acquire(blocking=False):
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return True

    def _work(self) -> None:
        while True:
            self._tasks.get()()
            self._idle.release()
