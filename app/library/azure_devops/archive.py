"""Whole dashboards and their widgets, out of the store and into another, with their history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database.store import Store
from app.errors import Conflict
from app.library.azure_devops.dashboard_store import add_dashboard
from app.library.azure_devops.records import (
    Dashboard,
    DashboardDraft,
    DashboardKey,
    DashboardWidget,
    DashboardWidgetDraft,
)
from app.library.azure_devops.rows import Conditions, owned_by, to_dashboard, to_widget
from app.library.azure_devops.statements import WriteStamp, append_widget, begin_write, no_dashboard
from app.library.core.models import DashboardRow, DashboardWidgetRow, UserRow
from app.library.core.users import Author, ids_of

AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class History:
    """The version of a dashboard's list or of a widget, and who changed it when.

    `widgets` is how many the list of a dashboard has.
    """

    etag: int
    created_at: datetime
    created_by: Author
    modified_at: datetime
    modified_by: Author
    widgets: int = 0


@dataclass(frozen=True, slots=True)
class ArchivedDashboard:
    """A dashboard, its history, and each of its widgets with its own, in their order."""

    dashboard: Dashboard
    history: History
    widgets: Iterator[tuple[DashboardWidget, History]]


def archived(store: Store) -> Iterator[ArchivedDashboard]:
    """Yield every dashboard as it is at one moment; its widgets are read before the next one."""
    count = (
        select(func.count())
        .where(DashboardWidgetRow.dashboard_id == DashboardRow.id)
        .scalar_subquery()
    )
    every = select(DashboardRow, count).order_by(DashboardRow.id)
    with store.snapshot() as session:
        for row, widgets in session.execute(every.execution_options(yield_per=AT_ONCE)):
            history = _history(row, widgets)
            yield ArchivedDashboard(to_dashboard(row), history, _widgets(session, row.id))


def _widgets(session: Session, dashboard_id: UUID) -> Iterator[tuple[DashboardWidget, History]]:
    statement = (
        select(DashboardWidgetRow)
        .where(DashboardWidgetRow.dashboard_id == dashboard_id)
        .order_by(DashboardWidgetRow.rank, DashboardWidgetRow.id)
    )
    for row in session.scalars(statement.execution_options(yield_per=AT_ONCE)):
        yield to_widget(row), _history(row)


def restore_dashboard(
    session: Session,
    change: WriteStamp,
    key: DashboardKey,
    draft: DashboardDraft,
    history: History | None,
) -> bool:
    """Make a dashboard of an id, without widgets; False where the team has it already.

    Each widget that follows moves its version, so that it begins as far below the one it had. Who
    makes it, without a history, is in `change`. Raises Conflict where the id is that of a dashboard
    elsewhere.
    """
    values = {}
    if history is not None:
        values = _columns(session, history) | {"etag": history.etag - history.widgets}
    if add_dashboard(session, change, key, draft, **values):
        return True
    if session.scalar(select(DashboardRow.id).where(*_is_here(key))) is None:
        raise Conflict(sentence=f"The id {key.id} is taken by a dashboard elsewhere.")
    return False


def restore_widget(
    session: Session,
    change: WriteStamp,
    key: DashboardKey,
    draft: DashboardWidgetDraft,
    history: History | None,
) -> bool:
    """Add a widget of an id at the end of the list; False where the dashboard has it already.

    With a history, the dashboard stays as it was last changed. Raises Conflict where the id is that
    of a widget elsewhere.
    """
    # Nobody else adds it between our look and our insert.
    locked = select(DashboardRow).where(*_is_here(key)).with_for_update(of=DashboardRow)
    dashboard = session.scalar(locked.execution_options(populate_existing=True))
    if dashboard is None:
        raise no_dashboard(key.id)
    kept = select(DashboardWidgetRow.dashboard_id).where(DashboardWidgetRow.id == draft.id)
    home = session.scalar(kept)
    if home not in (None, key.id):
        raise Conflict(sentence=f"The id {draft.id} is taken by a widget elsewhere.")
    if home is not None:
        return False
    values = {}
    if history is not None:
        change = WriteStamp(dashboard.modified_by_id, dashboard.modified_at)
        values = _columns(session, history)
    append_widget(begin_write(session, change, key, None), draft, **values)
    return True


def _is_here(key: DashboardKey) -> Conditions:
    return (DashboardRow.id == key.id, *owned_by(key.context))


def _history(row: DashboardRow | DashboardWidgetRow, widgets: int = 0) -> History:
    return History(
        etag=row.etag,
        created_at=row.created_at,
        created_by=_author(row.created_by),
        modified_at=row.modified_at,
        modified_by=_author(row.modified_by),
        widgets=widgets,
    )


def _author(user: UserRow) -> Author:
    return Author(user.handle, user.name)


def _columns(session: Session, history: History) -> dict[str, object]:
    users = ids_of(session, {history.created_by, history.modified_by}, history.created_at)
    return {
        "etag": history.etag,
        "created_at": history.created_at,
        "created_by_id": users[history.created_by],
        "modified_at": history.modified_at,
        "modified_by_id": users[history.modified_by],
    }
