"""The host's sentence for an upstream's failure, and whether a kept card may still answer."""

from collections.abc import Mapping
from typing import Any, Final

from app import errors
from app.cache.entry import FetchResult
from app.connectors import Connector
from app.errors import PlacardError
from app.upstream.client import Fetcher
from app.upstream.messages import UpstreamRequest
from app.upstream.verdict import Outcome, Verdict

# The sentences for the host's user, where the default one is not the most helpful.
SENTENCES: Final[Mapping[type[PlacardError], str]] = {
    errors.ResourceMissing: "Not found. {label} has no such page, or does not show it to us.",
    errors.UpstreamRefused: "Access forbidden. {label} does not let us see this page.",
    errors.UpstreamSignedOut: "Access forbidden. {label} wants us to sign in: our credential "
    "for it is missing or has expired.",
    errors.UpstreamTimeout: "{label} did not answer in time.",
    errors.UpstreamUnreachable: "{label} could not be reached.",
    errors.UpstreamRateLimited: "{label} asks us to wait before we ask again.",
    errors.UpstreamResting: "{label} keeps failing. We leave it alone for a moment.",
    errors.UpstreamBusy: "Too many requests wait for {label}. Try again in a moment.",
    errors.UpstreamFailed: "{label} answered with an error.",
    errors.UpstreamUnreadable: "{label} gave an answer that we cannot read.",
    errors.AddressRefused: "{label} sent us to an address that we do not visit.",
    errors.UpstreamTooLarge: "{label} gave an answer that is too large.",
}
ERRORS: Final[Mapping[Outcome, type[PlacardError]]] = {
    "not_modified": errors.UpstreamFailed,  # a 304 to a request without a condition
    "missing": errors.ResourceMissing,
    "forbidden": errors.UpstreamRefused,
    "signed_out": errors.UpstreamSignedOut,
    "limited": errors.UpstreamRateLimited,
    "failed": errors.UpstreamFailed,
}
# For these, and for a verdict that is transient, a stale card may stand in.
_TRANSIENT: Final = (
    errors.UpstreamTimeout,
    errors.UpstreamUnreachable,
    errors.UpstreamRateLimited,
    errors.UpstreamResting,
    errors.UpstreamBusy,
)


def raise_for_verdict(verdict: Verdict) -> None:
    """Return for a success; raise the error that any other answer means for the host.

    Raises ResourceMissing, UpstreamRefused, UpstreamSignedOut, UpstreamRateLimited or
    UpstreamFailed.
    """
    if verdict.outcome == "ok":
        return
    raise ERRORS[verdict.outcome](verdict.detail)


def document_of(fetcher: Fetcher, request: UpstreamRequest) -> Any:
    """Fetch the document of a request; raises as `Fetcher.fetch` and `raise_for_verdict` do."""
    response = fetcher.fetch(request)
    raise_for_verdict(response.verdict)
    return response.document


def failure_of(connector: Connector, error: PlacardError, verdict: Verdict | None) -> FetchResult:
    """Return the result of a failure, and whether a kept card may still answer."""
    definitive = isinstance(error, errors.Forbidden | errors.NotFound | errors.ConnectionNeeded)
    transient = isinstance(error, _TRANSIENT) or (verdict is not None and verdict.transient)
    return FetchResult(
        error.code,
        _sentence(connector, error).encode(),
        detail=error.detail,
        wait=verdict.wait if verdict else None,
        transient=transient and not definitive,
        definitive=definitive,
    )


def with_sentence(error: PlacardError, connector: Connector) -> PlacardError:
    """Add the sentence and the cache status to an error of this request alone."""
    error.sentence = _sentence(connector, error)
    error.cache_status = f"Placard; fwd=miss; detail={error.code}"
    return error


def _sentence(connector: Connector, error: PlacardError) -> str:
    if "sentence" in vars(error):
        return error.sentence
    return SENTENCES.get(type(error), error.sentence).format(label=connector.label)
