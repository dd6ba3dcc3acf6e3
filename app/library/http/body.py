"""Reads bodies: JSON of bounded size, depth and number of parts, which every database can store.

Anything else raises InvalidInput, which says what is wrong and where.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import request

from app.errors import InvalidInput, PayloadTooLarge
from app.library.http.arrival import read_in_time
from app.library.http.thread_share import resting

LARGEST: Final = 1 << 20
DEEPEST: Final = 64
# In all lists and objects together: each takes far more to read than its bytes.
MOST_ELEMENTS: Final = 10_000
LONGEST_KEY: Final = 1000
MOST_SHOWN: Final = 40
# What stands between quotes: a comma in it separates nothing.
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def read_json_object() -> dict[str, Any]:
    """Read the body of the current request, which must be a JSON object.

    Raises InvalidInput, or PayloadTooLarge.
    """
    document = read_json()
    if not isinstance(document, dict):
        raise InvalidInput("must be a JSON object", where="$", rule="type")
    return document


def read_json_object_or_list() -> dict[str, Any] | list[Any]:
    """Read the body of the current request, which must be a JSON object or a list."""
    document = read_json()
    if not isinstance(document, dict | list):
        raise InvalidInput("must be a JSON object or a list", where="$", rule="type")
    return document


def read_json() -> Any:
    """Read the body of the current request as JSON of any kind.

    Raises InvalidInput, PayloadTooLarge, or BodyTimeout.
    """
    request.max_content_length = LARGEST + 1
    with resting():
        raw = read_in_time(request.stream)
    if len(raw) > LARGEST:
        raise PayloadTooLarge(sentence=f"The body is over {LARGEST} bytes.")
    # All elements but the first of a list or an object follow a comma: none needs to be read.
    if raw.count(b",") >= MOST_ELEMENTS and _TEXT.sub(b"", raw).count(b",") >= MOST_ELEMENTS:
        raise _too_many(MOST_ELEMENTS)
    return parse_json(raw, MOST_ELEMENTS)


def parse_json(raw: bytes, most: int | None = None) -> Any:
    """Parse the bytes of a body; raises InvalidInput, also where it has over `most` elements."""
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_number,
        )
    except UnicodeDecodeError:
        raise InvalidInput("is not UTF-8", where="$") from None
    except RecursionError:
        raise InvalidInput(f"is nested more than {DEEPEST} deep", where="$") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidInput(f"is not JSON: {error.msg} at {where}", where="$") from None
    except ValueError:
        raise InvalidInput("has a number of too many digits", where="$") from None
    _check(document, most)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, unless a key comes twice: parsers would differ on which one counts."""
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidInput(f"the key {_shown(twice)} is given twice", where="$")
    return made


def _no_number(constant: str) -> Any:
    raise InvalidInput(f"{constant} is not JSON", where="$")


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidInput(f"the number {_shown(digits)} is too large", where="$")
    return number


def _check(document: Any, most: int | None) -> None:
    """Refuse what is too deep or too much, and texts that a database would refuse."""
    waiting: list[tuple[Any, str, int]] = [(document, "$", 1)]
    elements = 0
    while waiting:
        value, path, depth = waiting.pop()
        if isinstance(value, str):
            _check_text(value, path)
        elif isinstance(value, dict | list):
            elements += len(value)
            if most is not None and elements > most:
                raise _too_many(most)
            if depth > DEEPEST:
                raise InvalidInput(f"is nested more than {DEEPEST} deep", where="$")
            # Each child carries its path: only the beginning of a long one, to bound the memory.
            within = _cut(path)
            waiting.extend((inner, where, depth + 1) for inner, where in _children(value, within))


def _too_many(most: int) -> InvalidInput:
    return InvalidInput(f"has more than {most:,} elements in its lists and objects", where="$")


def _children(value: Mapping[str, Any] | list[Any], path: str) -> Iterator[tuple[Any, str]]:
    if isinstance(value, list):
        yield from ((inner, f"{path}[{index}]") for index, inner in enumerate(value))
        return
    for key, inner in value.items():
        if len(key) > LONGEST_KEY:
            raise InvalidInput(f"has a key of more than {LONGEST_KEY} characters", where=_cut(path))
        _check_text(key, path)
        yield inner, f"{path}.{key}"


def _check_text(given: str, path: str) -> None:
    if "\0" in given:
        raise InvalidInput("has the character U+0000, which cannot be kept", where=_cut(path))
    try:
        given.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(
            "has half of a surrogate pair, which is not a character", where=_cut(path)
        ) from None


def _shown(text: str) -> str:
    return ascii(text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…")


def _cut(path: str) -> str:
    return path if len(path) <= MOST_SHOWN * 4 else path[: MOST_SHOWN * 4] + "…"
