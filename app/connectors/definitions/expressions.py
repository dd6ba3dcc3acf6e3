"""JMESPath, with the few functions that cards need.

choose(status, `{"up": "green"}`, 'red')   look a word up in a table, or take the default
default(a, b)                              the first that is not null
time(x)                                    epoch seconds or milliseconds, an ISO time or date
joined(names)                              `a, b +3`, whole names, in a field's length
text(x)                                    a number or a truth as text
words(x)                                   `in_progress` as `In progress`
plain(x)                                   a text of HTML, without its tags and entities
line(x)                                    the first line of a text
drawn(x)                                   a text whose `:bug:` is 🐛, as GitHub and GitLab draw it
after(x, start)                            what follows a beginning: `after(ref, 'refs/heads/')`
part(name)                                 a part of the address
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import jmespath
from jmespath import exceptions, functions
from jmespath.parser import ParsedResult

from app.connectors.card_parts import drawn, plain, words
from templates_schemas.limits import FIELD_TEXT_MAX
from templates_schemas.text import host_time, listed

# Larger numbers are milliseconds: in seconds they would lie in the year 5138 and after.
_SECONDS_BELOW: Final = 10**11

# Each flattening can double what the one before it made; mapping has no deadline.
MOST_FLATTENINGS: Final = 4
LONGEST_EXPRESSION: Final = 500
_FAILURES: Final = (
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    ArithmeticError,
    MemoryError,
)

# jmespath names an element of a list by its type in Python.
_TYPE_NAMES: Final = {
    "NoneType": "null",
    "str": "string",
    "int": "number",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
}

ExpressionError = exceptions.JMESPathError


class NoTime(ExpressionError):
    """The value that `time()` was given is not a time."""


class CardFunctions(functions.Functions):
    """JMESPath's own functions and ours; what fails raises an ExpressionError."""

    def __init__(self, parts: Mapping[str, str] = MappingProxyType({})) -> None:
        self._parts = parts

    @functions.signature({"types": []}, {"types": ["object"]}, {"types": []})
    def _func_choose(self, word: Any, table: Mapping[str, Any], otherwise: Any) -> Any:
        key = word if isinstance(word, str) else json.dumps(word)
        return table.get(key, otherwise)

    @functions.signature({"types": []}, {"types": []})
    def _func_default(self, value: Any, otherwise: Any) -> Any:
        return otherwise if value is None else value

    @functions.signature({"types": ["string", "number", "boolean", "null"]})
    def _func_time(self, value: Any) -> str | None:
        # False is what `closed && closed_at` comes to where it is not closed.
        if value is None or value is False:
            return None
        if value is True:
            raise NoTime("time() of true")
        try:
            return host_time(_datetime(value))
        except (ValueError, OverflowError, OSError) as error:
            raise NoTime("time() needs a time") from error

    @functions.signature({"types": ["array", "null"]})
    def _func_joined(self, names: list[Any] | None) -> str:
        return listed([name for name in names or () if isinstance(name, str)], FIELD_TEXT_MAX)

    @functions.signature({"types": ["string", "number", "boolean", "null"]})
    def _func_text(self, value: Any) -> str | None:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return None if value is None else number_text(value)

    @functions.signature({"types": ["string", "null"]})
    def _func_words(self, value: str | None) -> str:
        return words(value)

    @functions.signature({"types": ["string", "null"]})
    def _func_plain(self, value: str | None) -> str | None:
        return plain(value)

    @functions.signature({"types": ["string", "null"]})
    def _func_line(self, value: str | None) -> str | None:
        return value and next(iter(value.strip().splitlines()), "")

    @functions.signature({"types": ["string", "null"]})
    def _func_drawn(self, value: str | None) -> str | None:
        return drawn(value)

    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
    def _func_after(self, value: str | None, start: str) -> str | None:
        return value and value.removeprefix(start)

    @functions.signature({"types": ["string"]})
    def _func_part(self, name: str) -> str | None:
        return self._parts.get(name)


@lru_cache(maxsize=2048)
def compiled(text: str) -> ParsedResult:
    """Compile an expression; raises ExpressionError, which says what is wrong and where."""
    if len(text) > LONGEST_EXPRESSION or text.count("[]") > MOST_FLATTENINGS:
        raise exceptions.JMESPathError(
            f"has over {LONGEST_EXPRESSION} characters, or over {MOST_FLATTENINGS} flattenings"
        )
    try:
        parsed = jmespath.compile(text)
    except (ValueError, RecursionError) as error:
        raise exceptions.JMESPathError(" ".join(str(error).split())) from error
    _check_node(parsed.parsed)
    return parsed


def evaluate(text: str, resource: Any, parts: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Evaluate an expression over a resource and the parts of its address.

    Raises ExpressionError.
    """
    options = jmespath.Options(custom_functions=CardFunctions(parts))
    try:
        return compiled(text).search(resource, options=options)
    except NoTime:
        raise
    except (ExpressionError, *_FAILURES) as error:
        raise exceptions.JMESPathError(_why(error)) from None


def _why(error: Exception) -> str:
    """Say why an expression fails; the error's own text may quote all of the resource."""
    if not isinstance(error, exceptions.JMESPathTypeError):
        return "cannot be computed from this answer"
    name, given = error.function_name, _TYPE_NAMES.get(error.actual_type, error.actual_type)
    lists = (each.partition("array-") for each in error.expected_types)
    takes = " or ".join(f"a list of {of}s" if of else kind for kind, _, of in lists)
    is_joining = (name, given) == ("join", "null")
    hint = "; join(…, […][?@]) leaves out what is null" if is_joining else ""
    return f"{name}() takes {takes}, and was given {given}{hint}"


def parts_in(text: str) -> set[str]:
    """Name the parts of the address that an expression asks for, where it does so literally."""
    return set(_parts_of(compiled(text).parsed))


def _parts_of(node: Mapping[str, Any]) -> Iterator[str]:
    children = [child for child in node["children"] if isinstance(child, dict)]
    if (node["type"], node.get("value")) == ("function_expression", "part"):
        yield from (str(child["value"]) for child in children if child["type"] == "literal")
    for child in children:
        yield from _parts_of(child)


def number_text(value: Any) -> str:
    """Write a value as a text: a number that is whole without its point."""
    is_integer = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_integer else str(value)


def _check_node(node: Mapping[str, Any]) -> None:
    """Require known functions with the right number of arguments, and no `!a.b`."""
    if node["type"] == "subexpression" and node["children"][0]["type"] == "not_expression":
        raise exceptions.JMESPathError("`!a.b` means `(!a).b`; write `!(a.b)`")
    if node["type"] == "function_expression":
        function = CardFunctions.FUNCTION_TABLE.get(node["value"])
        if function is None:
            raise exceptions.JMESPathError(f"there is no function {node['value']}()")
        wanted, given = len(function["signature"]), len(node["children"])
        variadic = any(argument.get("variadic") for argument in function["signature"])
        if given < wanted or (given > wanted and not variadic):
            raise exceptions.JMESPathError(f"{node['value']}() takes {wanted}, not {given}")
    for child in node["children"]:
        if isinstance(child, dict):
            _check_node(child)


def _datetime(value: str | float) -> datetime:
    if isinstance(value, str):
        read = datetime.fromisoformat(value)
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    seconds = value if abs(value) < _SECONDS_BELOW else value / 1000
    return datetime.fromtimestamp(seconds, UTC)
