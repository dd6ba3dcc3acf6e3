"""Parts of cards that many connectors share, and the request that most of them send."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import emoji

from app.connectors.base import Match
from app.origins import Server
from app.upstream.messages import UpstreamRequest
from templates_schemas import (
    Created,
    CustomText,
    Field,
    Footer,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
)
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed

# By a value of the system: the word and the colour to show.
PillTable = Mapping[str, tuple[str, PillColor]]

_INLINE_TAG: Final = re.compile(
    r"</?(?:a|abbr|b|code|em|i|mark|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.IGNORECASE
)
_TAG: Final = re.compile(r"<[^<>]*>")
# A short code that is not inside a word, or code that is shown as it is written.
_SHORT_CODE: Final = re.compile(r"`[^`]*`|(?<![\w:]):[a-z0-9_+-]+:(?![\w:])")


def inner(resource: Any, *names: str) -> Any:
    """Follow names into nested objects; None where one of them is absent or null."""
    for name in names:
        resource = (resource or {}).get(name)
    return resource


def words(name: str | None) -> str:
    """Write a name such as `pull_request` as words; '' where it has no visible character."""
    return first_text((name or "").replace("_", " ")).capitalize()


def joined(*texts: str | None) -> str:
    """Join the texts that have a visible character: `ACME-12 · Acme Reports`."""
    return " · ".join(filter(None, map(first_text, texts)))


def drawn(text: str | None) -> str | None:
    """Draw the short codes of GitHub and GitLab: `:bug:` is 🐛."""
    if text is None or ":" not in text:
        return text
    return _SHORT_CODE.sub(_drawn, text)


def _drawn(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == "`" else emoji.emojize(found[0], language="alias")


def plain(text: str | None) -> str | None:
    """Write a text of HTML without its tags and entities."""
    return text and html.unescape(_TAG.sub(" ", _INLINE_TAG.sub("", text)))


def counted(count: int, what: str) -> str:
    """Count things: `1 file`, `1,204 files`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def card(
    title: str | None,
    subtitle: str,
    *,
    icon: str | None = None,
    fields: Sequence[Field | None],
    footer: Footer,
    comments: int | None = None,
) -> SummaryWithDetails:
    """Make a card of a title with a subtitle, such as `pallets/flask #1`.

    Where the title has no visible character, the subtitle takes its place.
    """
    seen = first_text(title)
    return SummaryWithDetails(
        title=seen or subtitle,
        subtitle=subtitle if seen else None,
        subicon_url=icon,
        fields=fields,
        footer=footer,
        num_comments=comments,
    )


def fields_or(fields: Sequence[Field | None], otherwise: Field) -> Sequence[Field | None]:
    """Return the fields or, where none of them has a value, the one that always has a value."""
    return fields if any(fields) else [otherwise]


def pill(name: str, value: str | None, table: PillTable, otherwise: str = "") -> Pill:
    """Show a value as a table says; a value that it lacks as words, no value as `otherwise`."""
    return Pill(name, *table.get(value or "", (words(value) or otherwise, "none")))


def colored(name: str, text: str | None, colors: Mapping[str, PillColor]) -> Pill:
    """Show a text as the system writes it, in the colour of its lower-case form."""
    return Pill(name, text, colors.get((text or "").lower(), "none"))


def names(name: str, items: Iterable[str | None] | None) -> TextWithIcon:
    """List labels or tags, as many as fit whole; the others are counted."""
    return TextWithIcon(name, listed([item for item in items or () if item], FIELD_TEXT_MAX))


def people(name: str, persons: Iterable[tuple[str | None, str | None]]) -> TextWithIcon | None:
    """Name those who have a name, with the picture of the first: as `Assignee` or `Assignees`.

    Each is given as a name and the address of a picture.
    """
    named = [(who, picture) for who, picture in persons if who and first_text(who)]
    if not named:
        return None
    shown = listed([who for who, _ in named], FIELD_TEXT_MAX)
    return TextWithIcon(name + "s" * (len(named) > 1), shown, named[0][1])


def footer(updated: datetime | None, created: datetime | None = None, label: str = "") -> Footer:
    """Show when it was updated, else when it was created, else the system by its label."""
    if updated:
        return Updated(updated)
    return Created(created) if created else CustomText(label)


def ask(where: Match | Server | str, path: str, **more: Any) -> UpstreamRequest:
    """Ask the server of an address, a server, or a host; no redirect leads elsewhere.

    `path` comes after the slash of the server's root.
    """
    given = where.server if isinstance(where, Match) else where
    server = Server(given) if isinstance(given, str) else given
    return UpstreamRequest(f"{server.url}/{path}", hosts=frozenset({server.host}), **more)
