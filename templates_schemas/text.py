"""Text, times and addresses as the host takes them: measured, cleaned, cut."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import urlsplit

import regex
from marshmallow import ValidationError, validate

ELLIPSIS: Final = "…"

# Bidirectional embeddings and overrides count as control characters: they turn around what is not
# theirs.
_BLANKS = regex.compile(r"[\p{Cc}\p{Z}\s\u202A-\u202E]+")
_CONTROLS = regex.compile(r"[\p{Cc}\u2028\u2029]")
_EMBEDDINGS = regex.compile(r"[\u202A-\u202E]")
# Isolates keep a name of one direction apart from its neighbours of another. One that is left open
# would turn the rest of the host's page around.
_ISOLATES: Final = frozenset("\u2066\u2067\u2068")
_END_OF_ISOLATE: Final = "\u2069"
_HAS_ISOLATES = regex.compile(r"[\u2066-\u2069]")
_VISIBLE = regex.compile(r"[^\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]")
_LONE_SURROGATES = regex.compile(r"[\ud800-\udfff]")
_GRAPHEMES = regex.compile(r"\X")
_HOST_TIME = regex.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", regex.ASCII)
# Looked for first: `urlsplit` would quietly drop some of them.
_UNFIT_FOR_URLS = regex.compile(r"[\p{Cc}\p{Cs}\p{Z}\u202A-\u202E\u2066-\u2069]")
_web_url = validate.URL(schemes={"http", "https"}, require_tld=False)
# It makes its pattern at its first use, which takes 40 ms: here, and not in somebody's request.
_web_url("https://example.com")


def utf16_length(text: str) -> int:
    """Count UTF-16 code units, which is what `length` means to the host's JavaScript."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_blank(text: str) -> bool:
    """Tell whether nothing of the text would be seen: only spaces, controls and joiners."""
    return _VISIBLE.search(text) is None


def has_lone_surrogate(text: str) -> bool:
    """Tell whether half of a surrogate pair is in the text, which JSON may hold and UTF-8 not."""
    return _LONE_SURROGATES.search(text) is not None


def control_in(text: str) -> str:
    """Name the first control character or end of a line in the text, such as `U+000A`, or ''."""
    found = _CONTROLS.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""


def turns_direction(text: str) -> bool:
    """Tell whether the text would turn around what stands after it, or ends what is not its own."""
    return _EMBEDDINGS.search(text) is not None or balanced(text) != text


def clean(text: str) -> str:
    """Turn control characters and runs of white space into one space; an unseen text into ''.

    Isolates of right-to-left text stay, balanced.
    """
    replaced = _LONE_SURROGATES.sub("\ufffd", text)
    spaced: str = _BLANKS.sub(" ", replaced).strip(" ")
    return "" if is_blank(spaced) else balanced(spaced)


def balanced(text: str) -> str:
    """Close the isolates that are left open, and leave out ends of none (UAX #9, section 3.1.2)."""
    if not _HAS_ISOLATES.search(text):
        return text
    kept, depth = [], 0
    for character in text:
        depth += (character in _ISOLATES) - (character == _END_OF_ISOLATE)
        if depth >= 0:
            kept.append(character)
        depth = max(depth, 0)
    return "".join(kept) + _END_OF_ISOLATE * depth


def cut(text: str, limit: int) -> str:
    """Clean the text and, where it is over `limit` code units, cut it between graphemes.

    A cut text ends in `…`, which is counted.
    """
    cleaned = clean(text)
    if utf16_length(cleaned) <= limit:
        return cleaned
    kept, room = "", limit - utf16_length(ELLIPSIS)
    for grapheme in _GRAPHEMES.findall(cleaned):
        # An isolate takes the room of its end too, which then is there.
        room -= utf16_length(grapheme) + (grapheme in _ISOLATES) - (grapheme == _END_OF_ISOLATE)
        if room < 0:
            break
        kept += grapheme
    return balanced(kept.rstrip(" ")) + ELLIPSIS


class Listed(str):
    """Names in one text, and in words what of them it does not show (`hidden`, or '')."""

    __slots__ = ("hidden",)
    hidden: str

    def __new__(cls, shown: str, hidden: str = "") -> Self:
        """Take the text, and what it hides."""
        made = super().__new__(cls, shown)
        made.hidden = hidden
        return made


def listed(names: Sequence[str], limit: int) -> Listed:
    """Join names, as many as fit whole into `limit` code units; the rest are counted: `a, b +3`.

    A first name that is too long by itself is cut. Names of which nothing can be seen are left out.
    """
    # No more than `limit` names can fit: the others are not looked at, only counted.
    seen = [name for name in map(clean, names[:limit]) if name]
    others = max(0, len(names) - limit)
    for count in range(len(seen), 0, -1):
        left = len(seen) - count + others
        joined = ", ".join(seen[:count]) + _more(left)
        if utf16_length(joined) <= limit:
            return Listed(joined, f"{left} of {count + left} are only counted" if left else "")
    if not seen:
        return Listed("")
    left = len(seen) - 1 + others
    kept = cut(seen[0], limit - utf16_length(_more(left)))
    counted = f", and {left} more only counted" if left else ""
    return Listed(kept + _more(left), f"the first is cut{counted}")


def first_text(*candidates: str | None) -> str:
    """Return the first candidate of which something can be seen, or ''."""
    return next((text for text in candidates if text and clean(text)), "")


def _more(count: int) -> str:
    return f" +{count}" if count else ""


def host_time(time: datetime) -> str:
    """Write an aware time as the host reads it: UTC, milliseconds, `Z`.

    Raises ValueError for a time without an offset, or one that UTC cannot hold.
    """
    if time.utcoffset() is None:
        raise ValueError(f"{time.isoformat()} has no offset")
    try:
        universal = time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{time.isoformat()} is out of range in UTC") from error
    return universal.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def is_host_time(text: str) -> bool:
    """Tell whether a text is a real time in exactly the form of `host_time`."""
    if not _HOST_TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_web_url(text: str) -> bool:
    """Tell whether a text is an absolute https or http address, fit for `src` or `href`."""
    if _UNFIT_FOR_URLS.search(text):
        return False
    try:
        parts = urlsplit(text)
        # Buckets have underscores in their names; marshmallow's idea of a host does not.
        _web_url(parts._replace(netloc=parts.netloc.replace("_", "x")).geturl())
        _ = parts.port
    except (ValidationError, ValueError):
        return False
    return True
