"""Why a signature does not match: proxies rewrite queries and bodies, often in one of these ways.

For the log and the preview only: a request that is diagnosed is refused all the same.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes, urlencode

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
_LONGEST_BODY: Final = 1 << 14
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_Rewrite = tuple[str, Callable[[bytes], bytes]]


def diagnose(
    request: SignedRequest,
    secrets: Sequence[str],
    others: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> str | None:
    """Name what a proxy or the sender probably did to a request; None if nothing explains it.

    `others` are secrets that are for something else, by the settings that hold them.
    """
    signature = (request.signature or "").strip().lower()
    if not _HEX.fullmatch(signature) or not _is_small_enough(request):
        return None
    candidates = _of_body(request) if request.method == "POST" else _of_query(request)
    for rewrite, message in candidates:
        for secret in secrets:
            if _matches(signature, message, secret.encode()):
                return rewrite
    return _other_secret(signature, request.message, secrets, others)


def _matches(signature: str, message: bytes, key: bytes) -> bool:
    return hmac.compare_digest(signature, hmac.new(key, message, hashlib.sha256).hexdigest())


def _other_secret(
    signature: str, message: bytes, secrets: Sequence[str], others: Mapping[str, Sequence[str]]
) -> str | None:
    """Name another secret of this service, or another reading of the right one."""
    for setting, others_of in others.items():
        if any(_matches(signature, message, secret.encode()) for secret in others_of):
            return f"a secret of {setting}: that of signatures is the app's client secret"
    for secret in secrets:
        for end in ("\n", "\r\n", " "):
            if _matches(signature, message, f"{secret}{end}".encode()):
                return "the secret with a blank or a line end after it"
        is_hex = len(secret) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", secret, re.ASCII)
        if is_hex and _matches(signature, message, bytes.fromhex(secret)):
            return "the secret decoded from hex: the host takes its text"
    return None


def _is_small_enough(request: SignedRequest) -> bool:
    if request.method == "POST":
        return len(request.body) <= _LONGEST_BODY and len(request.envelope) <= 2 * _LONGEST_BODY
    return len(request.query) <= _LONGEST_MESSAGE and request.query.count(b"&") < _MOST_PARAMETERS


def _of_body(request: SignedRequest) -> Iterator[tuple[str, bytes]]:
    """Yield what may have been signed in place of the text of `data`, with the bytes."""
    data, explanation = request.data or "", "the whole body was signed: only the text of `data` is"
    yield "the signature in lower case and without blanks", request.body
    yield explanation, request.envelope
    for written in _as_json({"data": data}):
        yield explanation, written
    for written in _as_json(data):
        yield "`data` was encoded again: the text in quotes was signed", written
    yield "the query was signed, as for a GET", request.query
    try:
        inner = json.loads(data)
    except (ValueError, RecursionError):
        return
    for written in _as_json(inner):
        yield _changed(data, written), written
    if isinstance(inner, dict):
        sent = request.parameters
        yield "the inner object was signed as a query", urlencode(sent, quote_via=quote).encode()
        # Of a body that was the object itself, as the host's interface description draws it.
        yield "the inner object was signed, its keys sorted", _compact(inner, sort_keys=True)


def _changed(data: str, signed: bytes) -> str:
    """Say in what a text of JSON differs from the one that was signed: blanks, or escapes too."""
    if _without_blanks(data) == _without_blanks(signed.decode("utf-8", "replace")):
        return "the blanks of `data` were changed: a proxy wrote the body anew"
    return "`data` was decoded and encoded again: its escapes or its numbers were changed"


def _without_blanks(text: str) -> str:
    return re.sub(r"\s", "", text)


def _as_json(document: Any) -> Iterator[bytes]:
    """Yield a document as JSON writers write it: with and without blanks, and escapes."""
    for ascii_only in (False, True):
        yield _compact(document, ensure_ascii=ascii_only)
        yield json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    yield json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")


def _compact(document: Any, *, ensure_ascii: bool = False, sort_keys: bool = False) -> bytes:
    written = json.dumps(
        document, ensure_ascii=ensure_ascii, sort_keys=sort_keys, separators=(",", ":")
    )
    return written.encode("utf-8", "surrogatepass")


def _of_query(request: SignedRequest) -> Iterator[tuple[str, bytes]]:
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
