"""The log: one JSON object a line on standard error, or in the local mode lines for people."""

import logging
import sys
from typing import Any

import structlog


def configure_logs(*, local: bool) -> None:
    """Set up structlog for this process."""
    last: Any = structlog.processors.JSONRenderer()
    if local:
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
