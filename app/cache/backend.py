"""What a backend is, and how long a request may wait for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Final, Protocol

from app.cache.entry import Entry

# In seconds: all that one request waits for a backend; the rest to 50 ms is for the threads' turns.
WAIT_BUDGET: Final = 0.04


class CacheBackend(Protocol):
    """Where entries are kept. No method raises: a backend in trouble misses and forgets.

    `instant` says that a look costs no I/O.
    """

    instant: ClassVar[bool]

    def get(self, key: str) -> Entry | None:
        """Return the entry, unless it is unknown, expired, unreadable or lost."""

    def put(self, key: str, entry: Entry, life: float) -> None:
        """Keep an entry for at most `life` seconds, in place of any other of this key."""

    def claim(self, key: str, life: float) -> str | None:
        """Claim the making of an entry for at most `life` seconds, among all who share the backend.

        Returns what releases the claim, or None while another holds it. A backend in trouble lets
        everybody claim.
        """

    def hold(self, key: str, claim: str, life: float) -> None:
        """Hold a claim for `life` seconds more, if it is still held."""

    def release(self, key: str, claim: str) -> None:
        """Give a claim back, if it is still held."""


class WaitBudget:
    """What is left, in seconds, of the time that one request may wait for a backend."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


_wait_budget: ContextVar[WaitBudget | None] = ContextVar("placard_allowance", default=None)


@contextmanager
def limit_waiting(seconds: float | None = None) -> Iterator[WaitBudget]:
    """Give all looks inside a block `seconds` in total, or a whole wait_budget."""
    given = WaitBudget(WAIT_BUDGET if seconds is None else seconds)
    token = _wait_budget.set(given)
    try:
        yield given
    finally:
        _wait_budget.reset(token)


def wait_budget() -> WaitBudget:
    """Return what this request has left; outside of any, a whole one."""
    return _wait_budget.get() or WaitBudget(WAIT_BUDGET)
