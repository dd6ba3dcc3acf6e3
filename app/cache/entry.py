"""What the cache stores: an answer ready to be sent, and how long it may be used."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

CARD: Final = "card"
# JSON of another room, which checks what it reads: lists of what was found or attached.
DOCUMENT: Final = "document"


@dataclass(frozen=True, slots=True)
class Validator:
    """The upstream's mark of a resource's state, and the header of the conditional request."""

    header: Literal["If-None-Match", "If-Modified-Since"]
    value: str


@dataclass(frozen=True, slots=True)
class Times:
    """When an entry was made and how long it is used, in epoch seconds.

    After `fresh_until` a card is stale: until `stale_until` it answers while it is refreshed, until
    `error_until` in place of a transient failure. `mapped_at` is when the body was made, `made_at`
    when the upstream last confirmed it. Until `retry_at` it is not refreshed, because the last
    refresh failed: `trouble` is the failure's code.
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
        """When the entry has no more use."""
        return max(self.fresh_until, self.stale_until, self.error_until)


@dataclass(frozen=True, slots=True)
class Entry:
    """The checked bytes of a card with their ETag, or the code and public sentence of an error.

    `detail` is for the log, and never sent; `changes` list what was cut or dropped from a card.
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
    """The result of a call to an upstream, before the cache decides how long it is used.

    `ttl` is the connector's, in seconds. `wait` is how long the upstream asks us to wait, in
    seconds. A `transient` failure may be answered with a stale card until `error_until`, a
    `definitive` one never, any other until `stale_until`. `renewed` says that the upstream
    confirmed the kept card. `is_loopback` says that this service has the resource: a call is
    cheap, and changes must show at once.
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
    is_loopback: bool = False

    @property
    def is_card(self) -> bool:
        """Whether this is a card, and not an error."""
        return self.outcome == CARD


def etag_of(body: bytes) -> str:
    """Return the strong ETag of an answer's bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
