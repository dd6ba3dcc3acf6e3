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

ExpressionError = exceptions.JMESPathError


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
            raise exceptions.JMESPathError(f"time(): {value!r} is no time") from error

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
    return jmespath.compile(text)


def evaluated(expression: ParsedResult, resource: Any) -> Any:
    """Evaluate an expression over a resource; raises ExpressionError."""
    try:
        return expression.search(resource, options=_OPTIONS)
    except (TypeError, ValueError, AttributeError, RecursionError, ArithmeticError) as error:
        raise exceptions.JMESPathError(str(error)) from error


def _moment(value: str | float) -> datetime:
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = value if abs(value) < _SECONDS_BELOW else value / 1000
    return datetime.fromtimestamp(seconds, UTC)
