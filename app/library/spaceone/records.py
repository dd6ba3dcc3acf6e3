"""What custom widgets are made of, as their store takes and gives it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CustomWidgetDraft:
    """What a caller gives of a new widget: the documents are stored and echoed as they are."""

    domain_id: str
    widget_name: str
    title: str
    version: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CustomWidgetChange:
    """What a caller changes: the `title`, unless it is None, and the documents that are given."""

    title: str | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CustomWidget:
    """A custom widget; `document` has its five documents, or None where they were not read."""

    id: str
    domain_id: str
    widget_name: str
    title: str
    version: str
    document: Mapping[str, Any] | None
    user_id: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ListingResult:
    """What a query found: one page, which is read once, and the number of all matches.

    Beside each widget, which has no document, is its document as JSON, where that was asked for.
    """

    widgets: Iterator[tuple[CustomWidget, str | None]]
    total: int


@dataclass(frozen=True, slots=True)
class Results:
    """The results of statistics, each as JSON, read once; `total` is None without a page."""

    values: Iterator[bytes]
    total: int | None
