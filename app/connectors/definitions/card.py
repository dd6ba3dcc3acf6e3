"""The expressions of a definition's card, evaluated over one resource."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import ValidationError

from app.connectors.card_parts import words
from app.connectors.definitions.expressions import ExpressionError, evaluate, number_text
from app.connectors.resources import Count
from app.telemetry.trace import step, wants_all
from templates_schemas import (
    Created,
    CustomText,
    DatetimeWithIcon,
    Field,
    Footer,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
)
from templates_schemas.limits import PILL_COLORS, PillColor
from templates_schemas.text import first_text

# What JavaScript holds exactly; NaN and the infinities compare as none of it.
LARGEST_NUMBER: Final = 2**53 - 1
Given = Mapping[str, Any]


class CardExpressions:
    """The compiled expressions of `[connector.card]`, for any resource."""

    def __init__(self, card: Given, label: str) -> None:
        self._card = card
        self._label = label
        self._shown_of_nothing = list(self._shown(None))

    def shows(self, resource: Any) -> bool:
        """Tell whether a card would show any value of this resource."""
        shown = zip(self._shown(resource), self._shown_of_nothing, strict=True)
        return any(value not in (None, "") and value != nothing for value, nothing in shown)

    def widget(self, resource: Any, parts: Mapping[str, str]) -> SummaryWithDetails:
        """Make the card; an expression that fails is left out, and recorded in the trace."""
        card = _Evaluation(resource, parts)
        where = f"{self._label} {' '.join(parts.values())}"
        shown = [card.field(given) for given in self._card["fields"]]
        title = first_text(card.text(self._card, "title"))
        subtitle = card.text(self._card, "subtitle")
        self._tell_blank([("title", title), ("subtitle", subtitle)], shown)
        return SummaryWithDetails(
            title=title or where,
            subtitle=subtitle,
            subicon_url=card.text(self._card, "subicon_url"),
            fields=shown if any(shown) else [TextWithIcon("Source", self._label)],
            footer=card.footer(self._card["footer"]) or CustomText(self._label),
            num_comments=card.count(self._card, "num_comments"),
        )

    def _tell_blank(self, lines: list[tuple[str, str | None]], shown: list[Field | None]) -> None:
        """Record in the trace which expressions had no value, for the definition's author."""
        if not wants_all():
            return
        blank = [key for key, text in lines if key in self._card and not text]
        names = [given["name"] for given in self._card["fields"]]
        blank += [name for name, field in zip(names, shown, strict=True) if not field]
        if blank:
            with step("blank", parts=blank):
                pass

    def _shown(self, resource: Any) -> Iterator[Any]:
        """Yield the values of the texts and the times; the trace does not record them."""
        for given in (self._card, *self._card["fields"]):
            for key in ("title", "subtitle", "text"):
                if key in given:
                    yield _quietly(given[key], resource)
            if "datetime" in given:
                yield _quietly(f"time({given['datetime']})", resource)


class _Evaluation:
    """The expressions of one card, over one resource and the parts of its address."""

    def __init__(self, resource: Any, parts: Mapping[str, str]) -> None:
        self._resource = resource
        self._parts = parts

    def value(self, given: Given, key: str) -> Any:
        if key not in given:
            return None
        try:
            return evaluate(given[key], self._resource, self._parts)
        except ExpressionError as error:
            _tell(given, key, str(error))
            return None

    def text(self, given: Given, key: str) -> str | None:
        return _text_of(self.shown(given, key))

    def shown(self, given: Given, key: str) -> Any:
        """A value that can be shown; what an object or a list is has no text, and is told."""
        value = self.value(given, key)
        if value and isinstance(value, dict | list):
            _tell(given, key, "is neither a text nor a number")
            return None
        return value

    def count(self, given: Given, key: str) -> int | None:
        """A number of things, 0 or more; `"3"` is 3, as in every connector."""
        value = self.value(given, key)
        if value is None or value is False:
            return None
        try:
            counted: int = Count().deserialize(value)
        except ValidationError as error:
            _tell(given, key, str(error.messages[0]))
            return None
        return counted

    def time(self, given: Given, key: str) -> str | None:
        """A time as `time()` gives it; the function is put around what is not one yet."""
        if key not in given:
            return None
        found = self.value({**given, key: f"time({given[key]})"}, key)
        return found if isinstance(found, str) else None

    def field(self, given: Given) -> Field | None:
        name, icon = given["name"], self.text(given, "icon_url")
        match given["type"]:
            case "pill":
                return self.pill(given)
            case "datetime_with_icon":
                return DatetimeWithIcon(name, self.time(given, "datetime"), icon)
        return TextWithIcon(name, _worded(given, self.shown(given, "text")), icon)

    def pill(self, given: Given) -> Pill:
        """Show a value by `texts`, in its colour by `color`, `colors`, or both."""
        value = self.shown(given, "text")
        named = self.value(given, "color") if "color" in given else value
        color = named if "colors" not in given else given["colors"].get(_key(named))
        if "color" not in given and "colors" not in given:
            color = "none"
        return Pill(given["name"], _worded(given, value), self.pill_color(given, color))

    def pill_color(self, given: Given, color: Any) -> PillColor:
        """A colour of the host; any other is recorded in the trace, and left out."""
        for known in PILL_COLORS:
            if known == color:
                return known
        if color is not None:
            _tell(given, "color", "no colour of pills")
        return "none"

    def footer(self, given: Given) -> Footer | None:
        if updated := self.time(given, "updated"):
            return Updated(updated)
        if created := self.time(given, "created"):
            return Created(created)
        text = first_text(self.text(given, "text"))
        return CustomText(text, self.text(given, "icon_url")) if text else None


def _tell(given: Given, key: str, why: str) -> None:
    """Record in the trace what is left out: of a field by its name, which the author knows."""
    part = f"{given['name']}.{key}" if "name" in given else key
    with step("dropped", part=part, expression=given[key], why=why):
        pass


def _quietly(expression: str, resource: Any) -> Any:
    try:
        return evaluate(expression, resource)
    except ExpressionError:
        return None


def _worded(given: Given, value: Any) -> str | None:
    """Show a value as `texts` says; another value as it is, or as words where `texts` is given."""
    if "texts" not in given:
        return _text_of(value)
    key = _key(value)
    return given["texts"].get(key) or (None if isinstance(value, bool) else words(key))


def _key(value: Any) -> str:
    """Write a value as the key of a table: `open`, `3`, `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _number(value) or ""


def _text_of(value: Any) -> str | None:
    return value if isinstance(value, str) else _number(value)


def _number(value: Any) -> str | None:
    if type(value) not in (int, float) or not abs(value) <= LARGEST_NUMBER:
        return None
    return number_text(value)
