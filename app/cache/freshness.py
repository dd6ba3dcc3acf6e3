"""How long an entry is fresh, and how it may be used after that.

Implements freshness as in RFC 9111, and both extensions of RFC 5861.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from app.cache.entry import CARD, DOCUMENT, Entry, FetchResult, Times, etag_of
from app.upstream.verdict import LONGEST_WAIT

Phase = Literal["fresh", "backing_off", "stale", "old", "gone"]

# How long each kind of failure is kept, as a share of `failure_ttl`, by its code.
FAILURE_SHARES: Final[Mapping[str, float]] = {
    "resource_missing": 1.0,
    "upstream_refused": 1.0,
    "upstream_signed_out": 1.0,
    "upstream_rate_limited": 1.0,  # unless the answer says how long to wait
    "upstream_timeout": 0.5,
    "upstream_unreachable": 0.5,
    "upstream_failed": 0.5,
    # No call was made; the next one may be allowed soon.
    "upstream_resting": 0.1,
    "upstream_busy": 0.1,
}
OTHER_SHARE: Final = 1.0
# In seconds. A 304 renews a body no longer than this: a release changes the mapping while its
# input stays the same.
LONGEST_RENEWAL: Final = 3600.0
# In seconds: how far the clocks of machines that share entries may differ.
MOST_SKEW: Final = 5.0
# In seconds: how long a resource of this service itself is fresh, at most; it is never stale.
LOOPBACK_TTL: Final = 1.0


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long entries are used, in seconds; `stale` and `stale_if_error` follow `ttl`."""

    ttl: float
    failure_ttl: float
    stale: float = 0.0
    stale_if_error: float = 0.0
    # What a connector asks for instead of `ttl`, at most.
    longest_ttl: float = 0.0

    def failure_ttl_of(self, fetched: FetchResult) -> float:
        """Return how long a failure is kept: no longer than a card, except for a rate limit."""
        if fetched.outcome == "upstream_rate_limited" and fetched.wait is not None:
            return min(max(fetched.wait, 1.0), LONGEST_WAIT)
        share = FAILURE_SHARES.get(fetched.outcome, OTHER_SHARE)
        return min(self.failure_ttl * share, self.ttl)

    def entry(self, fetched: FetchResult, now: float, previous: Entry | None) -> Entry:
        """Make the entry of a result; `previous` is the card that a 304 renewed."""
        longest = LOOPBACK_TTL if fetched.is_loopback else math.inf
        if fetched.outcome not in (CARD, DOCUMENT):
            until = now + min(self.failure_ttl_of(fetched), longest)
            times = Times(now, until, until, until, now)
            return Entry(fetched.outcome, fetched.body, times, fetched.detail)
        until = now + min(self.ttl if fetched.ttl is None else fetched.ttl, longest)
        stale = 0.0 if fetched.is_loopback else self.stale
        mapped_at = previous.times.mapped_at if fetched.renewed and previous else now
        return Entry(
            fetched.outcome,
            fetched.body,
            Times(now, until, until + stale, until + self.stale_if_error, mapped_at),
            etag=etag_of(fetched.body),
            changes=fetched.changes,
            validator=fetched.validator,
        )

    def shortened(self, kept: Entry) -> Entry:
        """Cut the times of an entry that was stored by other settings to what these allow."""
        times = kept.times
        if kept.is_card:
            fresh = min(times.fresh_until, times.made_at + max(self.ttl, self.longest_ttl))
            stale, error = fresh + self.stale, fresh + self.stale_if_error
        else:
            limited = kept.outcome == "upstream_rate_limited"
            longest = LONGEST_WAIT if limited else min(self.failure_ttl, self.ttl)
            fresh = stale = error = min(times.fresh_until, times.made_at + longest)
        cut = replace(
            times,
            fresh_until=fresh,
            stale_until=min(times.stale_until, stale),
            error_until=min(times.error_until, error),
        )
        return kept if cut == times else replace(kept, times=cut)

    def note_failure(self, kept: Entry, fetched: FetchResult, now: float) -> Entry:
        """Note on a card that its refresh failed, and until when not to try again."""
        retry_at = now + self.failure_ttl_of(fetched)
        if not fetched.transient:
            retry_at = min(retry_at, kept.times.stale_until)
        return replace(kept, times=replace(kept.times, retry_at=retry_at, trouble=fetched.outcome))


def may_stand_in(kept: Entry, fetched: FetchResult, now: float) -> bool:
    """Tell whether a card is kept after a failure; a definitive one replaces it at any age."""
    if not kept.is_card or fetched.is_card or fetched.definitive:
        return False
    if fetched.transient:
        return phase_of(kept, now) != "gone"
    return kept.times.made_at <= now + MOST_SKEW and now < kept.times.stale_until


def phase_of(entry: Entry, now: float) -> Phase:
    """Return the phase of an entry, which decides how it may be used.

    `fresh`: answers any request. `backing_off`: stale, and not to be refreshed yet. `stale`:
    answers while it is refreshed. `old`: answers in place of a transient failure. `gone`: unusable.
    """
    times = entry.times
    if times.made_at > now + MOST_SKEW:
        return "gone"
    if now < times.fresh_until:
        return "fresh"
    if now >= times.keep_until:
        return "gone"
    if now < times.retry_at:
        return "backing_off"
    return "stale" if now < times.stale_until else "old"


def is_renewable(entry: Entry, now: float) -> bool:
    """Tell whether a 304 may renew a card without mapping it again."""
    return entry.validator is not None and 0 <= now - entry.times.mapped_at < LONGEST_RENEWAL
