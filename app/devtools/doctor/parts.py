"""The check of what a service stands on: its database and its cache, as `/readyz` tells."""

from typing import Final

from app.devtools.doctor import calls
from app.devtools.doctor.answers import ReceivedAnswer
from app.devtools.doctor.calls import Patient
from app.devtools.doctor.check import Check
from app.devtools.doctor.expectations import Expectation, status_of

NOT_PARTS: Final = ("status", "waiting_for")


def _broken_parts(answer: ReceivedAnswer) -> dict[str, str]:
    """Map each part of `/readyz` that is neither well nor turned off to how it is."""
    document = answer.document if isinstance(answer.document, dict) else {}
    parts = {name: str(how) for name, how in document.items() if name not in NOT_PARTS}
    return {name: how for name, how in parts.items() if how not in ("ok", "off")}


def _parts_seen(answer: ReceivedAnswer, patient: Patient) -> str:
    broken = ", ".join(f"{name}: {how}" for name, how in _broken_parts(answer).items())
    return f"{status_of(answer, patient)} {broken}".rstrip()


WELL: Final = Expectation(
    "200, and each part ok or off",
    lambda answer, _: answer.status == 200 and not _broken_parts(answer),
    _parts_seen,
    "What is named does not answer: is PostgreSQL or Redis running, and is its address right? The "
    "service's log says more (`library_unavailable`, `cache_unavailable`).",
)


def _kept_away(answer: ReceivedAnswer, patient: Patient) -> str:
    """Say why nothing can be seen of the service's parts, where a proxy keeps that away."""
    if patient.direct or answer.status not in (401, 403, 404):
        return ""
    return (
        "the proxy keeps /readyz from the public, so whether the database and Redis answer cannot "
        "be seen here: on the service's machine, give --direct http://127.0.0.1:8080"
    )


PARTS: Final = Check(
    "parts",
    "its database and its cache answer",
    calls.readiness,
    (WELL,),
    needs=("placard",),
    untried=_kept_away,
)
