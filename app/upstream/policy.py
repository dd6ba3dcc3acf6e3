"""The checks before each call: rate limits, circuit breakers and the bulkhead.

Their state is that of this process: each worker has its own.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal

import structlog

from app.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamResting,
    UpstreamTimeout,
)
from app.settings import BREAKER_FAILURES, BREAKER_REST
from app.upstream.bulkhead import Bulkhead
from app.upstream.circuit_breaker import Breaker, is_server_error, is_unreachable
from app.upstream.messages import UpstreamResponse
from app.upstream.rate_limits import RateLimits
from app.upstream.transport import remaining

Event = Literal["hold", "held", "opened", "resting", "busy", "retried"]

REFUSALS: Final[Mapping[type[UpstreamError], Event]] = {
    UpstreamRateLimited: "held",
    UpstreamResting: "resting",
    UpstreamBusy: "busy",
}
_log = structlog.get_logger("placard")


class UpstreamPolicy:
    """What stands before each call: holds, the breakers and the bulkhead, in this order.

    `on_event` is told of each hold and each opening of a breaker (`hold`, `opened`), of each
    call that is refused (`held`, `resting`, `busy`), and of each retry (`retried`). `clock` is
    monotonic, in seconds.
    """

    def __init__(
        self,
        *,
        bulkhead: Bulkhead | None = None,
        failures: int = BREAKER_FAILURES,
        rest: float = BREAKER_REST,
        on_event: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.report = on_event
        self._rate_limits = RateLimits(clock)
        self._origins = Breaker(failures, rest, is_unreachable, self._origin_opened, clock)
        self._credentials = Breaker(failures, rest, is_server_error, self._opened, clock)
        self._bulkhead = bulkhead or Bulkhead()

    def call(
        self, origin: str, identity: str, send: Callable[[], UpstreamResponse]
    ) -> UpstreamResponse:
        """Send to an origin with a credential's identity, and observe what the answer asks for.

        Raises UpstreamRateLimited, UpstreamResting, UpstreamBusy or, past the deadline,
        UpstreamTimeout without sending, and what `send` raises.
        """
        try:
            # Before the call queues for a slot, and the breakers once more when it has one.
            self._check(origin, identity)
            with self._bulkhead.slot(origin):
                _check_time()
                response = self._call(origin, identity, send)
        except tuple(REFUSALS) as refusal:
            self.report(REFUSALS[type(refusal)])
            raise
        self._observe(origin, identity, response)
        return response

    @property
    def breakers_open(self) -> int:
        """How many breakers keep calls back: of origins, and of origins with a credential."""
        return self._origins.open_count() + self._credentials.open_count()

    def may_ask(self, origin: str, identity: str) -> bool:
        """Tell whether neither a hold nor the breaker stands before a call now."""
        try:
            self._check(origin, identity)
        except (UpstreamRateLimited, UpstreamResting):
            return False
        return True

    def _check(self, origin: str, identity: str) -> None:
        self._rate_limits.check(origin, identity)
        self._origins.check(origin)
        self._credentials.check((origin, identity))

    def _call(
        self, origin: str, identity: str, send: Callable[[], UpstreamResponse]
    ) -> UpstreamResponse:
        with_credential = partial(self._credentials.call, (origin, identity), send)
        return self._origins.call(origin, with_credential)

    def _observe(self, origin: str, identity: str, response: UpstreamResponse) -> None:
        seconds = self._rate_limits.observe(origin, identity, response)
        if seconds:
            self.report("hold")
            _log.warning("upstream_hold", origin=origin, credential=identity, seconds=seconds)

    def _origin_opened(self, origin: str) -> None:
        self.report("opened")
        _log.warning("upstream_breaker_opened", origin=origin)

    def _opened(self, key: tuple[str, str]) -> None:
        self.report("opened")
        _log.warning("upstream_breaker_opened", origin=key[0], credential=key[1])


def _check_time() -> None:
    """Raise UpstreamTimeout past the deadline: a host that is not asked is not to blame."""
    try:
        remaining()
    except TimeoutError as error:
        raise UpstreamTimeout(str(error)) from None
