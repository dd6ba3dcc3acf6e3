"""Reads the parameters of an address and its query, with schemas."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from flask import request
from marshmallow import RAISE, Schema, ValidationError, fields

from app.errors import InvalidInput
from app.library.http.schema import NO_NUL, BodySchema
from templates_schemas.rules import Rule, faults_in

TEXT_LENGTH: Final = 255
_DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class ParametersSchema(BodySchema):
    """A schema of a query string; unknown parameters are faults."""

    class Meta:
        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["unknown"] = Rule("invalid", "is not a parameter of this operation")


class TextParameter(fields.String):
    """A text of at most TEXT_LENGTH characters."""

    def __init__(self, *, metadata: Mapping[str, Any] | None = None, **options: Any) -> None:
        limits = {"maxLength": TEXT_LENGTH, "pattern": NO_NUL}
        super().__init__(metadata=limits | dict(metadata or {}), **options)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        given: str = super()._deserialize(value, attr, data, **kwargs)
        if "\0" in given:
            raise ValidationError("has the character U+0000, which cannot be kept")
        if len(given) > TEXT_LENGTH:
            raise ValidationError(f"must have at most {TEXT_LENGTH} characters")
        return given


class BooleanParameter(fields.Boolean):
    """`true` or `false`, in any case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(truthy={"true"}, falsy={"false"}, **options)
        self.error_messages["invalid"] = "must be true or false"

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        given = value.lower() if isinstance(value, str) else value
        return super()._deserialize(given, *args, **kwargs)


class IntegerParameter(fields.Integer):
    """A whole number in plain digits, from `least` to `most`."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(metadata={"minimum": least, "maximum": most}, **options)
        self.least = least
        self.most = most

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        del attr, data, kwargs
        number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else -1
        if not self.least <= number <= self.most:
            raise ValidationError(f"must be a whole number from {self.least} to {self.most}")
        return number


def read_uuid(given: str) -> UUID | None:
    """Read an id in the one form that has four hyphens, in any case; None for other texts."""
    return UUID(given) if _UUID.fullmatch(given) else None


class UuidParameter(fields.UUID):
    """An id in the one form that has four hyphens, in any case."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> UUID:
        del attr, data, kwargs
        found = read_uuid(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("is not a UUID, such as a1b2c3d4-e5f6-7890-abcd-ef1234567890")
        return found


def read_query(schema: Schema) -> Any:
    """Load the query of the current request with a schema.

    Raises InvalidInput, which begins with the parameter's name and has every fault that was found.
    """
    given = list(request.args.items(multi=True))
    counts = Counter(name for name, _ in given)
    for name, count in counts.items():
        if count > 1:
            raise InvalidInput("is given more than once", where=_shown(name))
    return _loaded(schema, dict(given))


def read_path(schema: Schema) -> Any:
    """Load the parameters of the current address with a schema; raises as `read_query`."""
    return _loaded(schema, request.view_args or {})


def _loaded(schema: Schema, given: Mapping[str, str]) -> Any:
    try:
        return schema.load(given)
    except ValidationError as error:
        found = [(_shown(fault.path.removeprefix("$.")), fault) for fault in faults_in(error)]
        (where, first), *others = found
        raise InvalidInput(
            first.message,
            where=where,
            rule=first.rule,
            others=tuple(f"{path}: {fault.message}" for path, fault in others),
        ) from None


def _shown(name: str) -> str:
    """Show a parameter's name, which may be anything."""
    short = name if len(name) <= TEXT_LENGTH else name[:TEXT_LENGTH] + "…"
    return short if short.isprintable() else ascii(short)
