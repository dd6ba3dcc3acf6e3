"""Kinds of values in a file of definitions: expressions, colours and hosts."""

import re
from typing import Any, Final

from marshmallow import ValidationError, fields

from app.connectors.definitions.expressions import ExpressionError, compiled, parts_in
from templates_schemas.fields import OneOf
from templates_schemas.limits import OTHER_COLOR_NAMES, PILL_COLORS
from templates_schemas.rules import Rule

_HOST: Final = re.compile(r"(?:\*\.(?=[^.]+\.))?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d{1,5})?")

# Of a host that stands for many, the API may be at a child of each: `api.*.example.com`.
_API_HOST: Final = re.compile(rf"(?:[A-Za-z0-9-]+\.(?=\*\.))?{_HOST.pattern}")

COLOR: Final = OneOf(*PILL_COLORS, others=OTHER_COLOR_NAMES)


class Expression(fields.String):
    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        try:
            compiled(text)
        except ExpressionError as error:
            reason = " ".join(str(error).split())
            raise ValidationError(
                Rule("expression", f"is not a valid JMESPath expression: {reason}")
            ) from error
        return text


class AnswerExpression(Expression):
    """An expression over an answer; it cannot read the address of the request."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if parts_in(text):
            message = "part() is for the card: an answer is judged without its address"
            raise ValidationError(Rule("part", message))
        return text


class Color(Expression):
    """An expression for a colour; a literal must be a colour of the host."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        constant = compiled(text).parsed
        if constant["type"] == "literal":
            COLOR.deserialize(constant["value"])
        return text


class Hosts(fields.Field[Any]):
    """A list of hosts, or a table of hosts with the one that is asked for each."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not value or not isinstance(value, list | dict):
            message = "must be a list of hosts, or a table of them, and not empty"
            raise ValidationError(Rule("type", message))
        served = enumerate(value) if isinstance(value, list) else zip(value, value, strict=True)
        faults = {key: [_not_a_host()] for key, host in served if not _is_host(host)}
        if isinstance(value, dict):
            strange = (key for key, host in value.items() if not _is_api_host(key, host))
            faults |= {key: [_not_a_host()] for key in strange}
        if faults:
            raise ValidationError(faults)
        return value


class HostName(fields.String):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not _is_host(value):
            raise ValidationError(_not_a_host())
        return str(value)


def _is_host(host: Any) -> bool:
    return isinstance(host, str) and _HOST.fullmatch(host) is not None


def _is_api_host(served: str, host: Any) -> bool:
    if "*" not in served:
        return _is_host(host)
    return isinstance(host, str) and _API_HOST.fullmatch(host) is not None


def _not_a_host() -> Rule:
    return Rule("host", "must be a whole host such as status.example.com, or *.example.com")
