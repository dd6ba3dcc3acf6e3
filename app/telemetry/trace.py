"""The trace: what happened in one request, step by step. It costs almost nothing when off.

    with recording() as trace:
        with step("fetch", url=…) as facts:
            facts["status"] = 200

Outside `recording`, `step` only reads a context variable.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

Facts = dict[str, Any]
# Where the environment of a request has its trace's id, if it is sent to somebody.
TRACE_ID: Final = "placard.trace_id"


@dataclass(slots=True)
class Step:
    """One step: its name, when it began and how long it took (both in ms), and its facts.

    `failed` says that an exception ended it.
    """

    name: str
    began: float
    milliseconds: float = 0.0
    facts: Facts = field(default_factory=dict)
    failed: bool = False


@dataclass(slots=True)
class Trace:
    """The steps of one request, in the order in which they began.

    One that `sees_all` wants every step of a request; the fast path is not taken.
    """

    started: float = field(default_factory=time.perf_counter)
    steps: list[Step] = field(default_factory=list)
    sees_all: bool = True


def left_out(steps: Iterable[Step]) -> list[str]:
    """List the parts of an answer that the card leaves out, as lines `part: expression: why`."""
    dropped = (step.facts for step in steps if step.name == "dropped")
    return [
        ": ".join(filter(None, map(facts.get, ("part", "expression", "why")))) for facts in dropped
    ]


def blank(steps: Iterable[Step]) -> list[str]:
    """List the parts of the card whose expressions had no value in this answer."""
    return [part for step in steps if step.name == "blank" for part in step.facts["parts"]]


_current: ContextVar[Trace | None] = ContextVar("placard_trace", default=None)


class _UnrecordedStep(dict[str, Any]):
    """A step that is not recorded: it drops all facts."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass

    def update(self, *args: Any, **facts: Any) -> None:
        pass

    def __enter__(self) -> Facts:
        return self

    def __exit__(self, *_: object) -> None:
        pass


_unrecorded = _UnrecordedStep()


@contextmanager
def recording(*, sees_all: bool = True) -> Iterator[Trace]:
    """Record the steps of this context until the block ends."""
    trace = Trace(sees_all=sees_all)
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def is_recording() -> bool:
    """Tell whether the steps of this context are recorded."""
    return _current.get() is not None


def wants_all() -> bool:
    """Tell whether the recorder of this context wants every step of a request."""
    trace = _current.get()
    return trace is not None and trace.sees_all


def step(name: str, **facts: Any) -> AbstractContextManager[Facts]:
    """Record a step until the block ends; yields a mapping that takes further facts."""
    trace = _current.get()
    return _unrecorded if trace is None else _timed(trace, name, facts)


@contextmanager
def _timed(trace: Trace, name: str, facts: Facts) -> Iterator[Facts]:
    began = time.perf_counter()
    recorded = Step(name, (began - trace.started) * 1000, facts=facts)
    trace.steps.append(recorded)
    try:
        yield recorded.facts
    except BaseException:
        recorded.failed = True
        raise
    finally:
        recorded.milliseconds = (time.perf_counter() - began) * 1000
