"""Exports and imports custom widgets: a line of JSON each.

A line is a `CustomWidgetInfo`. A create request of SpaceONE is a line too: it makes a new widget,
whose id is a hash of the request, and of how many equal ones came before it, so that a second run
finds it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.database.base import NAME_LENGTH
from app.database.columns import canonical, to_json, to_milliseconds
from app.database.store import Store
from app.library.core.tokens import utc_now
from app.library.core.users import Author
from app.library.http.schema import load
from app.library.http.transfer import EqualRecords, Outcome, Transfer, import_records, line_of
from app.library.spaceone.api import draft_of, info
from app.library.spaceone.records import CustomWidget
from app.library.spaceone.schemas import CreateCustomWidgetRequest
from app.library.spaceone.store import PREFIX, CustomWidgets, restore

_ID: Final = r"custom-widget-[0-9a-f]{12}\Z"


class CustomWidgetRecord(CreateCustomWidgetRequest):
    """A line: a create request, and the fields that the library had added."""

    custom_widget_id = fields.String(
        validate=validate.Regexp(_ID, error="must be custom-widget- and 12 hex digits")
    )
    user_id = fields.String(validate=validate.Length(1, NAME_LENGTH))
    created_at = fields.AwareDateTime(format="iso")
    updated_at = fields.AwareDateTime(format="iso")


_RECORD: Final = CustomWidgetRecord()


def exported(store: Store) -> Iterator[bytes]:
    """Yield the widgets of all domains as lines, in constant memory."""
    for widget in CustomWidgets(store).all():
        yield line_of(info(widget))


def imported(store: Store, owner: Author, lines: Iterable[bytes]) -> Iterator[Outcome]:
    """Import the records of the lines, each into its domain and by its id."""
    return import_records(store, lines, partial(_import_one, owner, EqualRecords()))


def _import_one(
    owner: Author, equal: EqualRecords, session: Session, record: Any
) -> tuple[str, bool]:
    widget = read_record(record, owner, equal)
    return widget.id, restore(session, widget)


def read_record(document: Any, owner: Author, equal: EqualRecords) -> CustomWidget:
    """Read a record; the owner and the time are defaults. Raises InvalidInput."""
    loaded = load(_RECORD, document)
    draft = draft_of(loaded)
    created: datetime = loaded.get("created_at") or to_milliseconds(utc_now())
    return CustomWidget(
        id=loaded.get("custom_widget_id") or id_of(equal.numbered(canonical(document))),
        domain_id=draft.domain_id,
        widget_name=draft.widget_name,
        title=draft.title,
        version=draft.version,
        document=draft.document,
        user_id=loaded.get("user_id") or owner.handle,
        created_at=created,
        updated_at=loaded.get("updated_at") or created,
    )


def id_of(document: Any) -> str:
    """Return the id of a canonical record that has none."""
    return PREFIX + hashlib.sha256(to_json(document).encode()).hexdigest()[:12]


TRANSFER: Final = Transfer("spaceone", exported, imported)
