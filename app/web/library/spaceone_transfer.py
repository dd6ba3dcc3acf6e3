"""Custom widgets out of the library and into it again: a line of JSON each, one after the other.

A line is a `CustomWidgetInfo`. What a create request of SpaceONE says is a line too: it makes a new
widget, under an id that follows from what it says, so that a second run finds it there.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from marshmallow import fields, validate

from app.library.callers import Caller
from app.library.columns import canonical, to_the_millisecond, written_json
from app.library.custom_widgets import PREFIX, CustomWidget, CustomWidgets
from app.library.refusals import Malformed, Missing, NotAllowed, Refusal, TooLarge
from app.library.tokens import utc_now
from app.web.library.body import LARGEST, checked, parsed
from app.web.library.spaceone_api import draft_of, info
from app.web.library.spaceone_schemas import LONGEST_TITLE, CreateCustomWidgetRequest

_ID: Final = r"custom-widget-[0-9a-f]{12}\Z"


class CustomWidgetRecord(CreateCustomWidgetRequest):
    """A line: a create request, and what the library had made of it."""

    custom_widget_id = fields.String(
        validate=validate.Regexp(_ID, error="must be custom-widget- and 12 hex digits")
    )
    user_id = fields.String(validate=validate.Length(1, LONGEST_TITLE))
    created_at = fields.AwareDateTime(format="iso")
    updated_at = fields.AwareDateTime(format="iso")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the line `number`, from 1: `refusal` is why it was not stored, if it was not.

    `stored` is False, without a refusal, where a run before has stored it.
    """

    number: int
    stored: bool
    refusal: str | None = None


def export(widgets: CustomWidgets, domain_ids: Sequence[str]) -> Iterator[bytes]:
    """Yield the widgets of domains as lines, in constant memory."""
    for widget in widgets.all_of(domain_ids):
        yield written_json(info(widget)).encode() + b"\n"


def import_lines(
    widgets: CustomWidgets, caller: Caller, lines: Iterable[bytes]
) -> Iterator[Outcome]:
    """Store what lines say, one after the other, and say of each what became of it.

    Empty lines are passed over. What is there already is left as it is.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _imported(widgets, caller, line, number)


def _imported(widgets: CustomWidgets, caller: Caller, line: bytes, number: int) -> Outcome:
    try:
        return Outcome(number, widgets.restore(caller, read_record(line, caller)))
    except (Malformed, Missing, NotAllowed, TooLarge) as refusal:
        return Outcome(number, stored=False, refusal=_told(refusal))


def _told(refusal: Refusal) -> str:
    others = refusal.others if isinstance(refusal, Malformed) else ()
    return "; ".join((refusal.sentence, *others))


def read_record(line: bytes, caller: Caller) -> CustomWidget:
    """Read a line; raises Malformed or TooLarge. What it does not say is the caller's, and now."""
    if len(line) > LARGEST:
        raise TooLarge(f"The line is over {LARGEST} bytes.")
    document = parsed(line)
    loaded = checked(CustomWidgetRecord(), document)
    draft = draft_of(loaded)
    created: datetime = loaded.get("created_at") or to_the_millisecond(utc_now())
    return CustomWidget(
        id=loaded.get("custom_widget_id") or id_of(document),
        domain_id=draft.domain_id,
        widget_name=draft.widget_name,
        title=draft.title,
        version=draft.version,
        document=draft.document,
        user_id=loaded.get("user_id") or caller.subject,
        created_at=created,
        updated_at=loaded.get("updated_at") or created,
    )


def id_of(document: Any) -> str:
    """Make the id of a record that has none: the same for what says the same."""
    written = written_json(canonical(document)).encode()
    return PREFIX + hashlib.sha256(written).hexdigest()[:12]
