"""Everything that can go wrong, and what the host is told of it.

    PlacardError
    ├── ConfigurationError            stops the start; never an answer
    ├── MalformedRequest         400
    ├── NotAuthenticated         401  its code is the reason: `expired`, `bad_signature`, …
    ├── Forbidden                403
    │   ├── WorkspaceNotServed
    │   ├── UpstreamRefused
    │   └── UpstreamSignedOut
    ├── NotFound                 404
    │   ├── NoConnector
    │   └── ResourceMissing
    └── InternalError            500
        ├── KeysUnavailable
        ├── BrokenCard
        ├── BrokenDefinition
        ├── StoreUnavailable
        └── UpstreamError
            ├── UpstreamTimeout
            ├── UpstreamUnreachable
            ├── UpstreamRateLimited
            ├── UpstreamResting
            ├── UpstreamBusy
            ├── UpstreamFailed
            ├── UpstreamUnreadable
            ├── UpstreamTooLarge
            └── AddressRefused

Implements the section "Errors" of the host's contract.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

# In characters: a log line is for reading, whatever an upstream or a caller sent.
LONGEST_DETAIL: Final = 1000


class PlacardError(Exception):
    """The root. `status` and `sentence` are for the host, `code` and `detail` for the log.

    `sentence` may be made more helpful for one instance; it never holds a secret, an upstream's
    body or a trace. `detail` says what happened, and is never sent. `cache_status` is the cache's
    part in it, where it was asked.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    sentence: str = "Internal server error."
    cache_status: str = ""
    longest_detail: ClassVar[int] = LONGEST_DETAIL

    def __init__(self, detail: str = "", *, sentence: str | None = None) -> None:
        cut = len(detail) > self.longest_detail
        self.detail = detail[: self.longest_detail] + " …" if cut else detail
        super().__init__(self.detail)
        if sentence is not None:
            self.sentence = sentence


class ConfigurationError(PlacardError):
    """The service must not start; `detail` names each setting and what would be right."""

    code = "configuration"
    # Each line is a setting's, and none may be lost.
    longest_detail = 1 << 20


class MalformedRequest(PlacardError):
    """Parameters are missing, repeated or unreadable."""

    status = 400
    code = "malformed_request"
    sentence = "Illegal or malformed request."


class NotAuthenticated(PlacardError):
    """No proof, a false proof, or an expired one.

    `reason` is one machine-readable word, for the log and the metrics; the host gets no more
    than the default sentence. `would_match` is the diagnosis of a failed signature.
    """

    status = 401
    sentence = "Authorization required."

    def __init__(self, reason: str, detail: str = "", *, would_match: str | None = None) -> None:
        super().__init__(detail)
        self.code = reason
        self.would_match = would_match


class Forbidden(PlacardError):
    """The proof holds, but access is not granted."""

    status = 403
    code = "forbidden"
    sentence = "Access forbidden."


class WorkspaceNotServed(Forbidden):
    """A setting restricts the workspaces, and this one is not among them."""

    code = "workspace_not_served"


class UpstreamRefused(Forbidden):
    """The upstream refuses our credentials."""

    code = "upstream_refused"


class UpstreamSignedOut(Forbidden):
    """The upstream wants us to sign in: our credential is missing or has expired."""

    code = "upstream_signed_out"


class NotFound(PlacardError):
    """Nothing is here."""

    status = 404
    code = "not_found"
    sentence = "Not found."


class NoConnector(NotFound):
    """No connector serves this address."""

    code = "no_connector"


class ResourceMissing(NotFound):
    """The upstream says that there is no such resource."""

    code = "resource_missing"


class InternalError(PlacardError):
    """Our fault, or the upstream's."""


class KeysUnavailable(InternalError):
    """The key set that verifies tokens could not be fetched yet."""

    code = "keys_unavailable"


class BrokenCard(InternalError):
    """What a connector built breaks the host's contract: a bug, and never sent."""

    code = "broken_card"


class BrokenDefinition(InternalError):
    """A file of definitions that was edited cannot be used: its faults, in the local mode."""

    code = "broken_definition"


class StoreUnavailable(InternalError):
    """The library's database does not answer, or not in time."""

    code = "store_unavailable"


class UpstreamError(InternalError):
    """The upstream is slow, down, rate-limited or unreadable."""

    code = "upstream_error"


class UpstreamTimeout(UpstreamError):
    """The upstream did not answer by the deadline."""

    code = "upstream_timeout"


class UpstreamUnreachable(UpstreamError):
    """No connection could be made, or it broke."""

    code = "upstream_unreachable"


class UpstreamRateLimited(UpstreamError):
    """The upstream asks us to come back later."""

    code = "upstream_rate_limited"


class UpstreamResting(UpstreamError):
    """The upstream kept failing, and is left alone for a while."""

    code = "upstream_resting"


class UpstreamBusy(UpstreamError):
    """As many calls to the upstream are under way as may be."""

    code = "upstream_busy"


class UpstreamFailed(UpstreamError):
    """The upstream answered with a status that it should not have."""

    code = "upstream_failed"


class UpstreamUnreadable(UpstreamError):
    """The upstream's answer is not what its documentation promises; `detail` has the JSON path."""

    code = "upstream_unreadable"


class UpstreamTooLarge(UpstreamError):
    """The upstream's answer is over the size limit."""

    code = "upstream_too_large"


class AddressRefused(UpstreamError):
    """The address guard does not let a connection through."""

    code = "address_refused"


def tree(root: type[PlacardError] = PlacardError) -> Iterator[type[PlacardError]]:
    """Yield a class and all that derive from it."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def named(code: str, sentence: str, detail: str = "") -> PlacardError:
    """Make the error again whose code, public sentence and detail were kept, as the cache does."""
    for kind in tree():
        if kind.__dict__.get("code") == code:
            return kind(detail, sentence=sentence)
    raise ValueError(f"{code!r} is no error code")
