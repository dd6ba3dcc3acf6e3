"""The circuit breaker: an origin that keeps failing is not called for a while."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from app.errors import (
    UpstreamResting,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
    UpstreamUnreadable,
)
from app.upstream.messages import UpstreamResponse

MAX_ORIGINS: Final = 1024


@dataclass(slots=True)
class _FailingOrigin:
    """The state of an origin whose last call failed; of any other none is kept."""

    failures: int = 0
    rests_until: float | None = None
    probed: bool = False


class Breaker:
    """Opens after `failures` failed calls in a row: refuses all calls for `rest` seconds.

    Then exactly one call goes out as a probe. If it is answered, the breaker closes; if not, the
    rest starts again. A 5xx and no answer are failures, a 4xx is an answer. Calls that were running
    when the breaker opened no longer change its state. `on_open` is called with the origin each
    time the breaker opens; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        failures: int,
        rest: float,
        on_open: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._rest = rest
        self._on_open = on_open
        self._clock = clock
        self._lock = threading.Lock()
        self._failing: LRUCache[str, _FailingOrigin] = LRUCache(MAX_ORIGINS)

    def check(self, origin: str) -> None:
        """Raise UpstreamResting if a call would be refused now."""
        with self._lock:
            self._check(origin, self._failing.get(origin))

    def call(self, origin: str, send: Callable[[], UpstreamResponse]) -> UpstreamResponse:
        """Send, and record the outcome; raises UpstreamResting without sending."""
        probe = self._admit(origin)
        try:
            response = send()
        except (UpstreamTimeout, UpstreamUnreachable):
            self._fail(origin, probe=probe)
            raise
        except (UpstreamUnreadable, UpstreamTooLarge):
            self._succeed(origin, probe=probe)
            raise
        except BaseException:
            # This says nothing about the origin: the next call is the probe.
            self._withdraw(origin, probe=probe)
            raise
        if response.status >= 500:
            self._fail(origin, probe=probe)
        else:
            self._succeed(origin, probe=probe)
        return response

    def _check(self, origin: str, state: _FailingOrigin | None) -> None:
        if state is None or state.rests_until is None:
            return
        left = state.rests_until - self._clock()
        if left > 0 or state.probed:
            how_long = f"for {left:.1f} s more" if left > 0 else "until a probe is answered"
            raise UpstreamResting(f"{origin} failed {state.failures} times: left alone {how_long}")

    def _admit(self, origin: str) -> bool:
        """Admit a call, and tell whether it is the probe; raises UpstreamResting."""
        with self._lock:
            state = self._failing.get(origin)
            self._check(origin, state)
            if state is None or state.rests_until is None:
                return False
            state.probed = True
            return True

    def _succeed(self, origin: str, *, probe: bool) -> None:
        with self._lock:
            state = self._failing.get(origin)
            if state is not None and (probe or state.rests_until is None):
                del self._failing[origin]

    def _fail(self, origin: str, *, probe: bool) -> None:
        with self._lock:
            state = self._failing.setdefault(origin, _FailingOrigin())
            if state.rests_until is not None and not probe:
                return
            state.failures += 1
            state.probed = False
            opens = probe or state.failures >= self._failures
            if opens:
                state.rests_until = self._clock() + self._rest
        if opens:
            self._on_open(origin)

    def _withdraw(self, origin: str, *, probe: bool) -> None:
        with self._lock:
            state = self._failing.get(origin)
            if state is not None and probe:
                state.probed = False
