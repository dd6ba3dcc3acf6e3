"""The contract of a cache backend, and how long a request may wait for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Final, Protocol

from app.cache.entry import Entry

# In seconds: what one request may wait for a backend in total. It is below the promised 50 ms, as
# switching threads takes time too.
WAIT_BUDGET: Final = 0.04


class CacheBackend(Protocol):
    """Stores entries. No method raises: a backend that fails reports a miss and drops writes.

    `in_process` says that nobody else writes them.
    """

    in_process: ClassVar[bool]

    def fault(self) -> str | None:
        """Name the backend if it fails now; None if it works."""

    def get(self, key: str) -> Entry | None:
        """Return the entry, or None if it is unknown, expired, unreadable or lost."""

    def at_hand(self, key: str) -> Entry | None:
        """Return what `get` would, or would have a moment ago, where that takes no I/O."""

    def put(self, key: str, entry: Entry, seconds: float) -> None:
        """Store an entry for at most `seconds`; it replaces any other of this key."""

    def delete(self, key: str) -> None:
        """Delete an entry, if there is one."""

    def drop_memory(self) -> None:
        """Drop all entries that this process holds in its own memory."""

    def acquire(self, key: str, seconds: float) -> str | None:
        """Acquire the lease on a key for at most `seconds`, among all who share the backend.

        Returns the lease, or None while another holds one. A lease that is an empty string needs
        no renewal and no release: nobody shares the backend, or it fails.
        """

    def renew(self, key: str, lease: str, seconds: float) -> None:
        """Extend a lease to `seconds` from now, if it is still held."""

    def release(self, key: str, lease: str) -> None:
        """Release a lease, if it is still held."""


class WaitBudget:
    """The seconds that one request may still wait for a backend."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


_current: ContextVar[WaitBudget | None] = ContextVar("placard_wait_budget", default=None)


@contextmanager
def limit_waiting(seconds: float | None = None) -> Iterator[WaitBudget]:
    """Let all backend calls inside a block wait for `seconds` in total, or for `WAIT_BUDGET`."""
    budget = WaitBudget(WAIT_BUDGET if seconds is None else seconds)
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)


def wait_budget() -> WaitBudget:
    """Return the budget of the current `limit_waiting` block; outside of any, a new one."""
    return _current.get() or WaitBudget(WAIT_BUDGET)
