"""The schema of the payload as the editor completes by it: which keys, and which words."""

from typing import Any

from marshmallow import Schema, fields

from templates_schemas.fields import Items, Nested, OneOf, Variant, WholeNumber
from templates_schemas.limits import PILL_COLORS

Rule = dict[str, Any]


def grammar_of(schema: Schema) -> dict[str, Rule]:
    """Describe each key of an object: `required`, and what its value may be.

    That is an object (`keys`), one of several kinds (`by` the word under a key, `kinds`), a list
    (`items`), one of a few `words`, or a number (`isCount`); of any other text nothing is told.
    """
    return {
        field.data_key or name: {"required": field.required, **_rule(field)}
        for name, field in schema.fields.items()
    }


def _rule(field: fields.Field[Any]) -> Rule:
    match field:
        case OneOf():
            return {"words": list(field.words), "isColor": field.words == PILL_COLORS}
        case Nested():
            return {"keys": grammar_of(field.schema)}
        case Items():
            return {"items": _rule(field.inner)}
        case Variant():
            kinds = {word: grammar_of(schema) for word, schema in field.kinds.items()}
            return {"by": field.by, "kinds": kinds}
        case WholeNumber():
            return {"isCount": True}
    return {}
