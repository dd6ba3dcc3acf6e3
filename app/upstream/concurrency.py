"""A limit of concurrent work: for one origin, and for all together."""

from collections import Counter
from dataclasses import dataclass

from app.settings import FETCH_PLACES


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """At most `per_origin` slots for one origin and `total` for all; None sets no bound on all."""

    per_origin: int = FETCH_PLACES
    total: int | None = None


class Slots:
    """Counts the slots taken under a limit. It does not lock: its owner does."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self._limit = limit
        self.taken: Counter[str] = Counter()

    def are_all_taken(self) -> bool:
        """Tell whether the total is reached, so that no origin has a slot."""
        return self._limit.total is not None and self.taken.total() >= self._limit.total

    def has_slot(self, origin: str) -> bool:
        """Tell whether a slot is free for an origin."""
        return not self.are_all_taken() and self.taken[origin] < self._limit.per_origin

    def take(self, origin: str) -> None:
        """Count one slot more."""
        self.taken[origin] += 1

    def release(self, origin: str) -> None:
        """Count one slot less, and forget an origin that has none."""
        self.taken[origin] -= 1
        if not self.taken[origin]:
            del self.taken[origin]
