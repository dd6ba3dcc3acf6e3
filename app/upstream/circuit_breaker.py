"""The circuit breaker: an upstream that keeps failing is not called for a while.

Two of them stand before each call, so that one workspace's credential cannot close a host to the
others: that of the origin counts what is not about the credential (no connection, TLS, time-outs),
that of the origin with the credential counts what the host answers with it (a 5xx).
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cachetools import LRUCache

from app.errors import (
    UpstreamResting,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
    UpstreamUnreadable,
)
from app.upstream.messages import UpstreamResponse

MAX_KEYS: Final = 1024

# Whether a call failed; None says nothing about it.
Judge = Callable[[UpstreamResponse | BaseException], bool | None]
_Key = TypeVar("_Key", bound=Hashable)


def is_unreachable(outcome: UpstreamResponse | BaseException) -> bool | None:
    """Judge an origin: any answer is a success, none a failure."""
    if isinstance(outcome, UpstreamTimeout | UpstreamUnreachable):
        return True
    return False if _is_answer(outcome) else None


def is_server_error(outcome: UpstreamResponse | BaseException) -> bool | None:
    """Judge an origin with a credential: a 5xx is a failure, a 4xx a success."""
    if not _is_answer(outcome):
        return None
    return isinstance(outcome, UpstreamResponse) and outcome.status >= 500


def _is_answer(outcome: UpstreamResponse | BaseException) -> bool:
    return isinstance(outcome, UpstreamResponse | UpstreamUnreadable | UpstreamTooLarge)


@dataclass(slots=True)
class _Failing:
    """The state of a key whose last call failed; of any other none is kept."""

    failures: int = 0
    rests_until: float | None = None
    probed: bool = False


class Breaker(Generic[_Key]):
    """Opens for a key after `failures` failed calls in a row: refuses its calls for `rest` seconds.

    Then exactly one call goes out as a probe. If it succeeds, the breaker closes; if not, the rest
    starts again; if it says nothing, the next call is the probe. `judge` says which it is. Calls
    that were running when the breaker opened no longer change its state. `on_open` is called with
    the key each time the breaker opens; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        failures: int,
        rest: float,
        judge: Judge,
        on_open: Callable[[_Key], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._rest = rest
        self._judge = judge
        self._on_open = on_open
        self._clock = clock
        self._lock = threading.Lock()
        self._failing: LRUCache[_Key, _Failing] = LRUCache(MAX_KEYS)

    def open_count(self) -> int:
        """Count the keys that are left alone now."""
        now = self._clock()
        with self._lock:
            ends = [state.rests_until for state in self._failing.values()]
        return sum(end is not None and end > now for end in ends)

    def check(self, key: _Key) -> None:
        """Raise UpstreamResting if a call would be refused now."""
        with self._lock:
            self._check(key, self._failing.get(key))

    def call(self, key: _Key, send: Callable[[], UpstreamResponse]) -> UpstreamResponse:
        """Send, and record the outcome; raises UpstreamResting without sending."""
        probe = self._admit(key)
        try:
            response = send()
        except BaseException as error:
            self._record(key, failed=self._judge(error), probe=probe)
            raise
        self._record(key, failed=self._judge(response), probe=probe)
        return response

    def _check(self, key: _Key, state: _Failing | None) -> None:
        if state is None or state.rests_until is None:
            return
        left = state.rests_until - self._clock()
        if left > 0 or state.probed:
            how_long = f"for {left:.1f} s more" if left > 0 else "until a probe is answered"
            raise UpstreamResting(
                f"{_named(key)} failed {state.failures} times: left alone {how_long}"
            )

    def _admit(self, key: _Key) -> bool:
        """Admit a call, and tell whether it is the probe; raises UpstreamResting."""
        with self._lock:
            state = self._failing.get(key)
            self._check(key, state)
            if state is None or state.rests_until is None:
                return False
            state.probed = True
            return True

    def _record(self, key: _Key, *, failed: bool | None, probe: bool) -> None:
        if failed is None:
            self._withdraw(key, probe=probe)
        elif failed:
            self._fail(key, probe=probe)
        else:
            self._succeed(key, probe=probe)

    def _succeed(self, key: _Key, *, probe: bool) -> None:
        with self._lock:
            state = self._failing.get(key)
            if state is not None and (probe or state.rests_until is None):
                del self._failing[key]

    def _fail(self, key: _Key, *, probe: bool) -> None:
        with self._lock:
            state = self._failing.setdefault(key, _Failing())
            if state.rests_until is not None and not probe:
                return
            state.failures += 1
            state.probed = False
            opens = probe or state.failures >= self._failures
            if opens:
                state.rests_until = self._clock() + self._rest
        if opens:
            self._on_open(key)

    def _withdraw(self, key: _Key, *, probe: bool) -> None:
        with self._lock:
            state = self._failing.get(key)
            if state is not None and probe:
                state.probed = False


def _named(key: Hashable) -> str:
    return " with ".join(key) if isinstance(key, tuple) else str(key)
