"""What the doctor sends: requests as the host's browser sends them, and ones that must fail."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from app.devtools.signed_calls import (
    ATTACH,
    TYPEAHEAD,
    WIDGET,
    Proving,
    SignedCall,
    query_string,
    signed_call,
    signed_post,
)
from app.origins import is_loopback_host
from app.settings import Settings

Proof = Literal["jwt", "signature"]
# Everything that proxies like to rewrite: a plus, blanks, escapes in both cases, an order.
TRICKY: Final = {"zeta": "a+b c/d%2F", "alpha": "é~*"}
# What a host always says; nobody has these numbers.
TASK: Final = "1"
USER: Final = "1"
WORKSPACE: Final = "1"
STRANGER: Final = "https://stranger.invalid"
HOLDS: Final = 60.0  # seconds
EXPIRED: Final = -60.0


@dataclass(frozen=True, slots=True)
class Patient:
    """The service to examine: its address, and as whom and for what it is asked.

    `settings` are the service's own, or it takes none of our proofs. `resource_url` is an address
    that it should show to `user` of `workspace`; without one, the request names none. `direct` is
    the service's own address, not through its proxy, where it can be reached.
    """

    settings: Settings = field(repr=False)
    base: str
    origin: str
    resource_url: str
    workspace: str | None = None
    user: str = USER
    direct: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, and not reached through its proxy."""
        return is_loopback_host(urlsplit(self.base).hostname or "")

    @property
    def proofs(self) -> tuple[Proof, ...]:
        settings = self.settings
        is_off = settings.verify == "off"
        kinds: tuple[tuple[Proof, bool], ...] = (
            ("jwt", is_off or settings.takes_tokens),
            ("signature", is_off or settings.takes_signatures),
        )
        return tuple(kind for kind, taken in kinds if taken)

    @property
    def context(self) -> dict[str, str]:
        """What all requests say."""
        workspace = self.workspace or (WORKSPACE if self.settings.person_modes else None)
        return {"user": self.user} | ({"workspace": workspace} if workspace else {})

    @property
    def parameters(self) -> dict[str, str]:
        """What a request for the resource says."""
        return {"resource_url": self.resource_url, **self.context}

    @property
    def refusal(self) -> int:
        """The status by which it refuses a proof."""
        return int(self.settings.false_proof_status)

    def url(self, path: str) -> str:
        """The address of a path of the service."""
        return self.base.rstrip("/") + path


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A request; `shown` are the headers that matter, without what proves it."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    shown: tuple[str, ...] = ()
    body: bytes | None = None

    def __str__(self) -> str:
        path = urlsplit(self.url).path
        query = "?…" if "?" in self.url else ""
        return ", ".join([f"{self.method} {path}{query}", *self.shown])


Make = Callable[[Patient], ProbeRequest]


def plain(path: str, method: str = "GET", origin: str | None = None) -> Make:
    """Ask for a path without a proof, as a page of the host's origin or of another one."""

    def make(patient: Patient) -> ProbeRequest:
        said = origin or patient.origin
        return ProbeRequest(patient.url(path), method, {"Origin": said}, (f"Origin: {said}",))

    return make


def readiness(patient: Patient) -> ProbeRequest:
    """Ask how the service's parts are, past its proxy where that is possible."""
    return ProbeRequest(f"{(patient.direct or patient.base).rstrip('/')}/readyz")


def unproven(patient: Patient) -> ProbeRequest:
    """Ask for the resource without a proof."""
    query = query_string(patient.parameters)
    headers = {"Origin": patient.origin}
    return ProbeRequest(
        patient.url(f"{WIDGET}?{query}"), headers=headers, shown=("without a proof",)
    )


def preflight(path: str, method: str, *headers: str) -> Make:
    """Ask what the host's page may send to a path, as a browser does by itself."""

    def make(patient: Patient) -> ProbeRequest:
        headers_sent = {
            "Origin": patient.origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ",".join(headers),
        }
        shown = tuple(f"{name}: {value}" for name, value in headers_sent.items())
        return ProbeRequest(patient.url(path), "OPTIONS", headers_sent, shown)

    return make


def proven(by: Proof, *, expires_in: float = HOLDS) -> Make:
    """Ask for the resource with a proof over a query that proxies like to rewrite."""

    def make(patient: Patient) -> ProbeRequest:
        return _call(patient, _signed(patient, by, TRICKY, expires_in), by)

    return make


def of_a_card(by: Proof) -> Make:
    """Ask for the resource as the host does."""
    return lambda patient: _call(patient, _signed(patient, by, {}, HOLDS), by)


def altered(by: Proof) -> Make:
    """Ask with a proof that is another query's."""

    def make(patient: Patient) -> ProbeRequest:
        signed = _signed(patient, by, TRICKY, HOLDS)
        return _call(patient, replace(signed, url=f"{signed.url}&altered=1"), by)

    return make


def forged(by: Proof) -> Make:
    """Ask with a proof that another secret made."""

    def make(patient: Patient) -> ProbeRequest:
        other = (secrets.token_hex(32),)
        settings = replace(patient.settings, jwt_secrets=other, signature_secrets=other)
        return _call(patient, _signed(replace(patient, settings=settings), by, {}, HOLDS), by)

    return make


def attach(
    by: Proof,
    *,
    expires_in: float = HOLDS,
    change: Callable[[str], str] = str,
    how: str = "",
) -> Make:
    """Ask to attach the resource; `change` makes of the body, once it is signed, what is sent."""

    def make(patient: Patient) -> ProbeRequest:
        query = {"query": patient.resource_url, "task": TASK, **patient.context}
        signed = signed_post(patient.settings, patient.base, query, Proving(by, expires_in), ATTACH)
        call = _call(patient, signed, by)
        shown = (*call.shown, how) if how else call.shown
        return replace(call, body=change(signed.body).encode(), shown=shown)

    return make


def inner_alone(body: str) -> str:
    """Return the inner object of a signed body, as the host's interface description draws it."""
    return str(json.loads(body)["data"])


def altered_body(body: str) -> str:
    """Change what is asked for, and leave the form of a body as it is."""
    data = json.loads(json.loads(body)["data"])
    return json.dumps({"data": json.dumps({**data, "query": f"{data['query']}0"})})


def typed(by: Proof, text: str | None = None) -> Make:
    """Ask what can be picked for a text; without one, for the resource's address."""

    def make(patient: Patient) -> ProbeRequest:
        query = {"query": text or patient.resource_url, "task": TASK}
        asked, proving = {**query, **patient.context}, Proving(by, HOLDS)
        signed = signed_call(patient.settings, patient.base, asked, proving, TYPEAHEAD)
        return _call(patient, signed, by)

    return make


def _signed(patient: Patient, by: Proof, more: Mapping[str, str], seconds: float) -> SignedCall:
    """Sign a request; raises ConfigurationError where there is no secret for it."""
    parameters = {**more, **patient.parameters}
    return signed_call(patient.settings, patient.base, parameters, Proving(by, seconds))


def _call(patient: Patient, signed: SignedCall, by: Proof) -> ProbeRequest:
    headers = {"Origin": patient.origin, **signed.headers}
    return ProbeRequest(signed.url, signed.method, headers, (f"proven by a {by}",))
