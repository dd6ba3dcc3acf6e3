"""Faults: what is wrong with a payload, where, and by which rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from marshmallow import Schema, ValidationError

UNNAMED: Final = "invalid"
_WHOLE: Final = "_schema"


class Rule(str):
    """An error message that remembers the name of the rule it speaks for.

    marshmallow carries messages as strings; this one survives the journey, formatting included.
    """

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, text: str) -> Self:
        """Make the message `text` of the rule `name`."""
        rule = super().__new__(cls, text)
        rule.name = name
        return rule

    def format(self, *args: object, **kwargs: object) -> "Rule":
        """Fill the placeholders as `str.format` does, and stay a rule."""
        return Rule(self.name, super().format(*args, **kwargs))


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: `path` is a JSON path such as `$.metadata.fields[2].color`."""

    path: str
    rule: str
    message: str

    def __str__(self) -> str:
        named = "" if self.rule == UNNAMED else f" ({self.rule})"
        return f"{self.path}: {self.message}{named}"


def faults_of(schema: Schema, data: Any) -> tuple[Fault, ...]:
    """List every fault that `schema` finds in `data`; an empty tuple means none."""
    try:
        schema.load(data)
    except ValidationError as error:
        return faults_in(error)
    return ()


def faults_in(error: ValidationError) -> tuple[Fault, ...]:
    """List what a schema's load complained of; a rule without a name is `invalid`."""
    messages: dict[Any, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
    return tuple(_flatten(messages, "$"))


def _flatten(messages: Mapping[Any, Any] | list[Any], path: str) -> Iterator[Fault]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flatten(inner, _step(path, key))
    else:
        for message in messages:
            yield Fault(path, getattr(message, "name", UNNAMED), str(message))


def _step(path: str, key: Any) -> str:
    if key == _WHOLE:
        return path
    return f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}"
