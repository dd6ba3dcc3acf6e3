"""Probes a deployed service as the host's client would."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from app.devtools.signed_calls import Proving, SignedCall, signed_call
from app.errors import PlacardError
from app.origins import host_of, is_loopback_host
from app.settings import Settings
from app.upstream import AddressGuard, Fetcher, GuardedAdapter, UpstreamPolicy
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from templates_schemas import ENVELOPES
from templates_schemas.rules import faults_of

ADVICE_FAILED: Final = "What is marked ✗ keeps the host from showing cards, or lets others in."
MOST_PROBES: Final = 1000
NO_ANSWER: Final = UpstreamResponse(status=0, headers={}, body=b"")
MOST_SECONDS_APART: Final = 5
# Everything that proxies like to rewrite: a plus, blanks, escapes in both cases, an order.
TRICKY: Final = {"zeta": "a+b c/d%2F", "alpha": "é~*"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found, and where it is not sound what would help."""

    sound: bool
    what: str
    advice: str = ""


class _Service:
    """The service under examination."""

    def __init__(self, settings: Settings, base: str, origin: str) -> None:
        self.base = base.rstrip("/")
        self.origin = origin
        self.hosts = frozenset({host_of(urlsplit(base))})
        # The one who runs this names the address; there is nothing to guard against.
        allowed = [(urlsplit(base).hostname or "").lower()]
        guard = AddressGuard(allowed + [f"[{host}]" for host in allowed])
        self.fetcher = Fetcher(
            deadline=settings.fetch_deadline + 5,
            guard=guard,
            # A diagnosis goes on where all fails.
            policy=UpstreamPolicy(failures=MOST_PROBES),
            adapter=GuardedAdapter(guard, settings.ca_bundle),
        )

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> UpstreamResponse:
        """Send one request from the host's origin; where none comes, the answer is `NO_ANSWER`."""
        url = path if path.startswith("http") else self.base + path
        sent = {"Origin": self.origin} | dict(headers or {})
        try:
            return self.fetcher.fetch(UpstreamRequest(url, self.hosts, method, sent))
        except PlacardError:
            return NO_ANSWER


def examine(settings: Settings, base: str, resource_url: str, origin: str) -> Iterator[Finding]:
    """Yield what each probe finds; the first that cannot reach the service is the last."""
    service = _Service(settings, base, origin)
    try:
        alive = service.fetcher.fetch(UpstreamRequest(f"{service.base}/healthz", service.hosts))
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
    yield _preflight(service)
    yield from _errors_readable(service)
    yield from _proofs(service, settings, resource_url)


def _alive(answer: UpstreamResponse) -> Finding:
    return Finding(
        answer.status == 200 and "x-request-id" in answer.headers,
        f"/healthz answers {answer.status}",
        "It should answer 200 with an X-Request-Id; is this a Placard, or a proxy's own page?",
    )


def _tls(base: str) -> Finding:
    parts = urlsplit(base)
    secure = parts.scheme == "https" or is_loopback_host(parts.hostname or "")
    return Finding(
        secure, f"the address is {parts.scheme}", "The host's page is https and asks only https."
    )


def _clock(answer: UpstreamResponse) -> Finding:
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
        apart = abs((datetime.now(UTC) - told).total_seconds())
    except (ValueError, TypeError):
        return Finding(sound=False, what="no Date header", advice="The clock cannot be compared.")
    return Finding(
        apart <= MOST_SECONDS_APART,
        f"its clock is {apart:.0f} s from this one",
        "Expired and not yet valid requests are told by the clock: set both by NTP.",
    )


def _preflight(service: _Service) -> Finding:
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = service.ask("/widget", asked, "OPTIONS")
    allowed = answer.headers.get("access-control-allow-headers", "").lower()
    return Finding(
        answer.status in (200, 204) and _readable(service, answer) and "authorization" in allowed,
        f"the preflight {_told(answer)}",
        f"OPTIONS /widget must allow {service.origin} and the header Authorization: is the origin "
        "in PLACARD_ALLOWED_ORIGINS, and does the proxy pass OPTIONS on?",
    )


def _errors_readable(service: _Service) -> Iterator[Finding]:
    for method, path, status in (
        ("GET", "/widget", 401),
        ("GET", "/no-such-page", 404),
        ("DELETE", "/widget", 405),
    ):
        answer = service.ask(path, method=method)
        yield Finding(
            answer.status == status and _readable(service, answer) and _enveloped(answer),
            f"{method} {path} without a proof {_told(answer)}",
            f"It should be {status}, in the host's envelope, with CORS headers: an error without "
            "them is unreadable to the host's page. Does a proxy answer in Placard's place?",
        )


def _proofs(service: _Service, settings: Settings, resource_url: str) -> Iterator[Finding]:
    kinds = [
        by
        for by, taken, secrets in (
            ("jwt", settings.takes_tokens, settings.jwt_secrets),
            ("signature", settings.takes_signatures, settings.signature_secrets),
        )
        if taken and secrets
    ]
    if not kinds:
        yield Finding(
            sound=False,
            what="nothing was signed: this machine has no secret",
            advice="Set the service's PLACARD_JWT_SECRETS or PLACARD_SIGNATURE_SECRETS here too.",
        )
    for by in kinds:
        yield from _proof(service, settings, {**TRICKY, "resource_url": resource_url}, by)


def _proof(
    service: _Service, settings: Settings, parameters: Mapping[str, str], by: str
) -> Iterator[Finding]:
    call = signed_call(settings, service.base, parameters, Proving(by, 60))
    answer = service.ask(call.url, call.headers)
    yield Finding(
        answer.status in (200, 403, 404, 500) and _readable(service, answer),
        f"a request with a {by} {_told(answer)}",
        "Its proof failed: does a proxy rewrite the query or drop the header? The service's log "
        "names the reason, and what would have matched.",
    )
    yield _refused(service, _altered(call), f"an altered query with a {by}")
    expired = signed_call(settings, service.base, parameters, Proving(by, -60))
    yield _refused(service, expired, f"an expired request with a {by}")


def _altered(call: SignedCall) -> SignedCall:
    return SignedCall(f"{call.url}&altered=1", call.header, call.proof)


def _refused(service: _Service, call: SignedCall, what: str) -> Finding:
    answer = service.ask(call.url, call.headers)
    return Finding(
        answer.status == 401 and _readable(service, answer),
        f"{what} {_told(answer)}",
        "It should be 401: is PLACARD_VERIFY off, or does a cache answer in Placard's place?",
    )


def _told(answer: UpstreamResponse) -> str:
    return f"is answered {answer.status}" if answer.status else "is not answered"


def _readable(service: _Service, answer: UpstreamResponse) -> bool:
    """Tell whether a page of the host's origin, and not just any page, may read an answer."""
    return answer.headers.get("access-control-allow-origin") == service.origin


def _enveloped(answer: UpstreamResponse) -> bool:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return False
    return any(not faults_of(schema(), body) for schema in ENVELOPES.values())
