"""Rows of custom widgets: what is stored of a widget, and the widget that is read of it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import bindparam, insert, select

from app.library.core.models import DOCUMENTS, CustomWidgetRow
from app.library.spaceone.records import CustomWidget

PLAIN_COLUMNS: Final = tuple(f.name for f in fields(CustomWidget) if f.name != "document")


def full_document(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all five documents, the ones that are not given empty."""
    empty: dict[str, Any] = {name: [] if name == "labels" else {} for name in DOCUMENTS}
    return {**empty, **given}


def changed(document: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the documents with those that are given; `settings` are merged at their top level."""
    now = {**document, **given}
    if "settings" in given:
        now["settings"] = {**document["settings"], **given["settings"]}
    return now


def row_of(widget: CustomWidget) -> CustomWidgetRow:
    values = {name: getattr(widget, name) for name in PLAIN_COLUMNS}
    return CustomWidgetRow(**values, document=full_document(widget.document or {}))


def columns_of(widget: CustomWidget) -> dict[str, Any]:
    row = row_of(widget)
    return {column.key: getattr(row, column.key) for column in CustomWidgetRow.__table__.columns}


# Made once: to write a statement takes longer than to run one.
ADDED: Final = insert(CustomWidgetRow)
_ROW: Final = CustomWidgetRow.__table__.c
ONE: Final = select(*(_ROW[field.name] for field in fields(CustomWidget))).where(
    _ROW.id == bindparam("id"), _ROW.domain_id == bindparam("domain_id")
)


def read_widget(row: Any) -> tuple[CustomWidget, str | None]:
    """Return the widget of a row of a list, and its document as JSON, if that was asked for."""
    values = row._asdict()
    text = values.pop("document", None)
    return CustomWidget(**values, document=None), text


def to_widget(row: CustomWidgetRow) -> CustomWidget:
    values = {name: getattr(row, name) for name in PLAIN_COLUMNS}
    return CustomWidget(**values, document=row.document)
