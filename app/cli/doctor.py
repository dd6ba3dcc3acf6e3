"""Probes a deployed service as the host's client would."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from app.cli.sign import Proving, SignedCall, signed_call
from app.config import Settings, is_loopback
from app.errors import PlacardError
from app.fetch import AddressGuard, Fetcher
from app.upstream import UpstreamRequest, UpstreamResponse, host_of
from templates_schemas import ENVELOPES
from templates_schemas.rules import faults_of

ADVICE_FAILED: Final = "What is marked ✗ keeps the host from showing cards, or lets others in."
MOST_SECONDS_APART: Final = 5
# Everything that proxies like to rewrite: a plus, blanks, escapes in both cases, an order.
TRICKY: Final = {"zeta": "a+b c/d%2F", "alpha": "é~*"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found, and where it is not sound what would help."""

    sound: bool
    what: str
    advice: str = ""


class _Patient:
    """The service under examination."""

    def __init__(self, settings: Settings, base: str, origin: str) -> None:
        self.base = base.rstrip("/")
        self.origin = origin
        self._hosts = frozenset({host_of(urlsplit(base))})
        # The one who runs this names the address; there is nothing to guard against.
        allowed = [(urlsplit(base).hostname or "").lower()]
        self._fetcher = Fetcher(
            deadline=settings.fetch_deadline + 5,
            guard=AddressGuard(allowed + [f"[{host}]" for host in allowed]),
            ca_bundle=settings.ca_bundle,
        )

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> UpstreamResponse:
        """Send one request from the host's origin."""
        url = path if path.startswith("http") else self.base + path
        sent = {"Origin": self.origin} | dict(headers or {})
        return self._fetcher.fetch(UpstreamRequest(url, self._hosts, method, sent))


def examine(settings: Settings, base: str, resource_url: str, origin: str) -> Iterator[Finding]:
    """Yield what each probe finds; the first that cannot reach the service is the last."""
    patient = _Patient(settings, base, origin)
    try:
        alive = patient.ask("/healthz")
    except PlacardError as error:
        yield Finding(
            sound=False,
            what=f"{base} cannot be reached ({error.code}: {error.detail})",
            advice="Is it running, is the name right, is its TLS certificate valid?",
        )
        return
    yield _alive(alive)
    yield _tls(base)
    yield _clock(alive)
    yield _preflight(patient)
    yield from _errors_readable(patient)
    yield from _proofs(patient, settings, resource_url)


def _alive(answer: UpstreamResponse) -> Finding:
    return Finding(
        answer.status == 200 and "x-request-id" in answer.headers,
        f"/healthz answers {answer.status}",
        "It should answer 200 with an X-Request-Id; is this a Placard, or a proxy's own page?",
    )


def _tls(base: str) -> Finding:
    parts = urlsplit(base)
    secure = parts.scheme == "https" or is_loopback(parts.hostname or "")
    return Finding(
        secure, f"the address is {parts.scheme}", "The host's page is https and asks only https."
    )


def _clock(answer: UpstreamResponse) -> Finding:
    date = answer.headers.get("date")
    if date is None:
        return Finding(sound=False, what="no Date header", advice="The clock cannot be compared.")
    apart = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    return Finding(
        apart <= MOST_SECONDS_APART,
        f"its clock is {apart:.0f} s from this one",
        "Expired and not yet valid requests are told by the clock: set both by NTP.",
    )


def _preflight(patient: _Patient) -> Finding:
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = patient.ask("/widget", asked, "OPTIONS")
    allowed = answer.headers.get("access-control-allow-headers", "").lower()
    return Finding(
        answer.status in (200, 204) and _readable(patient, answer) and "authorization" in allowed,
        f"the preflight is answered {answer.status}",
        f"OPTIONS /widget must allow {patient.origin} and the header Authorization: is the origin "
        "in PLACARD_ALLOWED_ORIGINS, and does the proxy pass OPTIONS on?",
    )


def _errors_readable(patient: _Patient) -> Iterator[Finding]:
    for method, path, status in (
        ("GET", "/widget", 401),
        ("GET", "/no-such-page", 404),
        ("DELETE", "/widget", 405),
    ):
        answer = patient.ask(path, method=method)
        yield Finding(
            answer.status == status and _readable(patient, answer) and _enveloped(answer),
            f"{method} {path} without a proof is answered {answer.status}",
            f"It should be {status}, in the host's envelope, with CORS headers: an error without "
            "them is unreadable to the host's page. Does a proxy answer in Placard's place?",
        )


def _proofs(patient: _Patient, settings: Settings, resource_url: str) -> Iterator[Finding]:
    by = "signature" if settings.takes_signatures else "jwt"
    if not (settings.signature_secrets if by == "signature" else settings.jwt_secrets):
        yield Finding(
            sound=False,
            what="nothing was signed: this machine has no secret",
            advice="Set the service's PLACARD_JWT_SECRETS or PLACARD_SIGNATURE_SECRETS here too.",
        )
        return
    parameters = {**TRICKY, "resource_url": resource_url}
    call = signed_call(settings, patient.base, parameters, Proving(by, 60))
    answer = patient.ask(call.url, call.headers)
    yield Finding(
        answer.status in (200, 403, 404, 500) and _readable(patient, answer),
        f"a signed request is answered {answer.status}",
        "Its proof failed: does a proxy rewrite the query or drop the header? The service's log "
        "names the reason, and what would have matched.",
    )
    yield _refused(patient, _altered(call), "an altered query")
    expired = signed_call(settings, patient.base, parameters, Proving(by, -60))
    yield _refused(patient, expired, "an expired request")


def _altered(call: SignedCall) -> SignedCall:
    return SignedCall(f"{call.url}&altered=1", call.header, call.proof)


def _refused(patient: _Patient, call: SignedCall, what: str) -> Finding:
    answer = patient.ask(call.url, call.headers)
    return Finding(
        answer.status == 401 and _readable(patient, answer),
        f"{what} is answered {answer.status}",
        "It should be 401: is PLACARD_VERIFY off, or does a cache answer in Placard's place?",
    )


def _readable(patient: _Patient, answer: UpstreamResponse) -> bool:
    """Tell whether a page of the host's origin, and not just any page, may read an answer."""
    return answer.headers.get("access-control-allow-origin") == patient.origin


def _enveloped(answer: UpstreamResponse) -> bool:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return False
    return any(not faults_of(schema(), body) for schema in ENVELOPES.values())
