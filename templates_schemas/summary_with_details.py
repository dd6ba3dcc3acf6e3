"""The template `summary_with_details_v0`, as marshmallow schemas.

Implements the section "The answer" of the host's contract: WidgetMetadata, WidgetField and
WidgetFooter of the host's schema page. Load a payload to check it; dump a card to write it.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, post_dump, validates_schema

from templates_schemas.fields import (
    HostSchema,
    HostTime,
    Items,
    Nested,
    OneOf,
    Text,
    Variant,
    WebUrl,
    WholeNumber,
)
from templates_schemas.limits import (
    FIELD_NAME_MAX,
    FIELD_TEXT_MAX,
    FIELDS_MAX,
    FIELDS_MIN,
    OTHER_COLOR_NAMES,
    PILL_COLORS,
    TITLE_MAX,
)
from templates_schemas.rules import Rule

TEMPLATE: Final = "summary_with_details_v0"


class PartSchema(HostSchema):
    """A part of a card; what has no value is left out when dumped."""

    @post_dump
    def leave_out_nothing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Drop the keys without a value, which the host wants absent and never `null`."""
        return {key: value for key, value in data.items() if value is not None}


class PillSchema(PartSchema):
    """WidgetField-Pill."""

    type = OneOf("pill", required=True)
    name = Text(longest=FIELD_NAME_MAX, required=True)
    text = Text(longest=FIELD_TEXT_MAX, required=True)
    color = OneOf(*PILL_COLORS, others=OTHER_COLOR_NAMES, required=True)


class TextWithIconSchema(PartSchema):
    """WidgetField-TextWithIcon."""

    type = OneOf("text_with_icon", required=True)
    name = Text(longest=FIELD_NAME_MAX, required=True)
    text = Text(longest=FIELD_TEXT_MAX, required=True)
    icon_url = WebUrl()


class DatetimeWithIconSchema(PartSchema):
    """WidgetField-DatetimeWithIcon."""

    type = OneOf("datetime_with_icon", required=True)
    name = Text(longest=FIELD_NAME_MAX, required=True)
    datetime = HostTime(required=True)
    icon_url = WebUrl()


class CreatedSchema(PartSchema):
    """WidgetFooter-Created."""

    footer_type = OneOf("created", required=True)
    created_at = HostTime(required=True)


class UpdatedSchema(PartSchema):
    """WidgetFooter-Updated."""

    footer_type = OneOf("updated", required=True)
    last_updated_at = HostTime(required=True)


class CustomTextSchema(PartSchema):
    """WidgetFooter-CustomText."""

    footer_type = OneOf("custom_text", required=True)
    text = Text(required=True)
    icon_url = WebUrl()


FIELD_KINDS: Final = {
    "pill": PillSchema,
    "text_with_icon": TextWithIconSchema,
    "datetime_with_icon": DatetimeWithIconSchema,
}
FOOTER_KINDS: Final = {
    "created": CreatedSchema,
    "updated": UpdatedSchema,
    "custom_text": CustomTextSchema,
}


class MetadataSchema(PartSchema):
    """WidgetMetadata; only an `error` excuses it from having fields and a footer."""

    title = Text(longest=TITLE_MAX, required=True)
    subtitle = Text()
    subicon_url = WebUrl()
    # Not named `fields`: that name belongs to marshmallow's Schema.
    parts = Items(
        Variant("type", FIELD_KINDS), required=True, data_key="fields", attribute="fields"
    )
    footer = Variant("footer_type", FOOTER_KINDS, empty_allowed=True, required=True)
    num_comments = WholeNumber()
    error = Text()

    # Also when something else is at fault, so that a lint tells all of it at once.
    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_shape(self, _: Any, original: Any, **__: Any) -> None:
        """Hold the number of fields, and the presence of a footer, to the host's limits."""
        if not isinstance(original, Mapping):
            return
        found: dict[str, list[str]] = {}
        given = original.get("fields")
        if isinstance(given, list):
            found |= _field_count_faults(len(given), excused="error" in original)
        if original.get("footer") == {} and "error" not in original:
            found["footer"] = [Rule("required", "may be empty only where `error` is set")]
        if found:
            raise ValidationError(found)


def _field_count_faults(count: int, *, excused: bool) -> dict[str, list[str]]:
    if count > FIELDS_MAX:
        return {
            "fields": [Rule("max_items", f"has {count} fields; at most {FIELDS_MAX} are shown")]
        }
    if count < FIELDS_MIN and not excused:
        return {"fields": [Rule("min_items", "may be empty only where `error` is set")]}
    return {}


class SummaryWithDetailsSchema(PartSchema):
    """The whole answer: the template's name and the widget's metadata."""

    template = OneOf(TEMPLATE, required=True)
    metadata = Nested(MetadataSchema, required=True)
