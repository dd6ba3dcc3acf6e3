"""Schemas of what systems answer: what does not load is left out, and costs no card."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.upstream.excerpt import Shape


class Resource(Schema):
    """The base of the schemas of incoming resources: a value that does not load is left out.

    Only a field with `required=True`, and the absence of all fields in `needs_any`, make the
    document unreadable; each schema says which these are. Any other value that does not
    load is dropped, as if it were absent; of a list, each item for itself. Null is loaded as None.
    """

    needs_any: ClassVar[tuple[str, ...]] = ()

    class Meta:
        unknown = EXCLUDE

    @classmethod
    def nested(cls, key: str | None = None, /, **members: fields.Field[Any]) -> fields.Nested:
        """Declare an object, at a key if it is not the attribute's; only these members are read."""
        return fields.Nested(cls.from_dict(members), data_key=key)

    @classmethod
    def listed(cls, key: str) -> type[Schema]:
        """Make the schema of a document that has a list of these under a key."""
        return Resource.from_dict(
            {key: fields.List(fields.Nested(cls))}, name=f"{cls.__name__}List"
        )

    def on_bind_field(self, _field_name: str, field_obj: fields.Field[Any]) -> None:
        """Let every optional field be null."""
        field_obj.allow_none = field_obj.allow_none or not field_obj.required

    def load(self, data: Any, **options: Any) -> Any:
        """Load a document.

        Raises ValidationError where any value does not load. Its `valid_data` is the document
        without these values; it is None where the document cannot do without one of them.
        """
        try:
            loaded = super().load(data, **options)
        except ValidationError as error:
            kept = error.valid_data if self._is_enough(error.valid_data) else None
            raise ValidationError(error.messages, valid_data=kept) from None
        if not self._is_enough(loaded):
            raise ValidationError(f"has none of: {', '.join(self._needed)}")
        return loaded

    @property
    def _needed(self) -> list[str]:
        return [self.fields[name].data_key or name for name in self.needs_any]

    def _is_enough(self, loaded: Any) -> bool:
        """Tell whether all that is required has loaded, and one of `needs_any`."""
        if not isinstance(loaded, Mapping):
            return False
        required = (name for name, field in self.fields.items() if field.required)
        any_of = [name for name in self.needs_any if loaded.get(name) is not None]
        return all(name in loaded for name in required) and bool(any_of or not self.needs_any)


class Timestamp(fields.AwareDateTime):
    """A time with an offset, loaded in UTC."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        loaded: datetime = super()._deserialize(value, *args, **kwargs)
        try:
            return loaded.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("is out of range in UTC") from error


class Count(fields.Integer):
    """A number of things: whole, 0 or more, and one that JavaScript can hold; `"3"` is 3."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(0, 2**53 - 1), **kwargs)

    def _validated(self, value: Any) -> int:
        is_written = isinstance(value, str) and re.fullmatch(r"[0-9]{1,16}", value)
        number: int = super()._validated(int(value) if is_written else value)
        return number


def shape_of(schema: Schema) -> Shape:
    """Return what a schema reads of a document, by its keys."""
    return {field.data_key or name: _shape_in(field) for name, field in schema.fields.items()}


def _shape_in(field: fields.Field[Any]) -> Shape | None:
    if isinstance(field, fields.List):
        return _shape_in(field.inner)
    return shape_of(field.schema) if isinstance(field, fields.Nested) else None
