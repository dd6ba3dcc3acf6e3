"""The JWT in `Authorization: Bearer …`."""

import binascii
import hashlib
import hmac
import json
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import jwt
from cachetools import LRUCache

from app.errors import NotAuthenticated
from app.verification.keys import Key, KeySource
from app.verification.qsh import query_string_hash
from app.verification.request import Proof, SignedRequest, Viewer, viewer_named_by

LEEWAY: Final = 30
MOST_HEADERS: Final = 32
# How many verified tokens are cached, and the longest of them in characters.
MOST_VERIFIED: Final = 1024
LONGEST_VERIFIED: Final = 2048
# Headers that point to keys elsewhere, and extensions, of which none is supported.
REFUSED_HEADERS: Final = ("b64", "crit", "jku", "x5u")
# To base64's own alphabet; its two characters that base64url has not become invalid ones.
_BASE64: Final = bytes.maketrans(b"-_+/", b"+/!!")


class VerifiedTokens:
    """A cache of the claims of verified tokens, each with the key that verified it.

    Cached claims are used only if verifying again would give the same: for the same bytes, the same
    key object (a key that its source has dropped or parsed again is another object), and a time
    within the token's without any leeway.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verified: LRUCache[str, tuple[Key, Mapping[str, Any]]] = LRUCache(MOST_VERIFIED)

    def claims(self, token: str, key: Key) -> Mapping[str, Any] | None:
        """Return the claims of a token that this key has verified, if it is valid now."""
        with self._lock:
            verified = self._verified.get(token)
        if verified is None or verified[0] is not key:
            return None
        claims, now = verified[1], time.time()
        begins = max(_seconds(claims, name) for name in ("iat", "nbf") if name in claims)
        return claims if begins <= now < _seconds(claims, "exp") else None

    def keep(self, token: str, key: Key, claims: Mapping[str, Any]) -> None:
        """Cache the claims of a token that the key has just verified."""
        if len(token) <= LONGEST_VERIFIED:
            with self._lock:
                self._verified[token] = (key, claims)

    def forget(self) -> None:
        with self._lock:
            self._verified.clear()


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must fulfil; `max_lifetime` is in seconds.

    `verified` caches the tokens that have fulfilled these rules.
    """

    sources: tuple[KeySource, ...]
    algorithms: frozenset[str]
    audience: str
    issuer: str | None
    max_lifetime: float
    require_qsh: bool
    verified: VerifiedTokens = field(default_factory=VerifiedTokens, repr=False, compare=False)


def verify_token(request: SignedRequest, rules: TokenRules) -> Proof:
    """Return the proof that a request's token gives.

    Raises NotAuthenticated with the reason: `no_token`, `malformed_token`, `refused_header`,
    `wrong_algorithm`, `unknown_key`, `bad_signature`, `expired`, `not_yet_valid`,
    `wrong_audience`, `wrong_issuer`, `missing_claim`, `lifetime_too_long`, `no_qsh`,
    `wrong_qsh`, `no_body_sha256`, `wrong_body_sha256` or `wrong_workspace`.
    """
    if not request.authorization and request.signature:
        raise NotAuthenticated(
            "no_token", "a signature came, and PLACARD_VERIFY takes tokens: `either` takes both"
        )
    token = _bearer(request.authorization)
    claims = token_claims(token, rules)
    _check_lifetime(claims, rules.max_lifetime)
    _check_request(claims, request, rules)
    subject = claims.get("sub")
    viewer = _viewer(claims, request, token)
    return Proof("jwt", subject if isinstance(subject, str) else None, viewer)


def _viewer(claims: Mapping[str, Any], request: SignedRequest, token: str) -> Viewer:
    """Say for whom a token speaks: a hash covers all parameters, a claim its own one.

    A token whose `sub` is not the parameter's user speaks for no person.
    """
    subject, named = claims.get("sub"), viewer_named_by(request)
    is_bound = ("body_sha256" if request.method == "POST" else "qsh") in claims
    is_person = is_bound if subject is None else subject == named.user
    return Viewer(
        workspace=named.workspace if is_bound or "workspace" in claims else None,
        user=named.user if is_person else None,
        task=named.task if is_bound else None,
        # Each of the tokens that name nobody is a holder of its own.
        holder=(named.user if is_person else subject) or token,
    )


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise NotAuthenticated("no_token", "there is no Authorization header")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("no_token", "Authorization is not `Bearer <token>`")
    return token.strip()


def token_claims(token: str, rules: TokenRules) -> Mapping[str, Any]:
    """Return the claims of a token whose signature, times and audience are valid.

    Raises NotAuthenticated with the reason. `verify_token` checks the lifetime and `qsh`.
    """
    failure = NotAuthenticated("unknown_key", "no key fits the token's `alg` and `kid`")
    for key in _candidates(token, rules):
        claims = rules.verified.claims(token, key)
        if claims is not None:
            return claims
        claims = _claims_signed_by(key, token)
        if claims is not None:
            _check_claims(claims, rules, time.time())
            rules.verified.keep(token, key, claims)
            return claims
        failure = NotAuthenticated("bad_signature", "no key verifies the token")
    raise failure


def _candidates(token: str, rules: TokenRules) -> Iterator[Key]:
    """Yield the keys to try; a later source is used only if no earlier key verifies the token."""
    header = _header(token.partition(".")[0])
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in rules.algorithms:
        raise NotAuthenticated("wrong_algorithm", "the token's `alg` is not allowed")
    for source in rules.sources:
        if algorithm in source.algorithms:
            yield from source.keys(algorithm, header.get("kid"))


# The tokens of one sender have as many different headers as it has keys.
@lru_cache(MOST_HEADERS)
def _header(segment: str) -> Mapping[str, Any]:
    """Parse the header of a token; `segment` is its first part."""
    try:
        # Checked before PyJWT checks it, so that the reason is a distinct one.
        members = json.loads(_base64url_decode(segment.encode()))
        refused = [name for name in REFUSED_HEADERS if name in members]
        header = {} if refused else jwt.get_unverified_header(f"{segment}..")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise NotAuthenticated("malformed_token", str(error)) from None
    if refused:
        raise NotAuthenticated("refused_header", f"the token's header has `{refused[0]}`")
    return header


def _claims_signed_by(key: Key, token: str) -> Mapping[str, Any] | None:
    """Return what a key has signed, or None if the signature is another's.

    PyJWT's `decode` does the same and prepares the key and parses the header each time, which
    takes five times as long as the verification.
    """
    signed, _, signature = token.encode().rpartition(b".")
    try:
        payload = _base64url_decode(signed.partition(b".")[2])
        if not key.verifies(signed, _base64url_decode(signature)):
            return None
        claims = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise NotAuthenticated("malformed_token", str(error)) from None
    if not isinstance(claims, dict):
        raise NotAuthenticated("malformed_token", "the claims are not a JSON object")
    return claims


def _base64url_decode(segment: bytes) -> bytes:
    """Decode a segment; padding may be there or not.

    Raises ValueError for another character, wrong padding, and bits that are left over.
    """
    padded = segment.translate(_BASE64)
    if not padded.endswith(b"="):
        padded += b"=" * (-len(padded) % 4)
    decoded = binascii.a2b_base64(padded, strict_mode=True)
    if binascii.b2a_base64(decoded, newline=False) != padded:
        raise ValueError("a segment is not base64url")
    return decoded


def _check_claims(claims: Mapping[str, Any], rules: TokenRules, now: float) -> None:
    """Check the registered claims as RFC 7519 has them, with some leeway for the times."""
    for name in ("exp", "iat", "aud", "iss") if rules.issuer else ("exp", "iat", "aud"):
        if claims.get(name) is None:
            raise NotAuthenticated("missing_claim", f"the token has no `{name}`")
    early = max(_seconds(claims, name) for name in ("iat", "nbf") if name in claims) - now
    if early > LEEWAY:
        raise NotAuthenticated(
            "not_yet_valid",
            "the token is not valid yet",
            would_match=f"a clock that is {early:.0f} s ahead of this one",
        )
    late = now - _seconds(claims, "exp")
    if late >= LEEWAY:
        raise NotAuthenticated(
            "expired",
            "the token has expired",
            would_match=f"a clock that is {late:.0f} s behind this one",
        )
    if rules.issuer and claims["iss"] != rules.issuer:
        raise NotAuthenticated("wrong_issuer", "`iss` is not the issuer")
    if rules.audience not in _audiences(claims["aud"]):
        raise NotAuthenticated("wrong_audience", "`aud` does not name this service")
    for name in ("sub", "jti"):
        if not isinstance(claims.get(name, ""), str):
            raise NotAuthenticated("malformed_token", f"`{name}` is not text")


def _audiences(aud: Any) -> Sequence[str]:
    """Return the audiences of a token: one text, or a list of texts only."""
    if isinstance(aud, list) and all(isinstance(one, str) for one in aud):
        return aud
    return [aud] if isinstance(aud, str) else ()


def _check_lifetime(claims: Mapping[str, Any], longest: float) -> None:
    lifetime = _seconds(claims, "exp") - _seconds(claims, "iat")
    if lifetime > longest:
        raise NotAuthenticated("lifetime_too_long", f"`exp` - `iat` is over {longest:g} s")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    """Return a time claim, a number by RFC 7519."""
    value = claims[name]
    if type(value) in (int, float):
        with suppress(OverflowError):
            if math.isfinite(value):
                return float(value)
    raise NotAuthenticated("malformed_token", f"`{name}` is not a time")


def _check_request(claims: Mapping[str, Any], request: SignedRequest, rules: TokenRules) -> None:
    if "qsh" in claims:
        if not _is_hash(claims["qsh"], query_string_hash(request)):
            raise NotAuthenticated("wrong_qsh", "`qsh` is not the hash of this request")
    elif rules.require_qsh and request.method != "POST":
        raise NotAuthenticated("no_qsh", "`qsh` is mandatory")
    if "body_sha256" in claims:
        if not _is_hash(claims["body_sha256"], hashlib.sha256(request.body).hexdigest()):
            raise NotAuthenticated("wrong_body_sha256", "`body_sha256` is not that of this body")
    elif rules.require_qsh and request.method == "POST":
        raise NotAuthenticated("no_body_sha256", "`body_sha256` is mandatory for a POST")
    if "workspace" in claims and claims["workspace"] != request.parameter("workspace"):
        raise NotAuthenticated("wrong_workspace", "`workspace` is not the parameter's")


def _is_hash(claim: Any, expected: str) -> bool:
    """Compare a claim with a hash, in a time that does not depend on where they differ."""
    return hmac.compare_digest(str(claim).encode("utf-8", "replace"), expected.encode())
