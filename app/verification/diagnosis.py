"""Why a signature does not match: proxies rewrite queries, and often in one of these ways.

For the log and the preview only: a request that is diagnosed is refused all the same.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from app.verification.request import SignedRequest

# The order in which the host documents its parameters.
_HOST_ORDER: Final = (
    b"resource_url",
    b"workspace",
    b"task",
    b"user",
    b"attachment",
    b"asset",
    b"locale",
    b"expires_at",
)
_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
# They bound the work that one false signature can cause.
_MOST_PARAMETERS: Final = 16
_LONGEST_MESSAGE: Final = 4096
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_Rewrite = tuple[str, Callable[[bytes], bytes]]


def diagnose(request: SignedRequest, secrets: Sequence[str]) -> str | None:
    """Name what a proxy or the sender probably did to a request; None if nothing explains it."""
    signature = (request.signature or "").strip().lower()
    if not _HEX.fullmatch(signature) or not _is_small_enough(request):
        return None
    for rewrite, message in _candidates(request):
        for secret in secrets:
            expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
            if hmac.compare_digest(signature, expected):
                return rewrite
    return None


def _is_small_enough(request: SignedRequest) -> bool:
    return (
        request.method != "POST"
        and len(request.query) <= _LONGEST_MESSAGE
        and request.query.count(b"&") < _MOST_PARAMETERS
    )


def _candidates(request: SignedRequest) -> Iterator[tuple[str, bytes]]:
    """Yield each rewrite, with the bytes that the host would have signed before it."""
    query = request.query
    yield "the signature in lower case and without blanks", query
    yield "the query with its question mark", b"?" + query
    yield "the path and the query", request.path.encode() + b"?" + query
    for order, reordered in _ORDERS:
        for encoding, encoded in _ENCODINGS:
            names = " and ".join(name for name in (order, encoding) if name)
            if names:
                yield names, encoded(reordered(query))
    pairs = query.split(b"&")
    for index, pair in enumerate(pairs):
        name = pair.partition(b"=")[0].decode("ascii", "replace")
        yield f"the query without {name}", b"&".join(pairs[:index] + pairs[index + 1 :])


def _unchanged(query: bytes) -> bytes:
    return query


def _sorted(query: bytes) -> bytes:
    return b"&".join(sorted(query.split(b"&")))


def _as_documented(query: bytes) -> bytes:
    ranks = {name: rank for rank, name in enumerate(_HOST_ORDER)}
    pairs = [(pair.partition(b"=")[0], pair) for pair in query.split(b"&")]
    pairs.sort(key=lambda named: ranks.get(named[0], len(ranks)))
    return b"&".join(pair for _, pair in pairs)


def _encoded(query: bytes) -> bytes:
    """Encode each name and value again, as if a proxy had decoded them."""
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    return b"&".join(
        b"=".join(quote(unquote_to_bytes(text), safe="").encode() for text in (name, value))
        for name, _, value in pairs
    )


_ORDERS: Final[tuple[_Rewrite, ...]] = (
    ("", _unchanged),
    ("the parameters in the host's order", _as_documented),
    ("the parameters sorted", _sorted),
)
_ENCODINGS: Final[tuple[_Rewrite, ...]] = (
    ("", _unchanged),
    ("%20 instead of +", lambda query: query.replace(b"+", b"%20")),
    ("+ instead of %20", lambda query: query.replace(b"%20", b"+")),
    ("encoded once instead of twice", lambda query: query.replace(b"%25", b"%")),
    ("encoded twice instead of once", lambda query: query.replace(b"%", b"%25")),
    ("escapes in upper case", lambda query: _ESCAPE.sub(lambda m: m[0].upper(), query)),
    ("escapes in lower case", lambda query: _ESCAPE.sub(lambda m: m[0].lower(), query)),
    ("percent-encoded values", _encoded),
)
