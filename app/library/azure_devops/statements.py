"""The rows of dashboards and their widgets: the statements that both stores are made of.

Whoever writes anything of a dashboard moves its version first, by `move`: that statement checks the
version, and makes all other writers of the dashboard wait until this transaction has ended.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from app.library.azure_devops.records import (
    Dashboard,
    DashboardMissing,
    Place,
    Widget,
    WidgetDraft,
    WidgetMissing,
)
from app.library.core.columns import folded
from app.library.core.errors import Conflict, Malformed
from app.library.core.models import DashboardRow, DashboardWidgetRow
from app.library.core.users import person_of

MOST_WIDGETS: Final = 1000
_PLAIN: Final = (
    "name",
    "contribution_id",
    "row",
    "column",
    "row_span",
    "column_span",
    "settings",
)


@dataclass(frozen=True, slots=True)
class Change:
    """Who writes, and when."""

    by: UUID
    at: datetime


def in_place(place: Place) -> tuple[ColumnElement[bool], ...]:
    """Say which dashboards are those of a place."""
    return (
        DashboardRow.collection_folded == folded(place.collection),
        DashboardRow.project_folded == folded(place.project),
        DashboardRow.team_folded == folded(place.team),
    )


def move(
    session: Session,
    change: Change,
    place: Place,
    dashboard_id: UUID,
    version: int | None,
    **values: Any,
) -> int:
    """Move the version of a dashboard, and return the new one; its row is then this writer's.

    Raises DashboardMissing, or Conflict where `version` is given and is not the current one.
    """
    where = (DashboardRow.id == dashboard_id, *in_place(place))
    current = () if version is None else (DashboardRow.etag == version,)
    moved = session.execute(
        update(DashboardRow)
        .where(*where, *current)
        .values(
            etag=DashboardRow.etag + 1, modified_at=change.at, modified_by_id=change.by, **values
        )
        .returning(DashboardRow.etag)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if moved is not None:
        return moved
    if session.scalar(select(DashboardRow.id).where(*where)) is None:
        raise no_dashboard(dashboard_id)
    raise Conflict(
        f"The widgets of dashboard {dashboard_id} were changed since the version that was given: "
        "get them again for the current eTag."
    )


def no_dashboard(dashboard_id: object) -> DashboardMissing:
    """Say that there is no such dashboard here."""
    return DashboardMissing(f"There is no dashboard {dashboard_id} in this project and team.")


def no_widget(widget_id: object, dashboard_id: object) -> WidgetMissing:
    """Say that there is no such widget on a dashboard."""
    return WidgetMissing(f"There is no widget {widget_id} on the dashboard {dashboard_id}.")


def add_widgets(
    session: Session,
    change: Change,
    dashboard_id: UUID,
    drafts: Iterable[tuple[int, WidgetDraft]],
) -> list[UUID]:
    """Add widgets at their ranks, with ids of their own where they have none; return the ids."""
    rows = [
        DashboardWidgetRow(
            id=draft.id or uuid.uuid4(),
            dashboard_id=dashboard_id,
            rank=rank,
            etag=1,
            created_at=change.at,
            created_by_id=change.by,
            modified_at=change.at,
            modified_by_id=change.by,
            **_whole(draft),
        )
        for rank, draft in drafts
    ]
    session.add_all(rows)
    session.flush()
    check_count(session, dashboard_id)
    return [row.id for row in rows]


def check_count(session: Session, dashboard_id: UUID) -> None:
    """Refuse more widgets than a list, which is answered as one, should have."""
    on_it = DashboardWidgetRow.dashboard_id == dashboard_id
    count = session.scalar(select(func.count()).select_from(DashboardWidgetRow).where(on_it)) or 0
    if count > MOST_WIDGETS:
        raise Malformed(f"A dashboard has at most {MOST_WIDGETS} widgets.", rule="too_many")


def replace_widget(
    session: Session, change: Change, dashboard_id: UUID, draft: WidgetDraft, **values: Any
) -> None:
    """Write a widget anew: what the draft does not have is gone."""
    _write(session, change, dashboard_id, draft, _whole(draft) | values)


def update_widget(session: Session, change: Change, dashboard_id: UUID, draft: WidgetDraft) -> None:
    """Write what the draft has of a widget, and leave the rest as it is."""
    given = {name: getattr(draft, name) for name in _PLAIN if getattr(draft, name) is not None}
    if draft.settings_version or draft.besides:
        row = _row(session, dashboard_id, draft.id)
        besides = {key: value for key, value in draft.besides.items() if value is not None}
        given["settings_version"] = _merged(row.settings_version, draft.settings_version)
        given["besides"] = _merged(row.besides, besides)
    _write(session, change, dashboard_id, draft, given)


def widget_of(session: Session, dashboard_id: UUID, widget_id: UUID) -> Widget:
    """Return a widget as it is now; raises WidgetMissing."""
    return seen_widget(_row(session, dashboard_id, widget_id))


def widgets_of(session: Session, dashboard_id: UUID) -> tuple[Widget, ...]:
    """Return the widgets of a dashboard as they are now, in their order."""
    asked = (
        select(DashboardWidgetRow)
        .where(DashboardWidgetRow.dashboard_id == dashboard_id)
        .order_by(DashboardWidgetRow.rank, DashboardWidgetRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(seen_widget(row) for row in session.scalars(asked))


def dashboard_with_widgets(
    session: Session, place: Place, dashboard_id: UUID
) -> tuple[Dashboard, tuple[Widget, ...]]:
    """Return a dashboard and its widgets; raises DashboardMissing.

    One statement reads both, so that the version is that of these very widgets.
    """
    asked = (
        select(DashboardRow, DashboardWidgetRow)
        .outerjoin(DashboardWidgetRow, DashboardWidgetRow.dashboard_id == DashboardRow.id)
        .where(DashboardRow.id == dashboard_id, *in_place(place))
        .order_by(DashboardWidgetRow.rank, DashboardWidgetRow.id)
        .execution_options(populate_existing=True)
    )
    found: Sequence[Any] = session.execute(asked).all()
    if not found:
        raise no_dashboard(dashboard_id)
    widgets = tuple(seen_widget(widget) for _, widget in found if widget is not None)
    return seen_dashboard(found[0][0]), widgets


def seen_dashboard(row: DashboardRow) -> Dashboard:
    """Return the dashboard of a row."""
    return Dashboard(
        id=row.id,
        place=Place(row.collection, row.project, row.team),
        name=row.name,
        description=row.description,
        rank=row.rank,
        refresh_interval=row.refresh_interval,
        etag=row.etag,
        created_at=row.created_at,
        created_by=person_of(row.created_by),
        modified_at=row.modified_at,
        modified_by=person_of(row.modified_by),
    )


def seen_widget(row: DashboardWidgetRow) -> Widget:
    """Return the widget of a row."""
    return Widget(
        id=row.id,
        etag=row.etag,
        settings_version=row.settings_version,
        besides=row.besides or {},
        created_at=row.created_at,
        created_by=person_of(row.created_by),
        modified_at=row.modified_at,
        modified_by=person_of(row.modified_by),
        **{name: getattr(row, name) for name in _PLAIN},
    )


def _row(session: Session, dashboard_id: UUID, widget_id: UUID | None) -> DashboardWidgetRow:
    asked = (
        select(DashboardWidgetRow)
        .where(DashboardWidgetRow.id == widget_id, DashboardWidgetRow.dashboard_id == dashboard_id)
        .execution_options(populate_existing=True)
    )
    row = session.scalars(asked).one_or_none()
    if row is None:
        raise no_widget(widget_id, dashboard_id)
    return row


def _write(
    session: Session,
    change: Change,
    dashboard_id: UUID,
    draft: WidgetDraft,
    values: dict[str, Any],
) -> None:
    """Write columns of a widget and move its version, if it is the one that the draft names."""
    here = (DashboardWidgetRow.id == draft.id, DashboardWidgetRow.dashboard_id == dashboard_id)
    current = () if draft.etag is None else (DashboardWidgetRow.etag == draft.etag,)
    written = session.execute(
        update(DashboardWidgetRow)
        .where(*here, *current)
        .values(
            etag=DashboardWidgetRow.etag + 1,
            modified_at=change.at,
            modified_by_id=change.by,
            **values,
        )
        .returning(DashboardWidgetRow.etag)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if written is not None:
        return
    if session.scalar(select(DashboardWidgetRow.id).where(*here)) is None:
        raise no_widget(draft.id, dashboard_id)
    raise Conflict(
        f"Widget {draft.id} was changed since the version that was given: get it again for the "
        "current eTag."
    )


def _whole(draft: WidgetDraft) -> dict[str, Any]:
    values = {name: getattr(draft, name) for name in _PLAIN}
    version = None if draft.settings_version is None else dict(draft.settings_version)
    return values | {"settings_version": version, "besides": dict(draft.besides)}


def _merged(kept: Any, given: Any) -> Any:
    return {**(kept or {}), **given} if given else kept
