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
        known.data_key or name: {"required": known.required, **_rule(known)}
        for name, known in schema.fields.items()
    }


def _rule(known: fields.Field[Any]) -> Rule:
    match known:
        case OneOf():
            return {"words": list(known.words), "isColor": known.words == PILL_COLORS}
        case Nested():
            return {"keys": grammar_of(known.schema)}
        case Items():
            return {"items": _rule(known.inner)}
        case Variant():
            kinds = {word: grammar_of(schema) for word, schema in known.kinds.items()}
            return {"by": known.by, "kinds": kinds}
        case WholeNumber():
            return {"isCount": True}
    return {}
