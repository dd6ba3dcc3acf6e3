"""Requests signed as the host signs them, for trying a service out."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

import jwt

from app.errors import ConfigurationError
from app.settings import Settings
from app.verification.qsh import query_string_hash
from app.verification.request import SignedRequest
from app.verification.signature import HEADER as SIGNATURE_HEADER, sign
from templates_schemas.text import host_time


@dataclass(frozen=True, slots=True)
class Proving:
    """How to prove a request: `jwt` or `signature`, and for how many seconds it shall hold."""

    by: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A request that is ready to be sent: the address, and the header that proves it, if any."""

    url: str
    header: str = ""
    proof: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header as an HTTP client wants it."""
        return {self.header: self.proof} if self.header else {}


def signed_call(
    settings: Settings, base: str, parameters: Mapping[str, str], proving: Proving
) -> SignedCall:
    """Sign `GET {base}/widget` with the first secret of the settings.

    Raises ConfigurationError where there is no secret for this kind of proof.
    """
    url = _url(base, parameters, proving.expires_in)
    if proving.by == "signature":
        secret = _first(settings.signature_secrets, "PLACARD_SIGNATURE_SECRETS")
        return SignedCall(url, SIGNATURE_HEADER, sign(urlsplit(url).query.encode(), secret))
    secret = _first(settings.jwt_secrets, "PLACARD_JWT_SECRETS")
    return SignedCall(url, "Authorization", f"Bearer {_token(settings, secret, url, proving)}")


def unsigned_call(base: str, parameters: Mapping[str, str], expires_in: float) -> SignedCall:
    """Write the same request without a proof, for a service that does not verify."""
    return SignedCall(_url(base, parameters, expires_in))


def _url(base: str, parameters: Mapping[str, str], expires_in: float) -> str:
    expiry = datetime.now(UTC) + timedelta(seconds=expires_in)
    query = query_string({**parameters, "expires_at": host_time(expiry)})
    return f"{base.rstrip('/')}/widget?{query}"


def _first(secrets: Sequence[str], setting: str) -> str:
    if not secrets:
        raise ConfigurationError(f"{setting}: is missing, so nothing can be signed with it")
    return secrets[0]


def query_string(parameters: Mapping[str, str]) -> str:
    """Write a query string as the host's client does: all but unreserved characters escaped."""
    return urlencode(parameters, quote_via=quote, safe="")


def curl_line(call: SignedCall) -> str:
    """Write the command that sends the request."""
    header = f"-H {shlex.quote(f'{call.header}: {call.proof}')} " if call.header else ""
    return f"curl -sS {header}{shlex.quote(call.url)}"


def _token(settings: Settings, secret: str, url: str, proving: Proving) -> str:
    """Make a token that is bound to one request by its `qsh`."""
    # The path as the service sees it, under whatever prefix it is reached.
    request = SignedRequest("GET", "/widget", urlsplit(url).query.encode())
    now = int(time.time())
    claims = {
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + int(min(proving.expires_in, settings.jwt_max_lifetime)),
        "qsh": query_string_hash(request),
    }
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, secret, algorithm="HS256")
