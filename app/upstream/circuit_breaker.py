"""Leaving alone, for a while, a host that keeps failing."""

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

MOST_HOSTS: Final = 1024


@dataclass(slots=True)
class _Trouble:
    """What is known of a host that fails; one that answers is not known at all."""

    failures: int = 0
    rests_until: float | None = None
    probed: bool = False


class Breaker:
    """After `failures` calls in a row that failed, lets none through for `rest` seconds.

    Then exactly one goes out as a probe: if it is answered, all may go again; if not, the rest
    begins anew. No answer and a 5xx are failures, a 4xx is an answer. Calls that had begun before
    the rest decide nothing any more. `on_open` is told of each rest; `clock` is monotonic.
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
        self._troubled: LRUCache[str, _Trouble] = LRUCache(MOST_HOSTS)

    def check(self, host: str) -> None:
        """Raise UpstreamResting where a call would not be let through now."""
        with self._lock:
            self._check(host, self._troubled.get(host))

    def call(self, host: str, send: Callable[[], UpstreamResponse]) -> UpstreamResponse:
        """Send, and learn from the outcome; raises UpstreamResting without sending."""
        probe = self._admit(host)
        try:
            response = send()
        except (UpstreamTimeout, UpstreamUnreachable):
            self._fail(host, probe=probe)
            raise
        except (UpstreamUnreadable, UpstreamTooLarge):
            self._succeed(host, probe=probe)
            raise
        except BaseException:
            # This says nothing of the host: the next call is the probe.
            self._withdraw(host, probe=probe)
            raise
        if response.status >= 500:
            self._fail(host, probe=probe)
        else:
            self._succeed(host, probe=probe)
        return response

    def _check(self, host: str, trouble: _Trouble | None) -> None:
        if trouble is None or trouble.rests_until is None:
            return
        left = trouble.rests_until - self._clock()
        if left > 0 or trouble.probed:
            told = f"for {left:.1f} s more" if left > 0 else "until a probe is answered"
            raise UpstreamResting(f"{host} failed {trouble.failures} times: left alone {told}")

    def _admit(self, host: str) -> bool:
        """Let a call through, and tell whether it is the probe."""
        with self._lock:
            trouble = self._troubled.get(host)
            self._check(host, trouble)
            if trouble is None or trouble.rests_until is None:
                return False
            trouble.probed = True
            return True

    def _succeed(self, host: str, *, probe: bool) -> None:
        with self._lock:
            trouble = self._troubled.get(host)
            if trouble is not None and (probe or trouble.rests_until is None):
                del self._troubled[host]

    def _fail(self, host: str, *, probe: bool) -> None:
        with self._lock:
            trouble = self._troubled.setdefault(host, _Trouble())
            if trouble.rests_until is not None and not probe:
                return
            trouble.failures += 1
            trouble.probed = False
            opens = probe or trouble.failures >= self._failures
            if opens:
                trouble.rests_until = self._clock() + self._rest
        if opens:
            self._on_open(host)

    def _withdraw(self, host: str, *, probe: bool) -> None:
        with self._lock:
            trouble = self._troubled.get(host)
            if trouble is not None and probe:
                trouble.probed = False
