"""The checks that need no proof: the address, its TLS, the clock, CORS, what is for operators."""

from typing import Final

from app.devtools.doctor import calls
from app.devtools.doctor.calls import Patient
from app.devtools.doctor.check import NOT_PLACARD, PROXY, Check
from app.devtools.doctor.expectations import (
    ALLOWS_PROOFS,
    ENCRYPTED,
    HIDDEN,
    LASTING,
    ON_TIME,
    READABLE,
    SECURE,
    STAYS,
    UNREADABLE,
    VARIES,
    allows,
    enveloped,
    header,
    refusal,
    status,
)
from app.devtools.doctor.parts import PARTS
from app.devtools.signed_calls import ATTACH, WIDGET
from app.verification import SIGNATURE_HEADER


def _with_tls(patient: Patient) -> bool:
    return patient.base.startswith("https:")


def _from_outside(patient: Patient) -> bool:
    return not patient.is_local


GENERAL: Final = (
    Check("tls", "the host's browser can reach the address", calls.plain("/widget"), (SECURE,)),
    Check("certificate", "its certificate holds", None, (ENCRYPTED, LASTING), applies=_with_tls),
    Check(
        "placard",
        "a Placard answers, and nothing without a proof",
        calls.unproven,
        (
            refusal(
                f"A request without a proof must be refused. {PROXY}",
                {
                    0: "Is the service running, are the name and the port right, and is the "
                    "certificate trusted here? Where it redirects, give the last address: no "
                    "preflight is redirected.",
                    200: "Verification is off, so that anyone is answered: set PLACARD_VERIFY.",
                    400: "Verification is off, so that anyone is answered: set PLACARD_VERIFY.",
                    404: "Nothing is at {patient.base}/widget: is the path of the address right, "
                    "and does the proxy pass it on?",
                },
            ),
            STAYS,
            enveloped(NOT_PLACARD),
            header("X-Request-Id", "This is not Placard's answer, or a proxy drops the header."),
        ),
    ),
    Check("clock", "its clock is right", calls.plain("/widget"), (ON_TIME,), needs=("placard",)),
    *(
        Check(
            name,
            f"the host's page may send a {method} and its proof",
            calls.preflight(path, method, "authorization", "content-type", SIGNATURE_HEADER),
            (
                status(
                    200,
                    204,
                    advice="A browser sends OPTIONS first: does the proxy pass it on to Placard?",
                ),
                READABLE,
                allows(method),
                ALLOWS_PROOFS,
            ),
            needs=("placard",),
        )
        for name, path, method in (
            ("preflight", WIDGET, "GET"),
            ("preflight_attach", ATTACH, "POST"),
        )
    ),
    *(
        Check(
            f"cors_{wanted}",
            f"the host's page can read an error {wanted}",
            calls.plain(path, method),
            (
                refusal(PROXY) if wanted == 401 else status(wanted, advice=PROXY),
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
    PARTS,
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
