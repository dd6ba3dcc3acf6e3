"""How long what is kept is fresh, and what may still be done with it after that.

Implements freshness as RFC 9111 has it, and both extensions of RFC 5861.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from app.cache.entry import CARD, Entry, FetchResult, Times, etag_of
from app.upstream.verdict import LONGEST_WAIT

Phase = Literal["fresh", "held", "stale", "old", "gone"]

# The share of the life of failures that each kind gets, by its code.
FAILURE_SHARES: Final[Mapping[str, float]] = {
    "resource_missing": 1.0,
    "upstream_refused": 1.0,
    "upstream_signed_out": 1.0,
    "upstream_rate_limited": 1.0,  # unless it says itself how long to wait
    "upstream_timeout": 0.5,
    "upstream_unreachable": 0.5,
    "upstream_failed": 0.5,
    # The host itself was not asked: what holds it up may end at any moment.
    "upstream_resting": 0.1,
    "upstream_busy": 0.1,
}
OTHER_SHARE: Final = 1.0
# In seconds. A body is made anew at least this often: the mapping changes with a release, its
# input may not.
LONGEST_RENEWAL: Final = 3600.0
# Clocks of machines that share entries differ a little; more than this is no clock to trust.
MOST_SKEW: Final = 5.0
# The longest life of a resource of this service itself; it is never stale.
OWN_LIFE: Final = 1.0


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long entries live, in seconds; `stale` and `stale_if_error` begin where `ttl` ends."""

    ttl: float
    failure_ttl: float
    stale: float = 0.0
    stale_if_error: float = 0.0

    def of_failure(self, fetched: FetchResult) -> float:
        """Return the life of a failure: shorter than a card's, but for a rate limit's own."""
        if fetched.outcome == "upstream_rate_limited" and fetched.wait is not None:
            return min(max(fetched.wait, 1.0), LONGEST_WAIT)
        share = FAILURE_SHARES.get(fetched.outcome, OTHER_SHARE)
        return min(self.failure_ttl * share, self.ttl)

    def entry(self, fetched: FetchResult, now: float, previous: Entry | None) -> Entry:
        """Make the entry of a result; `previous` is what a 304 has renewed."""
        longest = OWN_LIFE if fetched.is_own else math.inf
        if fetched.outcome != CARD:
            until = now + min(self.of_failure(fetched), longest)
            times = Times(now, until, until, until, now)
            return Entry(fetched.outcome, fetched.body, times, fetched.detail)
        until = now + min(self.ttl if fetched.ttl is None else fetched.ttl, longest)
        stale = 0.0 if fetched.is_own else self.stale
        mapped_at = previous.times.mapped_at if fetched.renewed and previous else now
        return Entry(
            CARD,
            fetched.body,
            Times(now, until, until + stale, until + self.stale_if_error, mapped_at),
            etag=etag_of(fetched.body),
            changes=fetched.changes,
            validator=fetched.validator,
        )

    def troubled(self, kept: Entry, fetched: FetchResult, now: float) -> Entry:
        """Note on a good entry that its upstream is in trouble, and is to be left alone a while."""
        retry_at = now + self.of_failure(fetched)
        if not fetched.transient:
            retry_at = min(retry_at, kept.times.stale_until)
        return replace(kept, times=replace(kept.times, retry_at=retry_at, trouble=fetched.outcome))


def may_stand_in(kept: Entry, fetched: FetchResult, now: float) -> bool:
    """Tell whether a card outlives a failure: what is definitive replaces it, whatever its age."""
    if not kept.is_card or fetched.is_card or fetched.definitive:
        return False
    if fetched.transient:
        return phase_of(kept, now) != "gone"
    return kept.times.made_at <= now + MOST_SKEW and now < kept.times.stale_until


def phase_of(entry: Entry, now: float) -> Phase:
    """Say what an entry is good for.

    `fresh`: for any request. `held`: stale, and the upstream is to be left alone. `stale`: while it
    is refreshed. `old`: in place of a transient failure. `gone`: for nothing.
    """
    times = entry.times
    if times.made_at > now + MOST_SKEW or now >= times.keep_until:
        return "gone"
    if now < times.fresh_until:
        return "fresh"
    if now < times.retry_at:
        return "held"
    return "stale" if now < times.stale_until else "old"


def is_renewable(entry: Entry, now: float) -> bool:
    """Tell whether a 304 may renew a card without mapping it again."""
    return entry.validator is not None and 0 <= now - entry.times.mapped_at < LONGEST_RENEWAL
