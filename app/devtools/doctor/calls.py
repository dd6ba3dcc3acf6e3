"""What the doctor sends: requests as the host's browser sends them, and ones that must fail."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from app.devtools.signed_calls import Proving, SignedCall, query_string, signed_call
from app.origins import is_loopback_host
from app.settings import Settings
from app.verification import SIGNATURE_HEADER

Proof = Literal["jwt", "signature"]
# Everything that proxies like to rewrite: a plus, blanks, escapes in both cases, an order.
TRICKY: Final = {"zeta": "a+b c/d%2F", "alpha": "é~*"}
STRANGER: Final = "https://stranger.invalid"
HOLDS: Final = 60.0  # seconds
EXPIRED: Final = -60.0


@dataclass(frozen=True, slots=True)
class Patient:
    """The service to examine: its address, and as whom and for what it is asked.

    `settings` are the service's own, or it takes none of our proofs. `resource_url` is an address
    that it should show to `workspace`; without one, the request names none.
    """

    settings: Settings = field(repr=False)
    base: str
    origin: str
    resource_url: str
    workspace: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, and not reached through its proxy."""
        return is_loopback_host(urlsplit(self.base).hostname or "")

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The kinds of proof that it takes."""
        settings = self.settings
        is_off = settings.verify == "off"
        kinds: tuple[tuple[Proof, bool], ...] = (
            ("jwt", is_off or settings.takes_tokens),
            ("signature", is_off or settings.takes_signatures),
        )
        return tuple(kind for kind, taken in kinds if taken)

    @property
    def parameters(self) -> dict[str, str]:
        """What a request for the resource says."""
        context = {"workspace": self.workspace} if self.workspace else {}
        return {"resource_url": self.resource_url, **context}

    def url(self, path: str) -> str:
        """The address of a path of the service."""
        return self.base.rstrip("/") + path


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `shown` are the headers that matter, without what proves it."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    shown: tuple[str, ...] = ()

    def __str__(self) -> str:
        path = urlsplit(self.url).path
        query = "?…" if "?" in self.url else ""
        return ", ".join([f"{self.method} {path}{query}", *self.shown])


Make = Callable[[Patient], Call]


def plain(path: str, method: str = "GET", origin: str | None = None) -> Make:
    """Ask for a path without a proof, as a page of the host's origin or of another one."""

    def make(patient: Patient) -> Call:
        said = origin or patient.origin
        return Call(patient.url(path), method, {"Origin": said}, (f"Origin: {said}",))

    return make


def unproven(patient: Patient) -> Call:
    """Ask for the resource without a proof."""
    query = query_string(patient.parameters)
    headers = {"Origin": patient.origin}
    return Call(patient.url(f"/widget?{query}"), headers=headers, shown=("without a proof",))


def preflight(patient: Patient) -> Call:
    """Ask what the host's page may send, as a browser does by itself."""
    asked = {
        "Origin": patient.origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": f"authorization,{SIGNATURE_HEADER}",
    }
    shown = tuple(f"{name}: {value}" for name, value in asked.items())
    return Call(patient.url("/widget"), "OPTIONS", asked, shown)


def proven(by: Proof, *, expires_in: float = HOLDS) -> Make:
    """Ask for the resource with a proof over a query that proxies like to rewrite."""

    def make(patient: Patient) -> Call:
        return _call(patient, _signed(patient, by, TRICKY, expires_in), by)

    return make


def of_a_card(by: Proof) -> Make:
    """Ask for the resource as the host does."""
    return lambda patient: _call(patient, _signed(patient, by, {}, HOLDS), by)


def altered(by: Proof) -> Make:
    """Ask with a proof that is another query's."""

    def make(patient: Patient) -> Call:
        signed = _signed(patient, by, TRICKY, HOLDS)
        return _call(patient, replace(signed, url=f"{signed.url}&altered=1"), by)

    return make


def forged(by: Proof) -> Make:
    """Ask with a proof that another secret made."""

    def make(patient: Patient) -> Call:
        other = (secrets.token_hex(32),)
        settings = replace(patient.settings, jwt_secrets=other, signature_secrets=other)
        return _call(patient, _signed(replace(patient, settings=settings), by, {}, HOLDS), by)

    return make


def _signed(patient: Patient, by: Proof, more: Mapping[str, str], seconds: float) -> SignedCall:
    """Sign a request; raises ConfigurationError where there is no secret for it."""
    parameters = {**more, **patient.parameters}
    return signed_call(patient.settings, patient.base, parameters, Proving(by, seconds))


def _call(patient: Patient, signed: SignedCall, by: Proof) -> Call:
    headers = {"Origin": patient.origin, **signed.headers}
    return Call(signed.url, headers=headers, shown=(f"proven by a {by}",))
