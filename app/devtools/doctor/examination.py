"""The examination: each check of the table in turn, and what became of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.devtools.doctor.answers import Line, ReceivedAnswer
from app.devtools.doctor.calls import Patient
from app.devtools.doctor.check import Check
from app.devtools.doctor.checks import checks_of
from app.errors import ConfigurationError
from app.telemetry.logs import printable

Result = Literal["passed", "failed", "not_tried"]
Verdict = Literal["sound", "unsound", "incomplete"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in words: what was sent, what came, what it should be, what to do.

    Of one that was not tried, `came` says why.
    """

    check: str
    about: str
    result: Result
    sent: str
    came: str
    expected: str
    advice: str = ""


def examine(patient: Patient) -> Iterator[Finding]:
    """Yield what each check finds."""
    line = Line(patient)
    results: dict[str, Result] = {}
    for check in checks_of(patient):
        missing = [name for name in check.needs if results[name] != "passed"]
        found = _missing(check, patient, missing) if missing else _tried(check, patient, line)
        results[check.name] = found.result
        yield found


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Judge a service: `incomplete` says that nothing failed, but not all could be tried."""
    results = {finding.result for finding in findings}
    if "failed" in results:
        return "unsound"
    return "incomplete" if "not_tried" in results else "sound"


def _missing(check: Check, patient: Patient, missing: list[str]) -> Finding:
    why = f"{', '.join(missing)} did not pass"
    return Finding(check.name, check.about, "not_tried", "", why, _expected(check, patient))


def _tried(check: Check, patient: Patient, line: Line) -> Finding:
    try:
        call = check.call and check.call(patient)
    except ConfigurationError as error:
        return Finding(
            check.name, check.about, "not_tried", "", error.detail, _expected(check, patient),
            "Run this with the settings of the service: what it verifies must be signed here.",
        )  # fmt: skip
    sent = str(call) if call else f"a TLS handshake with {patient.base}"
    answer = line.send(call) if call else line.shake_hands(patient.base)
    return _found(check, patient, sent, answer)


def _found(check: Check, patient: Patient, sent: str, answer: ReceivedAnswer) -> Finding:
    if why := check.untried(answer, patient):
        return Finding(check.name, check.about, "not_tried", sent, why, _expected(check, patient))
    broken = [each for each in check.expects if not each.is_met(answer, patient)]
    return Finding(
        check.name,
        check.about,
        "failed" if broken else "passed",
        sent,
        _came(check, patient, answer, is_sound=not broken),
        _expected(check, patient),
        broken[0].advise(answer, patient) if broken else "",
    )


def _came(check: Check, patient: Patient, answer: ReceivedAnswer, *, is_sound: bool) -> str:
    seen = dict.fromkeys(each.seen(answer, patient) for each in check.expects)
    if check.call and answer.failure and not is_sound:
        return f"no answer: {answer.failure}"
    # What a server says could otherwise direct the terminal.
    return printable(", ".join(filter(None, seen)))


def _expected(check: Check, patient: Patient) -> str:
    return ", ".join(each.described(patient) for each in check.expects)
