"""What the schemas of bodies share: loading, and the sentences of faults."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from marshmallow.fields import Field

from app.errors import InvalidInput
from templates_schemas.rules import Rule, faults_in

MOST_FAULTS: Final = 50
# No text of a body may have U+0000, which a database cannot store.
NO_NUL: Final = r"^[^\u0000]*$"


def load(schema: Schema, document: Any) -> Any:
    """Load a document with a schema, or a list of them with one of many.

    Raises InvalidInput with the first MOST_FAULTS faults.
    """
    try:
        if schema.many:
            return load_each(partial(schema.load, many=False), document)
        return schema.load(document)
    except ValidationError as error:
        first, *others = faults_in(error)
        sentences = [f"{fault.path}: {fault.message}" for fault in others[: MOST_FAULTS - 1]]
        if len(sentences) == MOST_FAULTS - 1:
            sentences.append(f"the search ended at {MOST_FAULTS} faults")
        raise InvalidInput(
            first.message, where=first.path, rule=first.rule, others=tuple(sentences)
        ) from None


def load_each(load_one: Callable[[Any], Any], documents: Iterable[Any]) -> list[Any]:
    """Load some documents up to the fault that is one of MOST_FAULTS; raises ValidationError."""
    loaded, errors, found = [], {}, 0
    for number, document in enumerate(documents):
        try:
            loaded.append(load_one(document))
        except ValidationError as error:
            errors[number] = error.messages
            found += len(faults_in(error))
            if found >= MOST_FAULTS:
                break
    if errors:
        raise ValidationError(errors)
    return loaded


class BodySchema(Schema):
    """A schema of what clients send: unknown keys are ignored, and each fault names its rule.

    The rules are `required`, `type` (null too) and, for what a validator finds, `invalid`.
    """

    class Meta:
        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: Field[Any]) -> None:
        """Name the rules of a field's own messages, and describe what its texts may not have."""
        del field_name
        inner = field_obj.inner if isinstance(field_obj, fields.List) else field_obj
        if type(inner) is fields.String and not is_one_of_some(inner):
            inner.metadata = {"pattern": NO_NUL, **inner.metadata}
        messages = field_obj.error_messages
        messages["required"] = Rule("required", "is missing")
        messages["null"] = Rule("type", "must not be null")
        for kind in ("invalid", "type"):
            if kind in messages:
                messages[kind] = Rule("type", str(messages[kind]).rstrip("."))


def is_one_of_some(field: Field[Any]) -> bool:
    """Tell whether a field names the values that it takes."""
    return any(isinstance(each, validate.OneOf | validate.Equal) for each in field.validators)


class JsonBoolean(fields.Boolean):
    """A boolean of JSON: true or false, not a word or a number."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class JsonList(fields.List[Any]):
    """A list of JSON; of one with many faults the rest is not read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        del attr, data
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return load_each(partial(self.inner.deserialize, **kwargs), value)
