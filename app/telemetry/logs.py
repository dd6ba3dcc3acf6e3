"""The log: one JSON object a line on standard error; in the local mode, lines for people.

Each module adds what it learns about a request, and all of it appears on the request's one line:

    bind_request(request_id=…)
    add_log_fields(connector="github")

The fields share one context variable: one for each field would cost a cache hit more than its card.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import orjson
import structlog

_NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})
SERVER_LOGGERS: Final = ("_granian", "granian.access")
_LEVELS: Final = {name.lower(): at for name, at in logging.getLevelNamesMapping().items()}
_processors: list[Any] = []
_fields: ContextVar[dict[str, Any] | None] = ContextVar("placard_log_fields", default=None)


def configure_logs(*, local: bool, level: str = "info") -> None:
    """Set up structlog for this process; less than `level` is not logged."""
    # In place: the loggers are made once, each with this list.
    _processors[:] = [_line_from(level, _renderer(local=local))]
    structlog.configure(
        processors=_processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=_StandardError,
        cache_logger_on_first_use=True,
    )


def _line_from(level: str, render: Any) -> Any:
    """Make the one processor: a chain of them takes a third longer for a cache hit's line."""
    lowest = _LEVELS[level]

    def line(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
        if _LEVELS[name] < lowest:
            raise structlog.DropEvent
        merged = merge_log_fields(logger, name, event)
        rendered: str = render(logger, name, _add_facts(logger, name, merged))
        return rendered

    return line


def _add_facts(_: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the level and the time."""
    event["level"] = name
    event["timestamp"] = datetime.now(UTC)
    return event


class _StandardError:
    """Writes lines to the current standard error."""

    def __init__(self, *_: Any) -> None:
        """Ignore the name."""

    def msg(self, line: str) -> None:
        """Write a line by one call, so that lines of several threads do not mix."""
        sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = exception = msg


def _json(_: Any, __: str, event: Mapping[str, Any]) -> str:
    """Write an event as JSON in ASCII: a terminal would interpret some other characters."""
    try:
        line = orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)
        if line.isascii():
            return line.decode("ascii")
    except TypeError:  # a lone surrogate, or a number beyond 64 bits
        pass
    return json.dumps(event, default=_text)


def _text(value: Any) -> str:
    """Write what JSON has no form for."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return repr(value)


def _renderer(*, local: bool) -> Any:
    if not local:
        return _json
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

    def render(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
        event["timestamp"] = _text(event["timestamp"])
        return console(logger, name, escape_control_characters(logger, name, event))

    return render


def line_formatter(*, local: bool) -> logging.Formatter:
    """Make what writes the lines of other libraries in the form of our own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, _add_facts],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_the_text_of_exceptions,
            _renderer(local=local),
        ],
    )


def other_lines(*, local: bool, level: str) -> dict[str, Any]:
    """Return how logging is to write the lines of other libraries, for `logging.config`.

    Those of the server, named in `SERVER_LOGGERS`, are told from `level` on; of the others only
    warnings.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{__name__}.line_formatter", "local": local}},
        "filters": {"advice": {"()": f"{__name__}.filter_of_advice"}},
        "handlers": {"line": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["line"], "level": "WARNING"},
        "loggers": {
            name: {
                "handlers": ["line"],
                "filters": ["advice"],
                "level": level.upper(),
                "propagate": False,
            }
            for name in SERVER_LOGGERS
        },
    }


def filter_of_advice() -> Callable[[logging.LogRecord], bool]:
    """Make what drops the server's advice to take fewer threads: ours wait for other systems."""
    return lambda record: "Python threads, which seems quite high" not in str(record.msg)


def log_unhandled() -> None:
    """Log an unhandled exception of a thread in our format."""

    def log(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else ""
        fields = exception_fields(args.exc_value) if args.exc_value else {}
        structlog.get_logger("placard").error("thread_ended", thread=name, **fields)

    threading.excepthook = log


def _without_the_text_of_exceptions(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an exception by its `exception_fields`."""
    exc_info = event.pop("exc_info", None)
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return {**event, **exception_fields(error)} if isinstance(error, BaseException) else event


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
    return {k: printable(value) if isinstance(value, str) else value for k, value in event.items()}


def printable(text: str) -> str:
    """Write a text so that no character of it directs a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def exception_fields(error: BaseException) -> dict[str, Any]:
    """Return an exception's type and traceback, without its text, which may quote a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": type(error).__name__, "traceback": lines}
