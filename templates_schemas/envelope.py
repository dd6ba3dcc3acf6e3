"""The error envelope: `{"data": {"error": "…"}}`, flat `{"error": "…"}`, or both in one."""

from typing import Any, Final, Literal

from templates_schemas.fields import HostSchema, Nested, Text

EnvelopeForm = Literal["nested", "flat", "both"]


class FlatEnvelopeSchema(HostSchema):
    """The form of the host's newer interface description."""

    error = Text(required=True)


class NestedEnvelopeSchema(HostSchema):
    """The form of the host's schema page: BadRequest, Unauthorized, Forbidden and so on."""

    data = Nested(FlatEnvelopeSchema, required=True)


class BothEnvelopesSchema(FlatEnvelopeSchema):
    """One body that satisfies a host of either form."""

    data = Nested(FlatEnvelopeSchema, required=True)


ENVELOPES: Final[dict[EnvelopeForm, type[HostSchema]]] = {
    "nested": NestedEnvelopeSchema,
    "flat": FlatEnvelopeSchema,
    "both": BothEnvelopesSchema,
}


def envelope(sentence: str, form: EnvelopeForm) -> dict[str, Any]:
    """Wrap a public sentence in the host's error envelope."""
    flat = {"error": sentence}
    nested = {"data": flat}
    match form:
        case "flat":
            return flat
        case "both":
            return {**flat, **nested}
    return nested
