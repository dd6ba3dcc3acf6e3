"""Files of TOML that people write: loaded by a schema, each fault with its line and its rule."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from templates_schemas.fields import HintingSchema
from templates_schemas.rules import UNNAMED, Fault, Rule, faults_in

_TABLE: Final = re.compile(r"(\[\[?)([^\[\]=]+)\]\]?\s*(?:#.*)?\Z")
_AT_LINE: Final = re.compile(r"\(at line ([0-9]+),")
_LONG_TEXT: Final = re.compile(r"\"\"\"|'''")
_TYPES: Final[dict[type[fields.Field[Any]], str]] = {
    fields.String: "must be a string",
    fields.Boolean: "must be true or false",
    fields.Integer: "must be a whole number",
    fields.List: "must be a list",
    fields.Mapping: "must be a table",
}
PlacedFault = tuple[int, Fault]


class BrokenToml(ValueError):
    """A file is not TOML, or not what its schema takes; `faults` has each with its line."""

    def __init__(self, faults: Iterable[PlacedFault]) -> None:
        self.faults = list(faults)
        super().__init__(f"{len(self.faults)} faults")


def load_toml(file: Path, schema: Schema) -> tuple[Any, str]:
    """Return what a file holds, by its schema, and its text; raises BrokenToml and OSError.

    No fault repeats a value of the file.
    """
    try:
        text = file.read_text("utf-8")
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # The error names the line, and quotes at most one character of the file.
        at = _AT_LINE.search(str(error))
        fault = Fault("$", UNNAMED, f"is not TOML: {error}")
        raise BrokenToml([(int(at[1]) if at else 1, fault)]) from None
    try:
        return schema.load(given), text
    except ValidationError as error:
        raise BrokenToml(placed(faults_in(error), text)) from None


def placed(faults: Iterable[Fault], text: str) -> list[PlacedFault]:
    """Give each fault its line; what is missing comes last: its name may only be misspelt."""
    found = [(line_of(fault.path, text), fault) for fault in faults]
    return sorted(found, key=lambda at: (at[1].rule == "required", at[0]))


class Table(HintingSchema):
    """A table of a file; the fault of an unknown key lists the keys that it takes."""

    error_messages = {  # noqa: RUF012 - marshmallow declares it so
        "unknown": Rule("unknown_key", "is not a key of this table, which takes {keys}{hint}"),
        "type": Rule("type", "must be a table"),
    }

    def on_bind_field(self, _: str, field_obj: fields.Field[Any]) -> None:
        """Say what marshmallow would say as the other rules say it."""
        _name_rules(field_obj)


class Tables(fields.List[Any]):
    """A list of tables, of which each begins with a header such as `[[connector]]`."""

    def __init__(self, schema: type[Schema], header: str, **kwargs: Any) -> None:
        message = Rule("type", f"must be a list of tables, each below its own `[[{header}]]`")
        super().__init__(fields.Nested(schema), error_messages={"invalid": message}, **kwargs)


class Pairs(fields.Dict):
    """A table of strings by names that are the writer's own."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if isinstance(error.messages, dict):
                # What is wrong with a key and with its value, both at the key.
                error.messages = {
                    key: [message for messages in parts.values() for message in messages]
                    for key, parts in error.messages.items()
                }
            raise


def form(pattern: str, message: str) -> Callable[[str], None]:
    """Make a validator of strings that begin with a pattern."""
    wanted = re.compile(pattern)

    def check(value: str) -> None:
        if not wanted.match(value):
            raise ValidationError(Rule("form", message))

    return check


def length(least: int, most: int | None = None, of: str = "characters") -> validate.Length:
    """Make a validator of the length of a string or a list."""
    message = "must not be empty" if most is None else f"must have {least} to {most} {of}"
    return validate.Length(least, most, error=Rule("length", message))


def _name_rules(field: fields.Field[Any]) -> None:
    field.error_messages["required"] = Rule("required", "is required")
    for kind, message in _TYPES.items():
        if isinstance(field, kind) and not isinstance(field.error_messages["invalid"], Rule):
            field.error_messages["invalid"] = Rule("type", message)
    inner = (getattr(field, name, None) for name in ("inner", "key_field", "value_field"))
    for each in filter(None, inner):
        _name_rules(each)


def line_of(path: str, text: str) -> int:
    """Find the line that a JSON path such as `$.connector[0].card.title` means, or its table's."""
    wanted = path.removeprefix("$.")
    best, line = "", 1
    for number, name in _paths(text):
        if f"{wanted}.".startswith((f"{name}.", f"{name}[")) and len(name) > len(best):
            best, line = name, number
    return line


def _paths(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line of TOML that names something, with the JSON path of what it names."""
    table, counts, within = "", dict[str, int](), False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped, began_within = line.strip(), within
        # A text of several lines begins or ends where its quotes stand an odd number of times.
        within ^= len(_LONG_TEXT.findall(line)) % 2 == 1
        if began_within:
            continue
        if header := _TABLE.match(stripped):
            name = ".".join(part.strip(" \"'") for part in header[2].split("."))
            table = _indexed(name, counts, begins=header[1] == "[[")
            # The tables that it stands in may have no header of their own.
            yield from ((number, outer) for outer in accumulate(table.split("."), "{}.{}".format))
        elif "=" in stripped and not stripped.startswith("#"):
            key = stripped.partition("=")[0].strip().strip("\"'")
            yield number, f"{table}.{key}" if table else key


def _indexed(name: str, counts: dict[str, int], *, begins: bool) -> str:
    """Write `connector.card.fields` as `connector[1].card.fields[0]`."""
    if begins:
        counts[name] = counts.get(name, -1) + 1
        for inner in [inner for inner in counts if inner.startswith(f"{name}.")]:
            del counts[inner]
    steps, so_far = [], ""
    for part in name.split("."):
        so_far = f"{so_far}.{part}" if so_far else part
        steps.append(f"{part}[{counts[so_far]}]" if so_far in counts else part)
    return ".".join(steps)
