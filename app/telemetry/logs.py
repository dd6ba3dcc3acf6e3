"""The log: one JSON object a line on standard error; in the local mode, lines for people.

Each module adds what it learns about a request, and all of it appears on the request's one line:

    bind_request(request_id=…)
    add_log_fields(connector="github")

The fields share one context variable: one for each field would cost a cache hit more than its card.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

import orjson
import structlog

_NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})
_processors: list[Any] = []
_fields: ContextVar[dict[str, Any] | None] = ContextVar("placard_log_fields", default=None)


def configure_logs(*, local: bool) -> None:
    """Set up structlog for this process."""
    renderers: list[Any] = [structlog.processors.JSONRenderer(_json)]
    if local:
        console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        renderers = [escape_control_characters, console]
    # In place: the loggers are made once, each with this list.
    _processors[:] = [
        merge_log_fields,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *renderers,
    ]
    structlog.configure(
        processors=_processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=_StandardError,
        cache_logger_on_first_use=True,
    )


class _StandardError:
    """Writes lines to standard error, whatever that is by then."""

    def __init__(self, *_: Any) -> None:
        """Take no name."""

    def msg(self, line: str) -> None:
        """Write a line, at once and whole: the system writes what one call is given together."""
        sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = exception = msg


def _json(event: Mapping[str, Any], default: Callable[[Any], Any]) -> str:
    """Write an event as JSON in ASCII: a terminal would obey some of the other characters."""
    with suppress(TypeError):  # a lone surrogate, or a number beyond 64 bits
        line = orjson.dumps(event, default=default)
        if line.isascii():
            return line.decode()
    return json.dumps(event, default=default)


def bind_request(**fields: Any) -> None:
    """Start the log fields of a request in this context; earlier fields are dropped."""
    _fields.set(fields)


def add_log_fields(**fields: Any) -> None:
    """Add fields to the log line of this context's request; outside of a request, do nothing."""
    bound = _fields.get()
    if bound is not None:
        bound.update(fields)


def log_fields() -> Mapping[str, Any]:
    """Return the log fields of this context's request."""
    return _fields.get() or _NO_FIELDS


def merge_log_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the request's fields to a log line, as a processor of structlog."""
    return {**log_fields(), **event}


def escape_control_characters(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape what a terminal would obey: a path may hold any character. JSON escapes by itself."""
    return {name: _printable(value) for name, value in event.items()}


def _printable(value: Any) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)


def exception_fields(error: BaseException) -> dict[str, Any]:
    """Return an exception's type and traceback, without its text, which may quote a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": type(error).__name__, "traceback": lines}
