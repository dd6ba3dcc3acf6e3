"""What happened in one request, step by step: free when nobody asks.

    with recording() as trace:
        with step("fetch", url=…) as facts:
            facts["status"] = 200

Outside `recording`, `step` costs one look at a context variable.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]


@dataclass(slots=True)
class Step:
    """One step: its name, when it began and how long it took (ms), and what is known of it.

    It has `failed` where an error ended it.
    """

    name: str
    began: float
    milliseconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    failed: bool = False


@dataclass(slots=True)
class Trace:
    """The steps of one request, in the order in which they began."""

    started: float = field(default_factory=time.perf_counter)
    steps: list[Step] = field(default_factory=list)


_current: ContextVar[Trace | None] = ContextVar("placard_trace", default=None)


class _Ignored(dict[str, Any]):
    """Takes facts that nobody will read, and forgets them."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass

    def update(self, *args: Any, **facts: Any) -> None:
        pass

    def __enter__(self) -> Facts:
        return self

    def __exit__(self, *_: object) -> None:
        pass


_ignored = _Ignored()


@contextmanager
def recording() -> Iterator[Trace]:
    """Record the steps taken in this context."""
    trace = Trace()
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def is_recording() -> bool:
    """Tell whether somebody asks."""
    return _current.get() is not None


def step(name: str, **facts: Any) -> AbstractContextManager[Facts]:
    """Take a step; what it yields takes further facts."""
    trace = _current.get()
    return _ignored if trace is None else _timed(trace, name, facts)


@contextmanager
def _timed(trace: Trace, name: str, facts: dict[str, Any]) -> Iterator[Facts]:
    began = time.perf_counter()
    taken = Step(name, (began - trace.started) * 1000, facts=facts)
    trace.steps.append(taken)
    try:
        yield taken.facts
    except BaseException:
        taken.failed = True
        raise
    finally:
        taken.milliseconds = (time.perf_counter() - began) * 1000
