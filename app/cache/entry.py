"""What is kept: an answer ready to be sent, and the times that it goes by."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

CARD: Final = "card"


@dataclass(frozen=True, slots=True)
class Validator:
    """What an upstream calls this state of a resource, and the header that asks by it."""

    header: Literal["If-None-Match", "If-Modified-Since"]
    value: str


@dataclass(frozen=True, slots=True)
class Times:
    """When an entry was true and how long it serves, in epoch seconds: processes share them.

    Past `fresh_until` a card is stale: until `stale_until` it is answered while it is refreshed,
    until `error_until` in place of a transient failure. `mapped_at` is when the body was made,
    `made_at` when the upstream last confirmed it. Until `retry_at` the upstream is left alone:
    its last answer was `trouble`, the code of a failure.
    """

    made_at: float
    fresh_until: float
    stale_until: float
    error_until: float
    mapped_at: float
    retry_at: float = 0.0
    trouble: str = ""

    @property
    def keep_until(self) -> float:
        """When nobody can have a use for the entry any more."""
        return max(self.fresh_until, self.stale_until, self.error_until)


@dataclass(frozen=True, slots=True)
class Entry:
    """The checked bytes of a card with their ETag, or the code and public sentence of an error.

    `detail` is for the log, and never sent; `changes` tell what was cut or dropped of a card.
    """

    outcome: str
    body: bytes
    times: Times
    detail: str = ""
    etag: str = ""
    changes: tuple[str, ...] = ()
    validator: Validator | None = None

    @property
    def is_card(self) -> bool:
        """Whether this is a card, and not an error."""
        return self.outcome == CARD

    @property
    def size(self) -> int:
        """How many bytes its contents take."""
        texts = (
            self.detail,
            self.etag,
            *self.changes,
            self.validator.value if self.validator else "",
        )
        return len(self.body) + sum(len(text.encode(errors="surrogatepass")) for text in texts)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came of asking an upstream, before the cache gives it its times.

    `ttl` is the connector's own, in seconds. `wait` is how long the upstream asks us to
    wait, in seconds. `transient`
    says that a stale card may stand in for this failure for long; `definitive`, that it may not at
    all; of neither kind, it may in its stale time. `renewed` says that the upstream confirmed the
    card that was kept. `is_own` says that this service itself has the resource: to ask again is
    cheap, and who changes it looks at once.
    """

    outcome: str
    body: bytes
    detail: str = ""
    changes: tuple[str, ...] = ()
    validator: Validator | None = None
    ttl: float | None = None
    wait: float | None = None
    transient: bool = False
    definitive: bool = False
    renewed: bool = False
    is_own: bool = False

    @property
    def is_card(self) -> bool:
        """Whether this is a card, and not an error."""
        return self.outcome == CARD


def etag_of(body: bytes) -> str:
    """Return the strong ETag of an answer's bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
