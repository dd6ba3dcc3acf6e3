"""What came of a look into the cache, and how the answer tells of it (RFC 9211)."""

import math
from dataclasses import dataclass
from typing import Literal

from app.cache.entry import Entry

# `hit`: fresh. `stale`: kept, no longer fresh. `miss`: made here. `renewed`: confirmed by a 304.
# `shared`: made meanwhile by another thread or process.
Result = Literal["hit", "stale", "miss", "renewed", "shared"]
# Why the upstream was asked: nothing was kept, it was not fresh, or the request would have it so.
Forwarded = Literal["", "miss", "stale", "request"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The entry to answer with, where it is from, and the time of the look in epoch seconds."""

    entry: Entry
    result: Result
    now: float
    forwarded: Forwarded = ""

    @property
    def ttl(self) -> int:
        """How many seconds it stays fresh; below zero, how long it has been stale."""
        return math.floor(self.entry.times.fresh_until - self.now)

    @property
    def is_stale(self) -> bool:
        """Whether what is answered is no longer fresh."""
        return self.now >= self.entry.times.fresh_until

    def cache_status(self) -> str:
        """Write the header `Cache-Status`."""
        how = f"fwd={self.forwarded}" if self.forwarded else "hit"
        words = ["Placard", how]
        if self.result == "renewed":
            words.append("fwd-status=304")
        if self.result == "shared":
            words.append("collapsed")
        words.append(f"ttl={self.ttl}")
        if self.is_stale and self._detail:
            words.append(f"detail={self._detail}")
        return "; ".join(words)

    @property
    def _detail(self) -> str:
        """Why something stale is answered; what was just made with no life at all is not."""
        kept = "stale-while-revalidate" if self.result == "stale" else ""
        return self.entry.times.trouble or kept
