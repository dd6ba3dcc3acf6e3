"""The table of checks: what each one sends, what must come, what to do where it does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.devtools.doctor import calls
from app.devtools.doctor.calls import Make, Patient, Proof
from app.devtools.doctor.expectations import (
    ALLOWS_GET,
    ALLOWS_PROOFS,
    HIDDEN,
    LASTING,
    ON_TIME,
    READABLE,
    SECURE,
    STAYS,
    UNREADABLE,
    VARIES,
    Expectation,
    card,
    enveloped,
    header,
    of_placard,
    status,
    status_but,
)


def _everywhere(_: Patient) -> bool:
    return True


def _with_tls(patient: Patient) -> bool:
    return patient.base.startswith("https:")


def _from_outside(patient: Patient) -> bool:
    return not patient.is_local


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `call` makes what is sent; None is a handshake of TLS.

    It is tried once those that it `needs` have passed, for a service that it `applies` to.
    """

    name: str
    about: str
    call: Make | None
    expects: tuple[Expectation, ...]
    needs: tuple[str, ...] = ()
    applies: Callable[[Patient], bool] = _everywhere


PROXY: Final = "Does a proxy answer in Placard's place?"
GENERAL: Final = (
    Check(
        "tls",
        "the host's browser can reach the address",
        calls.plain("/widget"),
        (SECURE,),
    ),
    Check("certificate", "its certificate holds", None, (LASTING,), applies=_with_tls),
    Check(
        "placard",
        "a Placard answers, and nothing without a proof",
        calls.unproven,
        (
            status(
                401,
                advice=f"A request without a proof must be refused. {PROXY}",
                by_status={
                    0: "Is the service running, and are the name, the port and the path right? "
                    "Where it redirects, give the last address: no preflight is redirected.",
                    200: "Verification is off, so that anyone is answered: set PLACARD_VERIFY.",
                    400: "Verification is off, so that anyone is answered: set PLACARD_VERIFY.",
                    404: "Nothing is at {patient.base}/widget: is the path of the address right, "
                    "and does the proxy pass it on?",
                },
            ),
            STAYS,
            enveloped(f"This is not Placard's answer. {PROXY}"),
            header("X-Request-Id", "This is not Placard's answer, or a proxy drops the header."),
        ),
    ),
    Check(
        "clock",
        "its clock is right",
        calls.plain("/widget"),
        (ON_TIME,),
        needs=("placard",),
    ),
    Check(
        "preflight",
        "the host's page may send a request and its proof",
        calls.preflight,
        (
            status(
                200,
                204,
                advice="A browser sends OPTIONS first: does the proxy pass it on to Placard?",
            ),
            READABLE,
            ALLOWS_GET,
            ALLOWS_PROOFS,
        ),
        needs=("placard",),
    ),
    *(
        Check(
            f"cors_{wanted}",
            f"the host's page can read an error {wanted}",
            calls.plain(path, method),
            (
                status(wanted, advice=PROXY),
                enveloped(f"An error that is not in the envelope says nothing to people. {PROXY}"),
                READABLE,
                VARIES,
            ),
            needs=("placard",),
        )
        for method, path, wanted in (
            ("GET", "/widget", 401),
            ("GET", "/no-such-page", 404),
            ("DELETE", "/widget", 405),
        )
    ),
    Check(
        "stranger",
        "the pages of other sites cannot read an answer",
        calls.plain("/widget", origin=calls.STRANGER),
        (UNREADABLE,),
        needs=("placard",),
    ),
    *(
        Check(
            path.strip("/"),
            f"{path} is kept from the public",
            calls.plain(path),
            (HIDDEN,),
            needs=("placard",),
            applies=_from_outside,
        )
        for path in ("/metrics", "/readyz")
    ),
)
REFUSED: Final = status(
    401,
    advice="It must be refused. Is PLACARD_VERIFY off, or does a cache answer in Placard's place?",
)


def checks_of(patient: Patient) -> Iterator[Check]:
    """Yield the checks for a service, in their order: the general ones, then those of proofs."""
    yield from (check for check in GENERAL if check.applies(patient))
    for by in patient.proofs:
        yield from _of_proof(by)
    for by in patient.proofs[:1]:
        yield from _of_card(by)


def _of_proof(by: Proof) -> Iterator[Check]:
    secret = {"jwt": "PLACARD_JWT_SECRETS", "signature": "PLACARD_SIGNATURE_SECRETS"}[by]
    yield Check(
        f"{by}_proof",
        f"a proof by {by} holds",
        calls.proven(by),
        (
            status_but(
                401,
                advice=f"The proof was refused: is {secret} the service's own, does a proxy "
                "rewrite the query or drop the header? The service's log names the reason, and "
                "what would have matched.",
                by_status={0: "The service answers some requests, but not this one: see its log."},
            ),
            of_placard(f"This is not Placard's answer. {PROXY}"),
        ),
        needs=("placard",),
    )
    for name, about, call in (
        ("altered", f"a {by} of another query is refused", calls.altered(by)),
        (
            "expired",
            f"a {by} that has expired is refused",
            calls.proven(by, expires_in=calls.EXPIRED),
        ),
        ("forged", f"a {by} by another secret is refused", calls.forged(by)),
    ):
        yield Check(f"{by}_{name}", about, call, (REFUSED,), needs=(f"{by}_proof",))


def _of_card(by: Proof) -> Iterator[Check]:
    yield Check(
        "card",
        "a card is answered",
        calls.of_a_card(by),
        (
            status(
                200,
                advice="The service's log says why, on the line of this request.",
                by_status={
                    400: "The address is not one that the host would send: give another one by "
                    "--resource-url.",
                    403: "The workspace is not served (PLACARD_ALLOWED_WORKSPACES; name it by "
                    "--workspace), or the other system refuses the credential: the log says which.",
                    404: "No connector serves {patient.resource_url}, or there is no such "
                    "resource, or the credential does not see it: give an address that this "
                    "service should show by --resource-url.",
                    500: "The other system is slow, down or unreadable, or this is a bug: the "
                    "log's `outcome` and `detail` say which.",
                },
            ),
            card("The host would show an error: the log names the rule that is broken."),
        ),
        needs=(f"{by}_proof",),
    )
    yield Check(
        "cors_200",
        "the host's page can read a card",
        calls.of_a_card(by),
        (READABLE, VARIES),
        needs=("card",),
    )
