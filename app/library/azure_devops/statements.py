"""The rows of dashboards and their widgets: the statements that both stores are made of.

Whoever writes anything of a dashboard begins with `begin_write`: that statement checks the
dashboard's version and increments it, and all other writers of the dashboard wait until this
transaction has ended.
"""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import Select, collate, func, or_, select, update
from sqlalchemy.orm import Session

from app.database.columns import folded, to_milliseconds
from app.errors import Conflict, InvalidInput, NotFound
from app.library.azure_devops.records import (
    DashboardAndWidgets,
    DashboardKey,
    DashboardWidget,
    DashboardWidgetDraft,
    TeamContext,
)
from app.library.azure_devops.rows import (
    LARGEST_LIST,
    TEXTS_AND_NUMBERS,
    bounded_widgets,
    in_place,
    is_dashboard,
    is_widget,
    to_dashboard,
    to_widget,
    too_large,
)
from app.library.core.models import DashboardRow, DashboardWidgetRow
from app.library.core.tokens import utc_now

MOST_WIDGETS: Final = 1000
_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class WriteStamp:
    """Who writes, and when."""

    by: UUID
    at: datetime

    @classmethod
    def of(cls, user: UUID) -> Self:
        """Stamp what a user writes now."""
        return cls(user, to_milliseconds(utc_now()))


@dataclass(frozen=True, slots=True)
class DashboardWrite:
    """A transaction that writes a dashboard, whose version is `etag` since it began."""

    session: Session
    change: WriteStamp
    dashboard_id: UUID
    etag: int


def begin_write(
    session: Session, change: WriteStamp, key: DashboardKey, version: int | None, **values: Any
) -> DashboardWrite:
    """Increment the version of a dashboard, and lock its row for this transaction.

    Raises NotFound, or Conflict where `version` is given and is not the current one.
    """
    current = () if version is None else (DashboardRow.etag == version,)
    etag = session.execute(
        update(DashboardRow)
        .where(*is_dashboard(key), *current)
        .values(
            etag=DashboardRow.etag + 1, modified_at=change.at, modified_by_id=change.by, **values
        )
        .returning(DashboardRow.etag)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if etag is not None:
        return DashboardWrite(session, change, key.id, etag)
    require_dashboard(session, key)
    raise Conflict(
        sentence=f"The widgets of dashboard {key.id} were changed since the version that was "
        "given: get them again for the current eTag."
    )


def require_dashboard(session: Session, key: DashboardKey) -> None:
    """Raise NotFound where there is no such dashboard."""
    if session.scalar(select(DashboardRow.id).where(*is_dashboard(key))) is None:
        raise no_dashboard(key.id)


def no_dashboard(dashboard_id: object) -> NotFound:
    """Return the error of a dashboard that the team does not have."""
    return NotFound(
        sentence=f"There is no dashboard {dashboard_id} in this project and team.",
        resource="dashboard",
    )


def no_widget(widget_id: object, dashboard_id: object) -> NotFound:
    """Return the error of a widget that the dashboard does not have."""
    return NotFound(
        sentence=f"There is no widget {widget_id} on the dashboard {dashboard_id}.",
        resource="widget",
    )


def made_by(change: WriteStamp) -> dict[str, Any]:
    """Return the columns of the history of what is new."""
    return {
        "etag": 1,
        "created_at": change.at,
        "created_by_id": change.by,
        "modified_at": change.at,
        "modified_by_id": change.by,
    }


def add_widgets(
    write: DashboardWrite, drafts: Iterable[tuple[int, DashboardWidgetDraft]], **values: Any
) -> list[UUID]:
    """Add widgets at their ranks, with new ids where they have none; return the ids.

    `values` are columns that a new widget would have otherwise.
    """
    history = made_by(write.change) | values
    rows = [
        DashboardWidgetRow(
            id=draft.id or uuid.uuid4(),
            dashboard_id=write.dashboard_id,
            rank=rank,
            **history,
            **_all_columns(draft),
        )
        for rank, draft in drafts
    ]
    write.session.add_all(rows)
    write.session.flush()
    _check_count(write)
    return [row.id for row in rows]


def append_widget(write: DashboardWrite, draft: DashboardWidgetDraft, **values: Any) -> UUID:
    """Add a widget at the end of the list, with such values as `add_widgets`; return its id."""
    on_it = DashboardWidgetRow.dashboard_id == write.dashboard_id
    last = write.session.scalar(select(func.max(DashboardWidgetRow.rank)).where(on_it)) or 0
    (added,) = add_widgets(write, [(last + 1, draft)], **values)
    return added


def _check_count(write: DashboardWrite) -> None:
    """Refuse more widgets than a list, which is answered as one, should have."""
    on_it = DashboardWidgetRow.dashboard_id == write.dashboard_id
    statement = select(func.count()).select_from(DashboardWidgetRow).where(on_it)
    if (write.session.scalar(statement) or 0) > MOST_WIDGETS:
        raise InvalidInput(f"A dashboard has at most {MOST_WIDGETS} widgets.", rule="too_many")


def check_size(write: DashboardWrite) -> None:
    """Refuse widgets that come to more than a list may; an import takes what was stored before."""
    on_it = DashboardWidgetRow.dashboard_id == write.dashboard_id
    length = select(func.sum(func.length(DashboardWidgetRow.settings))).where(on_it)
    if (write.session.scalar(length) or 0) > LARGEST_LIST:
        raise too_large()


def replace_widget(write: DashboardWrite, draft: DashboardWidgetDraft, **values: Any) -> None:
    """Replace a widget: what the draft does not have is removed."""
    _write(write, draft, _all_columns(draft) | values)


def update_widget(write: DashboardWrite, draft: DashboardWidgetDraft) -> None:
    """Write what the draft has of a widget, and leave the rest as it is."""
    plain = {name: getattr(draft, name) for name in TEXTS_AND_NUMBERS}
    given = {name: value for name, value in plain.items() if value is not None}
    if draft.settings_version or draft.extra_fields:
        row = _row(write.session, write.dashboard_id, draft.id)
        extra = {key: value for key, value in draft.extra_fields.items() if value is not None}
        given["settings_version"] = _merged(row.settings_version, draft.settings_version)
        given["extra_fields"] = _merged(row.extra_fields, extra)
    _write(write, draft, given)


def widget_of(session: Session, dashboard_id: UUID, widget_id: UUID | None) -> DashboardWidget:
    """Return a widget as it is now; raises NotFound."""
    return to_widget(_row(session, dashboard_id, widget_id))


def widgets_of(session: Session, dashboard_id: UUID) -> tuple[DashboardWidget, ...]:
    """Return the widgets of a dashboard as they are now, in their order."""
    statement = (
        select(DashboardWidgetRow)
        .where(DashboardWidgetRow.dashboard_id == dashboard_id)
        .order_by(DashboardWidgetRow.rank, DashboardWidgetRow.id)
        .execution_options(populate_existing=True, yield_per=_AT_ONCE)
    )
    with closing(session.scalars(statement)) as rows:
        return tuple(bounded_widgets(rows))


def dashboard_and_widgets(session: Session, key: DashboardKey) -> DashboardAndWidgets:
    """Return a dashboard and its widgets; raises NotFound.

    One statement reads both, so that the version is that of these very widgets.
    """
    statement = (
        select(DashboardRow, DashboardWidgetRow)
        .outerjoin(DashboardWidgetRow, DashboardWidgetRow.dashboard_id == DashboardRow.id)
        .where(*is_dashboard(key))
        .order_by(DashboardWidgetRow.rank, DashboardWidgetRow.id)
        .execution_options(populate_existing=True, yield_per=_AT_ONCE)
    )
    with closing(session.execute(statement)) as rows:
        first = rows.fetchone()
        if first is None:
            raise no_dashboard(key.id)
        listed = (widget for _, widget in chain([first], rows) if widget is not None)
        return DashboardAndWidgets(to_dashboard(first[0]), tuple(bounded_widgets(listed)))


def named_widgets(
    dialect: str, collection: str, scopes: Sequence[TeamContext], part: str
) -> Select[*tuple[Any, ...]]:
    """Select the widgets with a part in their names, in any case; the last changed ones first.

    They are in a collection, or anywhere where it is empty, and in one of the places, if any.
    """
    widget, dashboard = DashboardWidgetRow, DashboardRow
    # On PostgreSQL the column's own collation knows the cases of ASCII only.
    of_postgresql = func.lower(collate(widget.name, "default"))
    name = of_postgresql if dialect == "postgresql" else func.fold(widget.name)
    found = (
        select(widget.id, widget.name, widget.contribution_id, dashboard.id, dashboard.name)
        .add_columns(dashboard.collection, dashboard.project, dashboard.team)
        .join(dashboard, dashboard.id == widget.dashboard_id)
        .where(name.contains(folded(part), autoescape=True))
        .order_by(widget.modified_at.desc(), widget.id)
    )
    if collection:
        found = found.where(dashboard.collection_folded == folded(collection))
    return found.where(or_(*map(in_place, scopes))) if scopes else found


def _row(session: Session, dashboard_id: UUID, widget_id: UUID | None) -> DashboardWidgetRow:
    statement = (
        select(DashboardWidgetRow)
        .where(*is_widget(dashboard_id, widget_id))
        .execution_options(populate_existing=True)
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise no_widget(widget_id, dashboard_id)
    return row


def _write(write: DashboardWrite, draft: DashboardWidgetDraft, values: dict[str, Any]) -> None:
    """Write columns of a widget and increment its version, if it is the one the draft names."""
    here = is_widget(write.dashboard_id, draft.id)
    current = () if draft.etag is None else (DashboardWidgetRow.etag == draft.etag,)
    etag = write.session.execute(
        update(DashboardWidgetRow)
        .where(*here, *current)
        .values(
            etag=DashboardWidgetRow.etag + 1,
            modified_at=write.change.at,
            modified_by_id=write.change.by,
            **values,
        )
        .returning(DashboardWidgetRow.etag)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if etag is not None:
        return
    if write.session.scalar(select(DashboardWidgetRow.id).where(*here)) is None:
        raise no_widget(draft.id, write.dashboard_id)
    raise Conflict(
        sentence=f"Widget {draft.id} was changed since the version that was given: get it again "
        "for the current eTag."
    )


def _all_columns(draft: DashboardWidgetDraft) -> dict[str, Any]:
    values = {name: getattr(draft, name) for name in TEXTS_AND_NUMBERS}
    version = None if draft.settings_version is None else dict(draft.settings_version)
    return values | {"settings_version": version, "extra_fields": dict(draft.extra_fields)}


def _merged(kept: Any, given: Any) -> Any:
    return {**(kept or {}), **given} if given else kept
