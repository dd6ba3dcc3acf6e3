"""The error envelope: `{"data": {"error": "…"}}`, or flat `{"error": "…"}`."""

from typing import Any, Final, Literal

from templates_schemas.fields import HostSchema, Nested, Text

EnvelopeForm = Literal["nested", "flat"]


class FlatEnvelopeSchema(HostSchema):
    """The form of the host's newer interface description."""

    error = Text(required=True)


class NestedEnvelopeSchema(HostSchema):
    """The form of the host's schema page: BadRequest, Unauthorized, Forbidden and so on."""

    data = Nested(FlatEnvelopeSchema, required=True)


ENVELOPES: Final[dict[EnvelopeForm, type[HostSchema]]] = {
    "nested": NestedEnvelopeSchema,
    "flat": FlatEnvelopeSchema,
}


def envelope(sentence: str, form: EnvelopeForm) -> dict[str, Any]:
    """Wrap a public sentence in the host's error envelope."""
    flat = {"error": sentence}
    return flat if form == "flat" else {"data": flat}
