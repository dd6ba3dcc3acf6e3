"""The log: one JSON object a line on standard error, or in the local mode lines for people.

What is learnt of a request on its way is told here and there, and stands on its one line:

    begin_telling(request_id=…)
    tell(connector="github")

It is kept in one context variable; one for each fact would cost a warm request more than its card.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

import structlog

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_facts: ContextVar[dict[str, Any] | None] = ContextVar("placard_facts", default=None)


def configure_logs(*, local: bool) -> None:
    """Set up structlog for this process."""
    last: Any = structlog.processors.JSONRenderer()
    if local:
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            merge_told,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def begin_telling(**facts: Any) -> None:
    """Begin a request in this context: nothing that was told before is of it."""
    _facts.set(facts)


def tell(**facts: Any) -> None:
    """Tell facts of this context's request; outside of any, nobody listens."""
    known = _facts.get()
    if known is not None:
        known.update(facts)


def told() -> Mapping[str, Any]:
    """Return what has been told of this context's request."""
    return _facts.get() or _NOTHING


def merge_told(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put what was told into a line of the log, as a processor of structlog."""
    return {**told(), **event}


def places_of(error: BaseException) -> dict[str, Any]:
    """Tell an exception's type and places only: its text may hold an upstream's, or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": type(error).__name__, "traceback": where}
