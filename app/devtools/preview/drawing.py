"""A payload made ready to be drawn: what can be shown of it, whether the host would take it or not.

Nothing of a payload is trusted: texts are left to the template to escape, and an address becomes
an icon only where it is an absolute https or http one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.devtools.preview.marks import Emblem, emblem_of_icon
from app.devtools.relative_times import relative
from templates_schemas.limits import PILL_COLORS
from templates_schemas.text import clean, is_web_url

# Of more fields than the host would ever show, these are drawn and measured.
MOST_FIELDS: Final = 20
# What the host shows where a card has no subtitle: the app definition's `resource_name`.
DEFAULT_SUBTITLE: Final = "Resource"
FOOTERS: Final = {
    "created": ("Created", "created_at"),
    "updated": ("Updated", "last_updated_at"),
    "custom_text": ("", ""),
}


@dataclass(frozen=True, slots=True)
class Icon:
    """An icon: its checked address, and what stands for it where it is not loaded."""

    url: str
    emblem: Emblem


@dataclass(frozen=True, slots=True)
class ShownTime:
    """A time: as it was sent, as a person says it, and in full."""

    sent: str
    relative: str
    exact: str


@dataclass(frozen=True, slots=True)
class DrawnField:
    """One field: a pill has a colour, a time has the time."""

    name: str
    text: str = ""
    color: str = ""
    icon: Icon | None = None
    time: ShownTime | None = None


@dataclass(frozen=True, slots=True)
class DrawnFooter:
    """The footer: words, and a time where they tell of one."""

    text: str
    icon: Icon | None = None
    time: ShownTime | None = None


@dataclass(frozen=True, slots=True)
class DrawnCard:
    """A card as far as its payload lets it be drawn; what is missing is None, or empty."""

    title: str
    subtitle: str
    subicon: Icon | None
    fields: tuple[DrawnField, ...]
    footer: DrawnFooter | None
    comments: int | None
    error: str


def draw(payload: Any, now: datetime) -> DrawnCard:
    """Make a card of any JSON; what is not of the kind that it should be is left out."""
    metadata = _object(_object(payload).get("metadata"))
    count = metadata.get("num_comments")
    subtitle = _text(metadata.get("subtitle")) or DEFAULT_SUBTITLE
    return DrawnCard(
        title=_text(metadata.get("title")),
        subtitle=subtitle,
        subicon=icon_of(metadata.get("subicon_url"), subtitle),
        fields=tuple(
            _field(_object(given), now) for given in listed(metadata.get("fields"))[:MOST_FIELDS]
        ),
        footer=_footer(_object(metadata.get("footer")), now),
        comments=count if type(count) is int and count >= 0 else None,
        error=_text(metadata.get("error")),
    )


def shown_time(sent: Any, now: datetime) -> ShownTime | None:
    """Read a time with an offset; None where it is none."""
    try:
        read = datetime.fromisoformat(_text(sent))
        universal = read.astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return None
    if read.utcoffset() is None:
        return None
    exact = f"{universal:%a} {universal.day} {universal:%b} {universal.year}, {universal:%H:%M:%S}"
    return ShownTime(_text(sent), relative(universal - now), f"{exact} UTC")


def icon_of(url: Any, beside: str) -> Icon | None:
    """Take an address for that of an icon beside a text; None where it is not absolute."""
    if not isinstance(url, str) or not is_web_url(url):
        return None
    return Icon(url, emblem_of_icon(url, beside))


def listed(given: Any) -> list[Any]:
    """Take a list for a list, and anything else for an empty one."""
    return given if isinstance(given, list) else []


def _field(given: Mapping[str, Any], now: datetime) -> DrawnField:
    kind, name, text = given.get("type"), _text(given.get("name")), _text(given.get("text"))
    if kind == "pill":
        color = given.get("color")
        return DrawnField(name, text, color if color in PILL_COLORS else "unknown")
    icon = icon_of(given.get("icon_url"), text or name)
    if kind == "datetime_with_icon":
        sent = given.get("datetime")
        return DrawnField(name, _text(sent), icon=icon, time=shown_time(sent, now))
    return DrawnField(name, text, icon=icon)


def _footer(given: Mapping[str, Any], now: datetime) -> DrawnFooter | None:
    kind = given.get("footer_type")
    if not isinstance(kind, str) or kind not in FOOTERS:
        return None
    words, key = FOOTERS[kind]
    if not key:
        text = _text(given.get("text"))
        return DrawnFooter(text, icon_of(given.get("icon_url"), text))
    return DrawnFooter(words, time=shown_time(given.get(key), now))


def _text(given: Any) -> str:
    return clean(given) if isinstance(given, str) else ""


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}
