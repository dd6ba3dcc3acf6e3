"""The table of checks, in their order."""

from collections.abc import Iterator

from app.devtools.doctor.calls import Patient
from app.devtools.doctor.check import Check
from app.devtools.doctor.general import GENERAL
from app.devtools.doctor.proven import of_body, of_card, of_lookup, of_proof


def checks_of(patient: Patient) -> Iterator[Check]:
    """Yield the checks for a service: the general ones, those of proofs, those of answers."""
    yield from (check for check in GENERAL if check.applies(patient))
    for by in patient.proofs:
        yield from of_proof(by)
        yield from of_body(by)
    for by in patient.proofs[:1]:
        yield from of_card(by)
        yield from of_lookup(by)
