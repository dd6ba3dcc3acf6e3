"""Requests signed as the host signs them, for trying a service out."""

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from app.errors import ConfigurationError
from app.settings import Settings
from app.verification.issuing import issue_token
from app.verification.qsh import query_string_hash
from app.verification.request import SignedRequest
from app.verification.signature import HEADER as SIGNATURE_HEADER, sign
from templates_schemas.text import host_time

WIDGET: Final = "/widget"
ATTACH: Final = "/attach"
TYPEAHEAD: Final = "/typeahead"
# What the host may send beside the address, in its order.
CONTEXT: Final = ("workspace", "task", "user", "attachment", "asset", "locale")
DEFAULT_BASE: Final = "http://127.0.0.1:8080"


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
    body: str = ""

    @property
    def method(self) -> str:
        """The method: POST with a body."""
        return "POST" if self.body else "GET"

    @property
    def headers(self) -> dict[str, str]:
        """The header as an HTTP client wants it."""
        return {self.header: self.proof} if self.header else {}


def signed_call(
    settings: Settings,
    base: str,
    parameters: Mapping[str, str],
    proving: Proving,
    path: str = WIDGET,
) -> SignedCall:
    """Sign `GET {base}{path}` with the first secret of the settings.

    Raises ConfigurationError where there is no secret for this kind of proof.
    """
    call = unsigned_call(base, parameters, proving.expires_in, path)
    # The path as the service sees it, under whatever prefix it is reached.
    return _proven(settings, call, proving, _signed(path, query=urlsplit(call.url).query))


def signed_post(
    settings: Settings, base: str, parameters: Mapping[str, str], proving: Proving, path: str
) -> SignedCall:
    """Sign `POST {base}{path}` as `signed_call` does: the text of the body's `data`."""
    call, data = unsigned_post(base, parameters, proving.expires_in, path)
    return _proven(settings, call, proving, _signed(path, data=data))


def unsigned_call(
    base: str, parameters: Mapping[str, str], expires_in: float, path: str = WIDGET
) -> SignedCall:
    """Write the same request without a proof, for a service that does not verify."""
    query = query_string(_expiring(parameters, expires_in))
    return SignedCall(f"{base.rstrip('/')}{path}?{query}")


def unsigned_post(
    base: str, parameters: Mapping[str, str], expires_in: float, path: str
) -> tuple[SignedCall, str]:
    """Write a POST without a proof; returns the text of its `data` too."""
    data = json.dumps(_expiring(parameters, expires_in), ensure_ascii=False)
    body = json.dumps({"data": data}, ensure_ascii=False)
    return SignedCall(f"{base.rstrip('/')}{path}", body=body), data


def _expiring(parameters: Mapping[str, str], expires_in: float) -> dict[str, str]:
    expiry = datetime.now(UTC) + timedelta(seconds=expires_in)
    return {**parameters, "expires_at": host_time(expiry)}


def _signed(path: str, *, query: str = "", data: str | None = None) -> SignedRequest:
    method = "GET" if data is None else "POST"
    return SignedRequest(method, path, query.encode(), data=data)


def _proven(
    settings: Settings, call: SignedCall, proving: Proving, request: SignedRequest
) -> SignedCall:
    if proving.by == "signature":
        secret = _first(settings, settings.signature_secrets, "PLACARD_SIGNATURE_SECRETS")
        return replace(call, header=SIGNATURE_HEADER, proof=sign(request.message, secret))
    secret = _first(settings, settings.jwt_secrets, "PLACARD_JWT_SECRETS")
    token = _token(settings, secret, request, proving)
    return replace(call, header="Authorization", proof=f"Bearer {token}")


def _first(settings: Settings, secrets: Sequence[str], setting: str) -> str:
    if secrets:
        return secrets[0]
    hint = "where `placard --local serve` or `make run` was started: its .env has the secret"
    where = (
        f"run this {hint}" if settings.local else f"for one in the local mode, add --local {hint}"
    )
    raise ConfigurationError(
        f"{setting}: is missing, so no request to the service can be signed; {where}"
    )


def query_string(parameters: Mapping[str, str]) -> str:
    """Write a query string as the host's client does: all but unreserved characters escaped."""
    return urlencode(parameters, quote_via=quote, safe="")


def curl_line(call: SignedCall) -> str:
    """Write the command that sends the request."""
    headers = [f"{call.header}: {call.proof}"] if call.header else []
    if call.body:
        headers.append("Content-Type: application/json")
    options_sent = [f"-H {shlex.quote(header)} " for header in headers]
    # Not --data, which would read a file where the text began with an @.
    body = f"--data-raw {shlex.quote(call.body)} " if call.body else ""
    return f"curl -sS {''.join(options_sent)}{body}{shlex.quote(call.url)}"


def sign_line(address: str, base: str, context: Mapping[str, str]) -> str:
    """Write the command that signs the request anew and sends it; it holds no proof."""
    given = [*context.items(), *([] if base.rstrip("/") == DEFAULT_BASE else [("base", base)])]
    options = [part for name, value in given for part in (f"--{name}", value)]
    return f"{shlex.join([_own_command(), '--local', 'sign', address, *options])} | sh"


def _own_command() -> str:
    """Name this program as a shell in the service's folder finds it."""
    if which("placard"):
        return "placard"
    beside, folder = Path(sys.executable).with_name("placard"), Path.cwd()
    return str(beside.relative_to(folder) if beside.is_relative_to(folder) else beside)


def _token(settings: Settings, secret: str, request: SignedRequest, proving: Proving) -> str:
    """Make a token that is bound to one request by its `qsh`, and to a body by `body_sha256`."""
    bound = {"qsh": query_string_hash(request)}
    if request.method == "POST":
        bound["body_sha256"] = hashlib.sha256(request.body).hexdigest()
    return issue_token(settings, secret, proving.expires_in, **bound)
