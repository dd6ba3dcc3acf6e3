"""The log: one JSON object a line on standard error, or in the local mode lines for people.

What is learnt of a request on its way is told here and there, and stands on its one line:

    bind_request(request_id=…)
    add_log_fields(connector="github")

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
            merge_log_fields,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def bind_request(**facts: Any) -> None:
    """Begin a request in this context: nothing that was told before is of it."""
    _facts.set(facts)


def add_log_fields(**facts: Any) -> None:
    """Tell facts of this context's request; outside of any, nobody listens."""
    known = _facts.get()
    if known is not None:
        known.update(facts)


def log_fields() -> Mapping[str, Any]:
    """Return what has been told of this context's request."""
    return _facts.get() or _NOTHING


def merge_log_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put what was told into a line of the log, as a processor of structlog."""
    return {**log_fields(), **event}


def exception_fields(error: BaseException) -> dict[str, Any]:
    """Tell an exception's type and places only: its text may hold an upstream's, or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": type(error).__name__, "traceback": where}
