"""Parts of cards that many systems have, and the request that most of them make."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from app.upstream.messages import UpstreamRequest
from templates_schemas import Created, CustomText, Footer, Pill, TextWithIcon, Updated
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


def words(name: str | None) -> str:
    """Make words of a name such as `pull_request`; '' where nothing of it can be seen."""
    return first_text((name or "").replace("_", " ")).capitalize()


def pill(
    name: str,
    value: str | None,
    known: Mapping[str, tuple[str, PillColor]],
    otherwise: str = "",
) -> Pill:
    """Show a value by its table; one that is new to us as it comes, none as `otherwise`."""
    return Pill(name, *known.get(value or "", (words(value) or otherwise, "none")))


def people(name: str, known: Iterable[tuple[str | None, str | None]]) -> TextWithIcon | None:
    """Name those who have a name, with the picture of the first: as `Assignee` or `Assignees`.

    Each is given as a name and the address of a picture.
    """
    named = [(who, picture) for who, picture in known if who and first_text(who)]
    if not named:
        return None
    shown = listed([who for who, _ in named], FIELD_TEXT_MAX)
    return TextWithIcon(name + "s" * (len(named) > 1), shown, named[0][1])


def footer(updated: datetime | None, created: datetime | None = None, label: str = "") -> Footer:
    """Tell the last time that is known, else the system, by its label."""
    if updated:
        return Updated(updated)
    return Created(created) if created else CustomText(label)


def counted(count: int, what: str) -> str:
    """Count things: `1 file`, `1,204 files`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def ask(host: str, path: str, **more: Any) -> UpstreamRequest:
    """Ask one host, which alone may be reached; `path` comes after the first slash."""
    return UpstreamRequest(f"https://{host}/{path}", hosts=frozenset({host}), **more)
