"""What the host's lookup takes and answers: attach and typeahead, as marshmallow schemas.

Implements the section "Lookup" of the page of the host's other components.
"""

from dataclasses import dataclass
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, validates

from templates_schemas import text as texts
from templates_schemas.fields import GivenText, Items, Nested, Text, WebUrl
from templates_schemas.rules import Rule
from templates_schemas.summary_with_details import PartSchema

RESOURCE_NAME_MAX: Final = 255  # UTF-16 code units
ITEMS_MAX: Final = 50
# The host names no limit for these; a line as long as the name of a resource is enough.
ITEM_TEXT_CUT: Final = 255
LONGEST_QUERY: Final = 8192


class AttachRequestSchema(Schema):
    """The parameters of an attach request, in the text of `data`; others do not matter."""

    class Meta:
        unknown = EXCLUDE

    query = GivenText(
        longest=LONGEST_QUERY,
        required=True,
        error_messages={"required": Rule("required", "is missing, or is not a text")},
        metadata={"description": "What was typed or pasted, or the `value` of a picked item."},
    )
    workspace = GivenText()
    user = GivenText()
    task = GivenText()
    attachment = GivenText()
    expires_at = GivenText()


class SignedBodySchema(Schema):
    """The body of a signed POST."""

    data = GivenText(
        required=True,
        metadata={
            "description": "The request as the text of a JSON object. The proof covers exactly "
            "this text, as it is once the outer JSON is decoded."
        },
    )


class AttachedResourceSchema(PartSchema):
    """AttachedResourceResponse: the resource that was attached."""

    resource_name = Text(longest=RESOURCE_NAME_MAX, required=True)
    resource_url = WebUrl(required=True)


class TypeaheadItemSchema(PartSchema):
    """TypeaheadItem: one resource to pick."""

    title = Text(longest=ITEM_TEXT_CUT, required=True)
    value = WebUrl(required=True)
    subtitle = Text(longest=ITEM_TEXT_CUT)
    icon_url = WebUrl()


class TypeaheadListSchema(PartSchema):
    """TypeaheadListResponse: what can be picked."""

    items = Items(Nested(TypeaheadItemSchema), required=True)
    header = Text()

    @validates("items")
    def check_count(self, items: list[Any], **_: Any) -> None:
        """Hold the number of items to the host's limit."""
        if len(items) > ITEMS_MAX:
            message = f"has {len(items)} items; at most {ITEMS_MAX} are shown"
            raise ValidationError(Rule("max_items", message))


@dataclass(frozen=True, slots=True)
class TypeaheadItem:
    """One resource to pick; `value` is its address. Texts are cleaned and cut.

    An icon that is not https is left out. Raises ValueError where nothing of the title can be seen.
    """

    title: str
    value: str
    subtitle: str | None = None
    icon_url: str | None = None

    def __post_init__(self) -> None:
        self._set("title", texts.cut(self.title, ITEM_TEXT_CUT))
        self._set("subtitle", texts.cut(self.subtitle or "", ITEM_TEXT_CUT) or None)
        icon = self.icon_url or ""
        has_icon = icon.startswith("https://") and texts.is_web_url(icon)
        self._set("icon_url", icon if has_icon else None)
        if not self.title:
            raise ValueError("an item needs a visible title")

    def _set(self, name: str, value: str | None) -> None:
        object.__setattr__(self, name, value)
