"""What a check is: what it sends, what must come, what to do where it does not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.devtools.doctor.answers import ReceivedAnswer
from app.devtools.doctor.calls import Make, Patient
from app.devtools.doctor.expectations import Expectation

# Advice that several checks have.
PROXY: Final = "Does a proxy answer in Placard's place?"
NOT_PLACARD: Final = f"This is not Placard's answer. {PROXY}"


def _everywhere(_: Patient) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `call` makes what is sent; None is a handshake of TLS.

    It is tried once those that it `needs` have passed, for a service that it `applies` to. Where
    `untried` gives a reason, the answer is right, and shows nothing of what is looked for.
    """

    name: str
    about: str
    call: Make | None
    expects: tuple[Expectation, ...]
    needs: tuple[str, ...] = ()
    applies: Callable[[Patient], bool] = _everywhere
    untried: Callable[[ReceivedAnswer, Patient], str] = lambda *_: ""
