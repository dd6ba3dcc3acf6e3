"""JMESPath, with the few functions that cards need.

choose(status, `{"up": "green"}`, 'red')   look a word up in a table, or take the default
default(a, b)                              the first that is not null
time(x)                                    epoch seconds or milliseconds, an ISO time or date
joined(names)                              `a, b +3`, whole names, in a field's length
text(x)                                    a number or a truth as text
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import jmespath
from jmespath import exceptions, functions
from jmespath.parser import ParsedResult

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

ExpressionError = exceptions.JMESPathError


class NoTime(ExpressionError):
    """What was given to `time()` is none."""


class CardFunctions(functions.Functions):
    """JMESPath's own functions and ours; what fails raises an ExpressionError."""

    @functions.signature({"types": []}, {"types": ["object"]}, {"types": []})
    def _func_choose(self, word: Any, table: Mapping[str, Any], otherwise: Any) -> Any:
        return table.get(word, otherwise) if isinstance(word, str) else otherwise

    @functions.signature({"types": []}, {"types": []})
    def _func_default(self, value: Any, otherwise: Any) -> Any:
        return otherwise if value is None else value

    @functions.signature({"types": ["string", "number", "null"]})
    def _func_time(self, value: Any) -> str | None:
        try:
            return None if value is None else host_time(_moment(value))
        except (ValueError, OverflowError, OSError) as error:
            raise NoTime("time() of what is no time") from error

    @functions.signature({"types": ["array", "null"]})
    def _func_joined(self, names: list[Any] | None) -> str:
        return listed([name for name in names or () if isinstance(name, str)], FIELD_TEXT_MAX)

    @functions.signature({"types": ["string", "number", "boolean", "null"]})
    def _func_text(self, value: Any) -> str | None:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return None if value is None else str(value)


_OPTIONS: Final = jmespath.Options(custom_functions=CardFunctions())


def compiled(text: str) -> ParsedResult:
    """Compile an expression; raises ExpressionError, which tells what is wrong and where."""
    if len(text) > LONGEST_EXPRESSION or text.count("[]") > MOST_FLATTENINGS:
        raise exceptions.JMESPathError(
            f"has over {LONGEST_EXPRESSION} characters, or over {MOST_FLATTENINGS} flattenings"
        )
    try:
        parsed = jmespath.compile(text)
    except (ValueError, RecursionError) as error:
        raise exceptions.JMESPathError(" ".join(str(error).split())) from error
    _check_calls(parsed.parsed)
    return parsed


def evaluated(expression: ParsedResult, resource: Any) -> Any:
    """Evaluate an expression over a resource; raises ExpressionError."""
    try:
        return expression.search(resource, options=_OPTIONS)
    except NoTime:
        raise
    except (ExpressionError, *_FAILURES) as error:
        # Without the error's text: it may quote all of the resource.
        raise exceptions.JMESPathError(f"fails: {type(error).__name__}") from None


def _check_calls(node: Mapping[str, Any]) -> None:
    """Want every function that is called to be known, and given as much as it takes."""
    if node["type"] == "function_expression":
        known = CardFunctions.FUNCTION_TABLE.get(node["value"])
        if known is None:
            raise exceptions.JMESPathError(f"there is no function {node['value']}()")
        wanted, given = len(known["signature"]), len(node["children"])
        variadic = any(argument.get("variadic") for argument in known["signature"])
        if given < wanted or (given > wanted and not variadic):
            raise exceptions.JMESPathError(f"{node['value']}() takes {wanted}, not {given}")
    for child in node["children"]:
        if isinstance(child, dict):
            _check_calls(child)


def _moment(value: str | float) -> datetime:
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = value if abs(value) < _SECONDS_BELOW else value / 1000
    return datetime.fromtimestamp(seconds, UTC)
