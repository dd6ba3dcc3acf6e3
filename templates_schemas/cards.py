"""Immutable parts to build a card from.

They take what an upstream gives (texts of any length, any characters, or nothing) and hold only
what the host can show: texts are cleaned and cut, an address that is none is left out, a field
without a value is dropped, and what was cut or dropped is kept in `SummaryWithDetails.changes`.
What only a programmer can get wrong (an unknown colour, a time without an offset, no title, no
field) raises ValueError.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from templates_schemas import text as texts
from templates_schemas.limits import (
    COUNT_MAX,
    ERROR_CUT,
    FIELD_NAME_MAX,
    FIELD_TEXT_MAX,
    FIELDS_MAX,
    FIELDS_MIN,
    FOOTER_TEXT_CUT,
    PILL_COLORS,
    SUBTITLE_CUT,
    TITLE_MAX,
    PillColor,
)
from templates_schemas.summary_with_details import TEMPLATE


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was cut or dropped: where (a JSON path) and, in words, what."""

    path: str
    what: str


class _Part:
    """What every part of a card shares: it is frozen once its values fit."""

    __slots__ = ()
    changes: tuple[Change, ...]

    def _fit(self, key: str, limit: int) -> None:
        given = getattr(self, key)
        if given is None:
            return
        if isinstance(given, texts.Listed) and given.hidden:
            self._note(Change(key, given.hidden))
        kept = texts.cut(given, limit) or None
        if given and not kept:
            self._note(Change(key, "dropped: nothing of it can be seen"))
        if kept and kept != texts.clean(given):
            length = texts.utf16_length(texts.clean(given))
            self._note(Change(key, f"cut from {length} to {limit} UTF-16 code units"))
        self._set(key, kept)

    def _fit_url(self, key: str) -> None:
        given = getattr(self, key)
        if given is not None and not texts.is_web_url(given):
            self._set(key, None)
            self._note(Change(key, "dropped: not an absolute https or http address"))

    def _fit_time(self, key: str) -> None:
        given = getattr(self, key)
        if isinstance(given, dt.datetime):
            self._set(key, texts.host_time(given))
        elif given is not None and not texts.is_host_time(given):
            raise ValueError(f"{given!r} is not a time in the host's form")

    def _note(self, *changes: Change) -> None:
        self._set("changes", (*self.changes, *changes))

    def _set(self, key: str, value: object) -> None:
        object.__setattr__(self, key, value)


@dataclass(frozen=True, slots=True)
class Pill(_Part):
    """A field that shows a short text on a colour."""

    name: str
    text: str | None
    color: PillColor = "none"
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    type: ClassVar[str] = "pill"

    def __post_init__(self) -> None:
        if self.color not in PILL_COLORS:
            raise ValueError(f"{self.color!r} is not a pill colour of the host")
        self._fit("name", FIELD_NAME_MAX)
        self._fit("text", FIELD_TEXT_MAX)

    def __bool__(self) -> bool:
        return bool(self.name and self.text)


@dataclass(frozen=True, slots=True)
class TextWithIcon(_Part):
    """A field that shows a short text, with an icon where `icon_url` is an address."""

    name: str
    text: str | None
    icon_url: str | None = None
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    type: ClassVar[str] = "text_with_icon"

    def __post_init__(self) -> None:
        self._fit("name", FIELD_NAME_MAX)
        self._fit("text", FIELD_TEXT_MAX)
        self._fit_url("icon_url")

    def __bool__(self) -> bool:
        return bool(self.name and self.text)


@dataclass(frozen=True, slots=True)
class DatetimeWithIcon(_Part):
    """A field that shows a time; it must carry an offset, and is held as the host's text."""

    name: str
    datetime: dt.datetime | str | None
    icon_url: str | None = None
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    type: ClassVar[str] = "datetime_with_icon"

    def __post_init__(self) -> None:
        self._fit("name", FIELD_NAME_MAX)
        self._fit_time("datetime")
        self._fit_url("icon_url")

    def __bool__(self) -> bool:
        return bool(self.name and self.datetime)


@dataclass(frozen=True, slots=True)
class Created(_Part):
    """A footer that tells when the resource came to be."""

    created_at: dt.datetime | str
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    footer_type: ClassVar[str] = "created"

    def __post_init__(self) -> None:
        self._fit_time("created_at")


@dataclass(frozen=True, slots=True)
class Updated(_Part):
    """A footer that tells when the resource last changed."""

    last_updated_at: dt.datetime | str
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    footer_type: ClassVar[str] = "updated"

    def __post_init__(self) -> None:
        self._fit_time("last_updated_at")


@dataclass(frozen=True, slots=True)
class CustomText(_Part):
    """A footer that says something of its own."""

    text: str
    icon_url: str | None = None
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    footer_type: ClassVar[str] = "custom_text"

    def __post_init__(self) -> None:
        self._fit("text", FOOTER_TEXT_CUT)
        self._fit_url("icon_url")
        if not self.text:
            raise ValueError("a custom footer needs a visible text")


Field = Pill | TextWithIcon | DatetimeWithIcon
Footer = Created | Updated | CustomText


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWithDetails(_Part):
    """A card of the template `summary_with_details_v0`.

    `fields` may be given None and fields without a value: they are dropped, as are those after
    the fifth, and what is held is a tuple. Without `error` there must be a field and a footer.
    A copy by `dataclasses.replace` fits what is fitted already: its `changes` are only its own.
    """

    title: str
    fields: Sequence[Field | None]
    footer: Footer | None
    subtitle: str | None = None
    subicon_url: str | None = None
    num_comments: int | None = None
    error: str | None = None
    changes: tuple[Change, ...] = field(default=(), init=False, repr=False, compare=False)
    template: ClassVar[str] = TEMPLATE

    def __post_init__(self) -> None:
        self._fit("title", TITLE_MAX)
        self._fit("subtitle", SUBTITLE_CUT)
        self._fit("error", ERROR_CUT)
        self._fit_url("subicon_url")
        self._keep_fields([part for part in self.fields if part is not None])
        if self.footer is not None:
            self._note(*_moved("footer", self.footer.changes))
        self._refuse_what_cannot_be_shown()

    @property
    def metadata(self) -> "SummaryWithDetails":
        """The card itself: the payload's second level, for the schema that writes it."""
        return self

    def _keep_fields(self, given: list[Field]) -> None:
        seen = [part for part in given if part]
        kept = tuple(seen[:FIELDS_MAX])
        for part in given:
            if not part and (part.changes or not part.name):
                what = f"dropped {part.name or ''!r}: nothing of it can be seen"
                self._note(Change("fields", what))
        for part in seen[FIELDS_MAX:]:
            self._note(Change("fields", f"dropped {part.name!r}: at most {FIELDS_MAX} are shown"))
        for index, part in enumerate(kept):
            self._note(*_moved(f"fields[{index}]", part.changes))
        self._set("fields", kept)

    def _refuse_what_cannot_be_shown(self) -> None:
        if not self.title:
            raise ValueError("a card needs a visible title")
        if self.num_comments is not None and not _is_count(self.num_comments):
            raise ValueError("num_comments must be a whole number, 0 or more")
        if self.num_comments is not None and self.num_comments > COUNT_MAX:
            self._note(Change("num_comments", f"dropped: over {COUNT_MAX}"))
            self._set("num_comments", None)
        if self.error is None and len(self.fields) < FIELDS_MIN:
            raise ValueError("a card without an error needs a field that has a value")
        if self.error is None and self.footer is None:
            raise ValueError("a card without an error needs a footer")


def _is_count(number: object) -> bool:
    return type(number) is int and number >= 0


def _moved(path: str, changes: Iterable[Change]) -> Iterator[Change]:
    for change in changes:
        yield Change(f"{path}.{change.path}", change.what)
