"""Prepares a database as soon as it can be used: a service whose database is down comes up."""

import math
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from app.errors import ConfigurationError, StoreUnavailable

# In seconds, between two attempts.
RETRY_DELAY: Final = 1.0


class Preparation:
    """Prepares a database once: when it is first used, or when that is possible at last.

    `refusal` says why a database that answers cannot be used.
    """

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._prepare = prepare
        self._lock = threading.Lock()
        self._is_done = False
        self._retry_at = -math.inf
        self._failure: StoreUnavailable | None = None
        self.refusal: str | None = None

    def require(self) -> None:
        """Prepare the database unless that is done; raises StoreUnavailable, or StoreFull."""
        if self._is_done:
            return
        with self._lock:
            if not self._is_done and time.monotonic() >= self._retry_at:
                self._attempt()
            if self._failure is not None:
                raise type(self._failure)(self._failure.detail)

    def _attempt(self) -> None:
        before, self._failure, self.refusal = self._failure, None, None
        try:
            self._prepare()
        except ConfigurationError as error:
            self.refusal = error.detail
            self._failure = StoreUnavailable(error.detail)
        except StoreUnavailable as error:
            self._failure = error
        self._is_done = self._failure is None
        self._retry_at = time.monotonic() + RETRY_DELAY
        _log_change(before, self._failure)


def _log_change(before: StoreUnavailable | None, now: StoreUnavailable | None) -> None:
    log = structlog.get_logger("placard")
    if now is None:
        if before is not None:
            log.info("library_available")
    elif before is None or before.detail != now.detail:
        log.warning("library_unavailable", code=now.code, detail=now.detail)
