"""The one retry of a fetch, after failures that a second attempt may mend."""

import random
import time
from collections.abc import Callable
from http.client import RemoteDisconnected
from typing import Final

import requests

from app.errors import UpstreamBusy, UpstreamRateLimited, UpstreamResting, UpstreamUnreachable
from app.upstream.messages import UpstreamResponse
from app.upstream.transport import remaining

PAUSE: Final = (0.05, 0.25)  # seconds
_RETRIED_STATUSES: Final = frozenset({502, 503, 504})
_UNANSWERED: Final = (
    RemoteDisconnected,
    ConnectionRefusedError,
    ConnectionResetError,
    BrokenPipeError,
)

Send = Callable[[], UpstreamResponse]


class Retry:
    """At most one retry, only of a GET, inside the deadline, after a random pause.

    It retries a connection that ended before its answer began (an idle one may have been closed),
    and a 502, 503 or 504. `on_retry` is called before the retry.
    """

    def __init__(
        self,
        method: str,
        on_retry: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._left = method == "GET"
        self._on_retry = on_retry
        self._sleep = sleep

    def call(self, send: Send, may_ask: Callable[[], bool] = lambda: True) -> UpstreamResponse:
        """Send, and once more if that may help and `may_ask` allows it.

        If the second call is refused, the first result counts. Raises what `send` raises.
        """
        first = _outcome(send)
        if not (self._left and _may_help(first) and may_ask() and self._pause()):
            return _returned(first)
        self._left = False
        self._on_retry()
        try:
            return send()
        except (UpstreamRateLimited, UpstreamResting, UpstreamBusy):
            return _returned(first)

    def _pause(self) -> bool:
        """Pause, and return True; return False if there is no time for it."""
        pause = random.uniform(*PAUSE)  # noqa: S311  # it spreads calls, and protects nothing
        try:
            left = remaining()
        except TimeoutError:
            return False
        if left is not None and left <= pause:
            return False
        self._sleep(pause)
        return True


def _outcome(send: Send) -> UpstreamResponse | UpstreamUnreachable:
    try:
        return send()
    except UpstreamUnreachable as error:
        return error


def _returned(outcome: UpstreamResponse | UpstreamUnreachable) -> UpstreamResponse:
    if isinstance(outcome, UpstreamUnreachable):
        raise outcome
    return outcome


def _may_help(outcome: UpstreamResponse | UpstreamUnreachable) -> bool:
    if isinstance(outcome, UpstreamUnreachable):
        return _ended_before_an_answer(outcome.__context__)
    return outcome.status in _RETRIED_STATUSES and "retry-after" not in outcome.headers


def _ended_before_an_answer(failure: BaseException | None) -> bool:
    """Tell whether a connection ended before the answer began."""
    error: BaseException | None = failure if isinstance(failure, requests.ConnectionError) else None
    while error is not None:
        if isinstance(error, _UNANSWERED):
            return True
        error = error.__context__
    return False
