"""Proofs of a request, made with an application's own secrets: good ones, and bad ones.

A GET is bound by `qsh`, a POST by `body_sha256`, the hash of the text of its `data`.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import jwt

from app.settings import Settings
from app.verification import SIGNATURE_HEADER, SignedRequest, query_string_hash, sign

Prove = Callable[[Settings, SignedRequest], Mapping[str, str]]
# In seconds.
LIFETIME: Final = 60
OTHER_SECRET: Final = "another secret, which the service does not know"  # noqa: S105 - made up


def make_token(
    secret: str | None, algorithm: str = "HS256", *, audience: str = "placard", **changes: Any
) -> str:
    """Make a token that holds, but for the changes; a claim that is changed to None is left out."""
    now = int(time.time())
    claims = {"aud": audience, "iat": now, "exp": now + LIFETIME} | changes
    payload = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(payload, secret, algorithm=algorithm)  # type: ignore[arg-type]


def by_token(
    settings: Settings, request: SignedRequest, *, secret: str | None = None, **changes: Any
) -> Mapping[str, str]:
    """Prove a request by a token of the first secret of PLACARD_JWT_SECRETS."""
    secret = secret or _first(settings.jwt_secrets, "PLACARD_JWT_SECRETS")
    bound = {"iss": settings.jwt_issuer or None} | _binding(request)
    text = make_token(secret, audience=settings.jwt_audience, **bound | changes)
    return {"Authorization": f"Bearer {text}"}


def by_signature(
    settings: Settings, request: SignedRequest, *, secret: str | None = None
) -> Mapping[str, str]:
    """Prove a request by its signature with the first secret of PLACARD_SIGNATURE_SECRETS."""
    secret = secret or _first(settings.signature_secrets, "PLACARD_SIGNATURE_SECRETS")
    return {SIGNATURE_HEADER: sign(request.message, secret)}


def _expired(settings: Settings, request: SignedRequest) -> Mapping[str, str]:
    now = int(time.time())
    return by_token(settings, request, iat=now - 7200, exp=now - 3600)


def _of_the_future(settings: Settings, request: SignedRequest) -> Mapping[str, str]:
    now = int(time.time())
    return by_token(settings, request, iat=now + 3600, nbf=now + 3600, exp=now + 3660)


def _without_algorithm(settings: Settings, request: SignedRequest) -> Mapping[str, str]:
    text = make_token(None, "none", audience=settings.jwt_audience, **_binding(request))
    return {"Authorization": f"Bearer {text}"}


GOOD_PROOFS: Final[Mapping[str, Prove]] = {"jwt": by_token, "signature": by_signature}
# Each is refused with 401 by a service that verifies.
BAD_PROOFS: Final[Mapping[str, Prove]] = {
    "none": lambda *_: {},
    "expired jwt": _expired,
    "jwt of the future": _of_the_future,
    "jwt without an algorithm": _without_algorithm,
    "jwt of another secret": lambda *given: by_token(*given, secret=OTHER_SECRET),
    "jwt for another audience": lambda *given: by_token(*given, aud="somebody-else"),
    "jwt of another request": lambda known, request: by_token(known, _other(request)),
    "garbled jwt": lambda *_: {"Authorization": "Bearer not.a.token"},
    "signature of another secret": lambda *given: by_signature(*given, secret=OTHER_SECRET),
    "signature of another request": lambda known, request: by_signature(known, _other(request)),
    "garbled signature": lambda *_: {SIGNATURE_HEADER: "0123"},
}
PROOFS: Final[Mapping[str, Prove]] = {**GOOD_PROOFS, **BAD_PROOFS}


def _binding(request: SignedRequest) -> dict[str, str]:
    if request.method == "POST":
        return {"body_sha256": hashlib.sha256(request.message).hexdigest()}
    return {"qsh": query_string_hash(request)}


def _other(request: SignedRequest) -> SignedRequest:
    """Return a request that differs by as little as can be."""
    data = None if request.data is None else request.data + " "
    return replace(request, query=request.query + b"&x=1", data=data)


def _first(secrets: tuple[str, ...], setting: str) -> str:
    if not secrets:
        raise ValueError(f"{setting}: the application has none, so that nothing can be signed")
    return secrets[0]
