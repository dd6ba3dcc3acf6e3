"""The text of a payload, read so that nothing of it goes unseen.

`json.loads` alone takes what is no JSON (`NaN`), and of a key that is given twice the last.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from templates_schemas.rules import Fault

UNTIL_JSON: Final = "json"


class UnreadablePayload(ValueError):
    """The text is not JSON; `line` counts from 1, and `offset` characters from 0."""

    def __init__(self, message: str, line: int = 1, offset: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.offset = offset

    @property
    def fault(self) -> Fault:
        """The same as a fault of the document."""
        return Fault("$", UNTIL_JSON, str(self))


class Members(dict[str, Any]):
    """An object of JSON that remembers which of its keys were given more than once."""

    repeated: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, Any]]) -> Self:
        """Make the object of its members, in their order."""
        made = cls(pairs)
        names = [name for name, _ in pairs] if len(made) < len(pairs) else []
        made.repeated = tuple(name for name in made if names.count(name) > 1)
        return made


@dataclass(frozen=True, slots=True)
class ReadPayload:
    """The JSON of a text, and the faults that only the text has."""

    payload: Any
    faults: tuple[Fault, ...]


def read_payload(text: str | bytes) -> ReadPayload:
    """Read a text as JSON; raises UnreadablePayload where it is not JSON."""
    try:
        decoded = text if isinstance(text, str) else _decoded(text)
        payload = json.loads(decoded, parse_constant=_refuse, object_pairs_hook=Members.of)
        return ReadPayload(payload, tuple(_repeated(payload, "$")))
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg}, at column {error.colno}"
        raise UnreadablePayload(message, error.lineno, error.pos) from None
    except ValueError as error:
        raise UnreadablePayload(f"is not JSON: {error}") from None
    except RecursionError:
        raise UnreadablePayload("is not JSON: it is nested too deep") from None


def _decoded(text: bytes) -> str:
    return text.decode(json.detect_encoding(text), "surrogatepass")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _repeated(value: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, Members):
        for name in value.repeated:
            yield Fault(
                f"{path}.{name}", "repeated", "is given more than once; the last one counts"
            )
        for name, inner in value.items():
            yield from _repeated(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated(inner, f"{path}[{index}]")
