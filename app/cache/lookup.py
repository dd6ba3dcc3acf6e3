"""The result of a cache lookup, and its header `Cache-Status` (RFC 9211)."""

import math
from dataclasses import dataclass
from typing import Literal

from app.cache.entry import Entry

# `hit`: fresh. `stale`: kept, no longer fresh. `miss`: made now. `renewed`: confirmed by a 304.
# `shared`: made meanwhile by another thread or process.
Result = Literal["hit", "stale", "miss", "renewed", "shared"]
# Why the upstream was called: nothing was kept, it was not fresh, or the request demanded it.
Forwarded = Literal["", "miss", "stale", "request"]


@dataclass(frozen=True, slots=True)
class CacheLookup:
    """The entry to answer with, how it was found, and when (`now`, in epoch seconds)."""

    entry: Entry
    result: Result
    now: float
    forwarded: Forwarded = ""

    @property
    def ttl(self) -> int:
        """How many seconds the entry stays fresh; negative once it is stale."""
        return math.floor(self.entry.times.fresh_until - self.now)

    @property
    def is_stale(self) -> bool:
        """Whether the entry is no longer fresh."""
        return self.now >= self.entry.times.fresh_until

    def cache_status(self) -> str:
        how = f"fwd={self.forwarded}" if self.forwarded else "hit"
        members = ["Placard", how]
        if self.result == "renewed":
            members.append("fwd-status=304")
        if self.result == "shared":
            members.append("collapsed")
        members.append(f"ttl={self.ttl}")
        if self.is_stale and self._detail:
            members.append(f"detail={self._detail}")
        return "; ".join(members)

    @property
    def _detail(self) -> str:
        """Why a stale entry is answered; empty for one that was just made with a `ttl` of 0."""
        allowed_by = "stale-while-revalidate" if self.result == "stale" else ""
        return self.entry.times.trouble or allowed_by
