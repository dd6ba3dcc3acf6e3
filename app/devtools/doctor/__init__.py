"""Examines a deployed service as the host's client would meet it, and says what is wrong.

checks.py        the table of checks, in their order
general.py       its part without a proof; proven.py, its part with one
parts.py         what it stands on: the database and the cache
check.py         what a check is: what it sends, what must come, what to do where it does not
expectations.py  what an answer must be, and what it was instead
calls.py         what is sent, signed and not; and to whom
answers.py       what came back
examination.py   runs the table, each check once those that it needs have passed
"""

from app.devtools.doctor.calls import Patient
from app.devtools.doctor.examination import Finding, Result, Verdict, examine, verdict_of

__all__ = ["Finding", "Patient", "Result", "Verdict", "examine", "verdict_of"]
