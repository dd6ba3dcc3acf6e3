"""What an answer must be, what it was instead, and what to do about it.

The expectations stand in one file, though a long one: their advice is read side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from app.devtools.doctor.answers import ReceivedAnswer
from app.devtools.doctor.calls import Patient
from app.errors import NotAuthenticated
from app.verification import SIGNATURE_HEADER
from templates_schemas import ENVELOPES, answer_faults
from templates_schemas.rules import faults_of

MOST_SECONDS_APART: Final = 5
LEAST_DAYS_LEFT: Final = 14
LONGEST_SEEN: Final = 120  # characters
CARD: Final = "card"
RESOURCE: Final = "attached resource"
ITEMS: Final = "list of items"
# The key by which each is known.
KINDS: Final = {CARD: "template", RESOURCE: "resource_name", ITEMS: "items"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that an answer must be: `words` say it, and `seen` what it is.

    `advice` is what to do where it is not; `by_status` has more of it for some statuses.
    """

    words: str
    is_met: Callable[[ReceivedAnswer, Patient], bool]
    seen: Callable[[ReceivedAnswer, Patient], str]
    advice: str
    by_status: Mapping[int, str] = field(default_factory=dict)

    def described(self, patient: Patient) -> str:
        """Say what it must be for this service."""
        return self.words.format(patient=patient)

    def advise(self, answer: ReceivedAnswer, patient: Patient) -> str:
        """Say what to do."""
        return self.by_status.get(answer.status, self.advice).format(patient=patient)


def status_of(answer: ReceivedAnswer, _: Patient) -> str:
    """Tell an answer's status, and where it leads."""
    if not answer.status:
        return f"no answer: {answer.failure}"
    location = answer.header("location")
    return f"{answer.status} to {location}" if location else str(answer.status)


def sentence_of(answer: ReceivedAnswer) -> str:
    """Return the sentence of an error; empty where an answer is none of Placard's errors."""
    if not _is_enveloped(answer):
        return ""
    return str(answer.document.get("error") or answer.document["data"]["error"])


def _answer_seen(answer: ReceivedAnswer, patient: Patient) -> str:
    said = sentence_of(answer)
    return f"{status_of(answer, patient)} “{said}”" if said else status_of(answer, patient)


def status(*wanted: int, advice: str, by_status: Mapping[int, str] | None = None) -> Expectation:
    """Expect one of some statuses."""
    return Expectation(
        " or ".join(map(str, wanted)),
        lambda answer, _: answer.status in wanted,
        _answer_seen,
        advice,
        by_status or {},
    )


def _refuses(answer: ReceivedAnswer, patient: Patient) -> bool:
    """Tell whether a proof was refused; who must connect an account is told another sentence."""
    return answer.status == patient.refusal and sentence_of(answer) == NotAuthenticated.sentence


def refusal(advice: str, by_status: Mapping[int, str] | None = None) -> Expectation:
    """Expect that a proof is refused."""
    return Expectation(
        f"{{patient.refusal}} “{NotAuthenticated.sentence}”",
        _refuses,
        _answer_seen,
        advice,
        by_status or {},
    )


def no_refusal(advice: str, by_status: Mapping[int, str]) -> Expectation:
    """Expect an answer that refuses no proof, whatever else it says."""
    return Expectation(
        f"anything but {{patient.refusal}} “{NotAuthenticated.sentence}”",
        lambda answer, patient: answer.status != 0 and not _refuses(answer, patient),
        _answer_seen,
        advice,
        by_status,
    )


def _is_enveloped(answer: ReceivedAnswer) -> bool:
    return any(not faults_of(schema(), answer.document) for schema in ENVELOPES.values())


def _kind_of(document: Any) -> str:
    """Name what of Placard's an answer is, by its keys; empty where it is none."""
    keys = document.keys() if isinstance(document, dict) else ()
    return next((kind for kind, key in KINDS.items() if key in keys), "")


def _is_valid(answer: ReceivedAnswer, kind: str = "") -> bool:
    found = _kind_of(answer.document)
    return bool(found) and kind in ("", found) and not answer_faults(answer.document)


def _body_of(answer: ReceivedAnswer, _: Patient) -> str:
    if _is_enveloped(answer):
        return "an error in the host's envelope"
    kind = _kind_of(answer.document)
    if not kind:
        sent = answer.header("content-type").partition(";")[0] or "no type"
        return f"nothing that Placard answers ({sent}, {answer.size} bytes)"
    found = answer_faults(answer.document)
    return f"a {kind} that is not valid: {found[0]}" if found else f"a valid {kind}"


def enveloped(advice: str) -> Expectation:
    """Expect an error as the host takes it."""
    return Expectation(
        "an error in the host's envelope", lambda answer, _: _is_enveloped(answer), _body_of, advice
    )


def of_placard(advice: str) -> Expectation:
    """Expect what only Placard answers: what is asked for, or an error in the envelope."""
    return Expectation(
        "an answer of Placard's, or an error in the host's envelope",
        lambda answer, _: _is_enveloped(answer) or _is_valid(answer),
        _body_of,
        advice,
    )


def valid(kind: str, advice: str) -> Expectation:
    """Expect an answer of a kind in `KINDS` that the host takes."""
    return Expectation(
        f"a valid {kind}", lambda answer, _: _is_valid(answer, kind), _body_of, advice
    )


def _named(name: str) -> Callable[[ReceivedAnswer, Patient], str]:
    def seen(answer: ReceivedAnswer, _: Patient) -> str:
        value = answer.header(name)[:LONGEST_SEEN]
        return f"{name}: {value}" if value else f"no {name}"

    return seen


def header(name: str, advice: str) -> Expectation:
    """Expect a header, whatever its value."""
    return Expectation(
        f"a header {name}", lambda answer, _: bool(answer.header(name)), _named(name), advice
    )


def header_with(name: str, *words: str, advice: str) -> Expectation:
    """Expect words in a header's list."""

    def is_met(answer: ReceivedAnswer, _: Patient) -> bool:
        listed = {word.strip().lower() for word in answer.header(name).split(",")}
        return {word.lower() for word in words} <= listed

    return Expectation(f"{name} with {', '.join(words)}", is_met, _named(name), advice)


READABLE: Final = Expectation(
    "Access-Control-Allow-Origin: {patient.origin}",
    lambda answer, patient: answer.header("access-control-allow-origin") == patient.origin,
    _named("Access-Control-Allow-Origin"),
    "The host's page cannot read this answer. Is {patient.origin} in the service's "
    "PLACARD_ALLOWED_ORIGINS, exactly as the host writes it? Does a proxy answer in Placard's "
    "place, or drop the header?",
)
UNREADABLE: Final = Expectation(
    "no Access-Control-Allow-Origin",
    lambda answer, _: answer.status != 0 and not answer.header("access-control-allow-origin"),
    _named("Access-Control-Allow-Origin"),
    "Pages of any site may read the answers: a proxy adds the header, and must not.",
)
VARIES: Final = header_with(
    "Vary",
    "Origin",
    advice="A cache could give one origin's answer to another: a proxy drops `Vary`.",
)
ALLOWS_PROOFS: Final = header_with(
    "Access-Control-Allow-Headers",
    "Authorization",
    "Content-Type",
    SIGNATURE_HEADER,
    advice="The browser does not send the proof: does a proxy answer OPTIONS by itself?",
)


def allows(method: str) -> Expectation:
    """Expect of a preflight that it allows a method."""
    return header_with(
        "Access-Control-Allow-Methods",
        method,
        advice="The browser does not send the request: does a proxy answer OPTIONS by itself?",
    )


FINDS: Final = Expectation(
    "an item for the address",
    lambda answer, _: _is_valid(answer, ITEMS) and bool(answer.document["items"]),
    lambda answer, _: (
        f"{len(answer.document['items'])} items" if _is_valid(answer, ITEMS) else "no items"
    ),
    "What the host shows as a card can also be picked: the log's `detail` says why not.",
)
SECURE: Final = Expectation(
    "an address of https",
    lambda _, patient: patient.is_local or urlsplit(patient.base).scheme == "https",
    lambda _, patient: f"an address of {urlsplit(patient.base).scheme}",
    "The host's page is https, and its browser asks only https: end TLS in a proxy, and give its "
    "address here.",
)


def _stays(answer: ReceivedAnswer, patient: Patient) -> bool:
    return not answer.url or answer.url.startswith(patient.base.rstrip("/"))


def _origin_seen(answer: ReceivedAnswer, patient: Patient) -> str:
    return "" if _stays(answer, patient) else f"an answer from {answer.url.partition('?')[0]}"


STAYS: Final = Expectation(
    "an answer from the address itself",
    _stays,
    _origin_seen,
    "The address redirects, and a preflight is not redirected: give the host the last address.",
)


def _clock_seen(answer: ReceivedAnswer, _: Patient) -> str:
    off = answer.seconds_off
    if off is None:
        return "no Date" if answer.status else f"no answer: {answer.failure}"
    return f"a clock that is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}"


ON_TIME: Final = Expectation(
    f"a clock within {MOST_SECONDS_APART} s of this one",
    lambda answer, _: (
        abs(answer.seconds_off or 0.0) <= MOST_SECONDS_APART and answer.seconds_off is not None
    ),
    _clock_seen,
    "Proofs expire by the clock: set this machine's and the service's by NTP (`timedatectl`).",
)


def _certificate_seen(answer: ReceivedAnswer, _: Patient) -> str:
    ends = answer.certificate_ends
    return f"one that holds until {ends:%Y-%m-%d}" if ends else answer.failure


def _holds(answer: ReceivedAnswer, _: Patient) -> bool:
    ends = answer.certificate_ends
    return ends is not None and ends - answer.came_at >= timedelta(days=LEAST_DAYS_LEFT)


def _speaks_tls(answer: ReceivedAnswer, _: Patient) -> bool:
    return not answer.failure or "certificate" in answer.failure


ENCRYPTED: Final = Expectation(
    "TLS",
    _speaks_tls,
    lambda *_: "",
    "Are the name and the port right, and does the proxy end TLS there?",
)
LASTING: Final = Expectation(
    f"a trusted certificate that holds for {LEAST_DAYS_LEFT} days more",
    _holds,
    _certificate_seen,
    "Renew the certificate; the proxy must send the whole chain, for the name that is asked. One "
    "that an authority of your own has signed is trusted by REQUESTS_CA_BUNDLE.",
)


def _metrics_seen(answer: ReceivedAnswer, _: Patient) -> str:
    return f"{answer.status}, {answer.size} bytes" if answer.status else answer.failure


HIDDEN: Final = Expectation(
    "404, or no answer",
    lambda answer, _: answer.status in (0, 401, 403, 404),
    _metrics_seen,
    "Everybody can read it: let the proxy answer 404, as app/deploy/README.md shows, or put the "
    "metrics on a port of their own (PLACARD_METRICS_PORT).",
)
