"""marshmallow fields for the host's kinds of value; each fault carries its rule's name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from templates_schemas import text
from templates_schemas.hints import did_you_mean
from templates_schemas.limits import COUNT_MAX
from templates_schemas.rules import Rule

# As marshmallow declares it; ours are all rules.
Messages = dict[str, str | list[Any] | dict[Any, Any]]


class HintingSchema(Schema):
    """A schema whose `unknown` message has a `{hint}`, and may list the `{keys}`."""

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        """Say of each key that is not known here which one was probably meant."""
        unknown = self.error_messages["unknown"]
        keys = [known.data_key or name for name, known in self.fields.items()]
        missing = [key for key in keys if not isinstance(data, Mapping) or key not in data]
        by_field: dict[Any, Any] = error.messages  # type: ignore[assignment]  # a schema's are a dict
        unread = {key for key, messages in by_field.items() if messages == [unknown]}
        # In the order of the document; marshmallow's is that of a set.
        for key in [key for key in data if key in unread] if unread else ():
            hint = did_you_mean(key, missing) or did_you_mean(key, keys)
            del by_field[key]
            by_field[key] = [unknown.format(hint=hint, keys=", ".join(keys))]


class HostSchema(HintingSchema):
    """A schema of the host: unknown keys and `null` are faults, absent values are left out."""

    class Meta:
        unknown = RAISE

    error_messages = {
        "unknown": Rule("unknown_key", "is not a key that the host knows here{hint}"),
        "type": Rule("type", "must be an object"),
    }


class Ruled:
    """Gives marshmallow's own complaints their rule names."""

    default_error_messages: Messages = {
        "required": Rule("required", "is required"),
        "null": Rule("null", "must not be null; leave the key out where there is no value"),
    }


class GivenText(Ruled, fields.String):
    """A text of a request that shows something, of at most `longest` UTF-16 code units."""

    default_error_messages: Messages = {
        "invalid": Rule("type", "must be a string"),
        "blank": Rule("min_length", "must have at least 1 visible character"),
        "longest": Rule(
            "max_length", "has {length} UTF-16 code units; at most {longest} are shown"
        ),
    }

    def __init__(self, *, longest: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        loaded: str = super()._deserialize(value, *args, **kwargs)
        if text.is_blank(loaded):
            raise self.make_error("blank")
        length = text.utf16_length(loaded)
        if self.longest is not None and length > self.longest:
            raise self.make_error("longest", length=length, longest=self.longest)
        return loaded


class Text(GivenText):
    """A text that people see as it is: of characters that show, in their direction."""

    default_error_messages: Messages = {
        "surrogate": Rule("surrogate", "has half of a surrogate pair, which is not a character"),
        "control": Rule("control", "has the control character {character}; a space would be right"),
        "direction": Rule(
            "direction",
            "has characters that turn the direction of what follows; an isolate that is closed "
            "(U+2068 … U+2069) would be right",
        ),
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        loaded = super()._deserialize(value, *args, **kwargs)
        if text.has_lone_surrogate(loaded):
            raise self.make_error("surrogate")
        if character := text.control_in(loaded):
            raise self.make_error("control", character=character)
        if text.turns_direction(loaded):
            raise self.make_error("direction")
        return loaded


class OneOf(Ruled, fields.String):
    """One of a few words; `others` maps what people call them otherwise, for the hint."""

    default_error_messages: Messages = {
        "invalid": Rule("type", "must be a string"),
        "one_of": Rule("one_of", "must be one of: {words}{hint}"),
    }

    def __init__(
        self, *words: str, others: Mapping[str, str] = MappingProxyType({}), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.words = words
        self.others = others

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        loaded: str = super()._deserialize(value, *args, **kwargs)
        if loaded not in self.words:
            hint = did_you_mean(loaded, self.words, self.others)
            raise self.make_error("one_of", words=", ".join(self.words), hint=hint)
        return loaded


class WebUrl(Ruled, fields.String):
    """An absolute https or http address."""

    default_error_messages: Messages = {
        "invalid": Rule("type", "must be a string"),
        "url": Rule("url", "must be an absolute https or http address"),
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        loaded: str = super()._deserialize(value, *args, **kwargs)
        if not text.is_web_url(loaded):
            raise self.make_error("url")
        return loaded


class HostTime(Ruled, fields.String):
    """A time as the host gets it: UTC, milliseconds, `Z`."""

    default_error_messages: Messages = {
        "invalid": Rule("type", "must be a string"),
        "time": Rule(
            "time",
            "must be a time in UTC with milliseconds and Z, such as 2012-02-22T02:06:58.147Z",
        ),
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        loaded: str = super()._deserialize(value, *args, **kwargs)
        if not text.is_host_time(loaded):
            raise self.make_error("time")
        return loaded


class WholeNumber(Ruled, fields.Integer):
    """A whole number from 0 to the largest of JavaScript; `true`, `2.0` and `"2"` are not."""

    default_error_messages: Messages = {
        "invalid": Rule("type", "must be a whole number"),
        "too_large": Rule("type", "must be a whole number"),
        "negative": Rule("minimum", "must be 0 or more"),
        "largest": Rule("maximum", "must be at most {largest}: JavaScript changes a larger one"),
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        if value < 0:
            raise self.make_error("negative")
        if value > COUNT_MAX:
            raise self.make_error("largest", largest=COUNT_MAX)
        return value


class Items(Ruled, fields.List[Any]):
    """A list."""

    default_error_messages: Messages = {
        "invalid": Rule("type", "must be a list"),
    }


class Nested(Ruled, fields.Nested):
    """An object with a schema of its own."""

    default_error_messages: Messages = {
        "type": Rule("type", "must be an object"),
    }


class Variant(Ruled, fields.Field[dict[str, Any]]):
    """One of several kinds of object, told apart by the word under `by`.

    `kinds` maps the word to the schema of that kind. Where `empty_allowed` is set, an empty
    object is let through: the host allows `{}` for a footer beside an error.
    """

    default_error_messages: Messages = {
        "type": Rule("type", "must be an object"),
        "one_of": Rule("one_of", "must be one of: {words}{hint}"),
    }

    def __init__(
        self,
        by: str,
        kinds: Mapping[str, type[Schema]],
        *,
        empty_allowed: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.by = by
        self.kinds = {word: schema() for word, schema in kinds.items()}
        self.empty_allowed = empty_allowed

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return {} if value is None else self.kinds[getattr(value, self.by)].dump(value)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.make_error("type")
        if not value and self.empty_allowed:
            return value
        if self.by not in value:
            raise ValidationError({self.by: [self.error_messages["required"]]})
        word = value[self.by]
        if not isinstance(word, str) or word not in self.kinds:
            hint = did_you_mean(word, self.kinds)
            refused = self.make_error("one_of", words=", ".join(self.kinds), hint=hint)
            raise ValidationError({self.by: refused.messages})
        loaded: dict[str, Any] = self.kinds[word].load(value)
        return loaded
