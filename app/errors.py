"""Everything that can go wrong, and what the host or a client of the library is told of it.

    PlacardError
    ├── ConfigurationError            stops the start; never an answer
    ├── MalformedRequest         400
    │   └── InvalidInput              of the library: `where`, and which rule is broken
    ├── NotAuthenticated         401  its code is the reason: `expired`, `bad_signature`, …
    ├── SignInFailed             422  of the pages on which people sign in
    ├── ConnectionNeeded         401  to the host this means: let this person sign in
    ├── Forbidden                403
    │   ├── WorkspaceNotServed
    │   ├── BudgetSpent
    │   ├── UpstreamRefused
    │   └── UpstreamSignedOut
    ├── NotFound                 404
    │   ├── NoConnector
    │   └── ResourceMissing
    ├── LibraryRefusal                what only clients of the library are answered
    │   ├── MethodNotAllowed     405
    │   ├── BodyTimeout          408
    │   ├── Conflict             409
    │   ├── PayloadTooLarge      413
    │   ├── TooManyRequests      429
    │   └── StoreUnavailable     503
    │       └── StoreFull        507
    └── InternalError            500
        ├── KeysUnavailable
        ├── BrokenCard
        ├── BrokenDefinition
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

Implements the section "Errors" of the host's contract. On its addresses, a dialect of the library
writes these errors into its own envelope (app/library/http/errors.py). The tree stands in one file,
though a long one, so that it is seen at once.
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
        super().__init__(self.detail or sentence or "")
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


class InvalidInput(MalformedRequest):
    """A parameter or a body of the library cannot be read; the sentence begins with where.

    `rule` is a word such as `required` or `type`, for dialects that tell them apart; `others` are
    the sentences of further faults that were found at once.
    """

    def __init__(
        self, fault: str, *, where: str = "", rule: str = "invalid", others: tuple[str, ...] = ()
    ) -> None:
        super().__init__(sentence=f"{where}: {fault}" if where else fault)
        self.where = where
        self.rule = rule
        self.others = others


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


class SignInFailed(PlacardError):
    """A step of a sign-in that was not begun in this browser, is over, or was declined."""

    status = 422
    code = "sign_in_failed"
    sentence = "This sign-in was not begun in this browser, or is too old. Begin again."


class ConnectionNeeded(PlacardError):
    """The proof holds, and its person must connect an account of the system first."""

    status = 401
    code = "connection_needed"
    sentence = "Authorization required."


class Forbidden(PlacardError):
    """The proof holds, but access is not granted."""

    status = 403
    code = "forbidden"
    sentence = "Access forbidden."


class WorkspaceNotServed(Forbidden):
    """A setting restricts the workspaces, and this one is not among them."""

    code = "workspace_not_served"


class BudgetSpent(Forbidden):
    """The user has reached the limit of new cards in a minute."""

    code = "budget_spent"
    sentence = "Access forbidden."


class UpstreamRefused(Forbidden):
    """The upstream refuses our credentials."""

    code = "upstream_refused"


class UpstreamSignedOut(Forbidden):
    """The upstream wants us to sign in: our credential is missing or has expired."""

    code = "upstream_signed_out"


class NotFound(PlacardError):
    """Nothing is here. `resource` is what is not found, for dialects that tell such apart."""

    status = 404
    code = "not_found"
    sentence = "Not found."

    def __init__(
        self, detail: str = "", *, sentence: str | None = None, resource: str = ""
    ) -> None:
        super().__init__(detail, sentence=sentence)
        self.resource = resource


class NoConnector(NotFound):
    """No connector serves this address."""

    code = "no_connector"


class ResourceMissing(NotFound):
    """The upstream says that there is no such resource."""

    code = "resource_missing"


class LibraryRefusal(PlacardError):
    """What only clients of the library are answered; the log has a word for each status."""


class MethodNotAllowed(LibraryRefusal):
    """The address does not take this method; `allowed` are those that it takes."""

    status = 405
    sentence = "Method not allowed."

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(sentence=f"Method not allowed; this address takes {', '.join(allowed)}.")
        self.allowed = allowed


class BodyTimeout(LibraryRefusal):
    """The body did not arrive in time."""

    status = 408
    sentence = "The body took too long."


class Conflict(LibraryRefusal):
    """The version that was given is not the current one, or an id is taken; nothing was changed."""

    status = 409
    sentence = "Conflict."


class PayloadTooLarge(LibraryRefusal):
    """The body is over the size limit."""

    status = 413
    sentence = "Payload too large."


class TooManyRequests(LibraryRefusal):
    """The token has no request left; `retry_after` is in seconds."""

    status = 429
    sentence = "Too many requests."

    def __init__(self, retry_after: int) -> None:
        super().__init__(sentence=f"Too many requests; try again in {retry_after} s.")
        self.retry_after = retry_after


class StoreUnavailable(LibraryRefusal):
    """The library's database does not answer, or not in time; `retry_after` is in seconds."""

    status = 503
    code = "store_unavailable"
    sentence = "The library's database does not answer; try again later."
    retry_after: ClassVar[int] = 5


class StoreFull(StoreUnavailable):
    """The disk of the library's database is full; what was stored can still be read."""

    status = 507
    code = "store_full"
    sentence = "The disk of the library's database is full: nothing was stored."


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


def error_of(code: str, sentence: str, detail: str = "") -> PlacardError:
    """Make the error again whose code, public sentence and detail were kept, as the cache does."""
    if code not in _BY_CODE:
        raise ValueError(f"{code!r} is not an error code")
    return _BY_CODE[code](detail, sentence=sentence)


_BY_CODE: Final = {kind.__dict__["code"]: kind for kind in tree() if "code" in kind.__dict__}
