"""The widgets of dashboards, as the Azure DevOps dialect keeps them.

Implements the section "Azure DevOps dashboard widgets" of the library's contract. Every change of a
widget, its coming or going moves the version of the widget and that of its dashboard's list.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from app.library.azure_devops.records import Place, Widget, WidgetDraft, WidgetList, WrittenWidget
from app.library.azure_devops.statements import (
    Change,
    add_widgets,
    dashboard_with_widgets,
    in_place,
    move,
    no_dashboard,
    no_widget,
    replace_widget,
    seen_widget,
    update_widget,
    widget_of,
    widgets_of,
)
from app.library.core.callers import Caller
from app.library.core.columns import to_the_millisecond
from app.library.core.errors import Conflict
from app.library.core.models import DashboardRow, DashboardWidgetRow
from app.library.core.store import Store
from app.library.core.tokens import utc_now


class DashboardWidgets:
    """The widgets of a store's dashboards. `version` is that of a dashboard's list of widgets.

    Every method raises DashboardMissing or WidgetMissing for what is not there, and those that
    write Conflict for a version that is not the current one; nothing is changed then.
    """

    def __init__(self, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def listed(self, place: Place, dashboard_id: UUID) -> WidgetList:
        """Return all widgets of a dashboard, with the version of just this list."""
        with self._store.reading() as session:
            dashboard, widgets = dashboard_with_widgets(session, place, dashboard_id)
            return WidgetList(dashboard.etag, widgets)

    def get(self, place: Place, dashboard_id: UUID, widget_id: UUID) -> Widget:
        """Return one widget."""
        asked = (
            select(DashboardWidgetRow)
            .join(DashboardRow, DashboardRow.id == DashboardWidgetRow.dashboard_id)
            .where(
                DashboardWidgetRow.id == widget_id,
                DashboardRow.id == dashboard_id,
                *in_place(place),
            )
        )
        with self._store.reading() as session:
            row = session.scalars(asked).one_or_none()
            if row is not None:
                return seen_widget(row)
            where = (DashboardRow.id == dashboard_id, *in_place(place))
            if session.scalar(select(DashboardRow.id).where(*where)) is None:
                raise no_dashboard(dashboard_id)
            raise no_widget(widget_id, dashboard_id)

    def create(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        draft: WidgetDraft,
        version: int | None,
    ) -> WrittenWidget:
        """Add a widget at the end of the list."""
        change = self._change(caller)
        with self._store.writing() as session:
            moved = move(session, change, place, dashboard_id, version)
            rank = _last_rank(session, dashboard_id) + 1
            (made,) = add_widgets(session, change, dashboard_id, [(rank, draft)])
            return WrittenWidget(widget_of(session, dashboard_id, made), moved)

    def replace(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        draft: WidgetDraft,
        version: int | None,
    ) -> WrittenWidget:
        """Write a widget anew: what the draft does not have is gone."""
        change = self._change(caller)
        with self._store.writing() as session:
            moved = move(session, change, place, dashboard_id, version)
            replace_widget(session, change, dashboard_id, draft)
            return _written(session, dashboard_id, draft, moved)

    def update(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        draft: WidgetDraft,
        version: int | None,
    ) -> WrittenWidget:
        """Write what the draft has of a widget, and leave the rest as it is."""
        change = self._change(caller)
        with self._store.writing() as session:
            moved = move(session, change, place, dashboard_id, version)
            update_widget(session, change, dashboard_id, draft)
            return _written(session, dashboard_id, draft, moved)

    def delete(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        widget_id: UUID,
        version: int | None,
    ) -> int:
        """Delete a widget, and return the version of the list since then."""
        change = self._change(caller)
        with self._store.writing() as session:
            moved = move(session, change, place, dashboard_id, version)
            deleted = session.execute(
                delete(DashboardWidgetRow)
                .where(
                    DashboardWidgetRow.id == widget_id,
                    DashboardWidgetRow.dashboard_id == dashboard_id,
                )
                .returning(DashboardWidgetRow.id)
            ).scalar_one_or_none()
            if deleted is None:
                raise no_widget(widget_id, dashboard_id)
            return moved

    def replace_list(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        drafts: Sequence[WidgetDraft],
        version: int,
    ) -> WidgetList:
        """Make the list what the drafts say, in their order: an id is kept, the others go."""
        change = self._change(caller)
        with self._store.writing() as session:
            moved = move(session, change, place, dashboard_id, version)
            set_widgets(session, change, dashboard_id, drafts)
            return WidgetList(moved, widgets_of(session, dashboard_id))

    def update_list(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        drafts: Sequence[WidgetDraft],
        version: int,
    ) -> WidgetList:
        """Write what the drafts have of the widgets that they name: of all of them, or of none."""
        change = self._change(caller)
        with self._store.writing() as session:
            moved = move(session, change, place, dashboard_id, version)
            for draft in drafts:
                update_widget(session, change, dashboard_id, draft)
            return WidgetList(moved, widgets_of(session, dashboard_id))

    def keep(self, caller: Caller, place: Place, dashboard_id: UUID, draft: WidgetDraft) -> bool:
        """Add a widget of an id at the end of the list; False where it is on the dashboard already.

        Raises Conflict where the id is that of a widget elsewhere.
        """
        change = self._change(caller)
        where = (DashboardRow.id == dashboard_id, *in_place(place))
        with self._store.writing() as session:
            # Nobody else adds it between our look and our insert.
            locked = session.scalar(select(DashboardRow.id).where(*where).with_for_update())
            if locked is None:
                raise no_dashboard(dashboard_id)
            kept = select(DashboardWidgetRow.dashboard_id).where(DashboardWidgetRow.id == draft.id)
            there = session.scalar(kept)
            if there is not None and there != dashboard_id:
                raise Conflict(f"The id {draft.id} is taken by a widget elsewhere.")
            if there is None:
                move(session, change, place, dashboard_id, None)
                rank = _last_rank(session, dashboard_id) + 1
                add_widgets(session, change, dashboard_id, [(rank, draft)])
            return there is None

    def after(
        self, dashboard_id: UUID, last: tuple[int, UUID], count: int
    ) -> tuple[tuple[tuple[int, UUID], Widget], ...]:
        """Return the next widgets of a dashboard's list, each with its place in it."""
        key = (DashboardWidgetRow.rank, DashboardWidgetRow.id)
        asked = (
            select(DashboardWidgetRow)
            .where(DashboardWidgetRow.dashboard_id == dashboard_id, tuple_(*key) > tuple_(*last))
            .order_by(*key)
            .limit(count)
        )
        with self._store.reading() as session:
            return tuple(((row.rank, row.id), seen_widget(row)) for row in session.scalars(asked))

    def _change(self, caller: Caller) -> Change:
        return Change(caller.person.id, to_the_millisecond(self._now()))


def set_widgets(
    session: Session, change: Change, dashboard_id: UUID, drafts: Sequence[WidgetDraft]
) -> None:
    """Make the list of a dashboard what the drafts say; its version is moved already."""
    ranked = list(enumerate(drafts, 1))
    kept = [draft.id for draft in drafts if draft.id is not None]
    session.execute(
        delete(DashboardWidgetRow).where(
            DashboardWidgetRow.dashboard_id == dashboard_id, DashboardWidgetRow.id.not_in(kept)
        )
    )
    for rank, draft in ranked:
        if draft.id is not None:
            replace_widget(session, change, dashboard_id, draft, rank=rank)
    new = [(rank, draft) for rank, draft in ranked if draft.id is None]
    add_widgets(session, change, dashboard_id, new)


def _written(session: Session, dashboard_id: UUID, draft: WidgetDraft, moved: int) -> WrittenWidget:
    assert draft.id is not None
    return WrittenWidget(widget_of(session, dashboard_id, draft.id), moved)


def _last_rank(session: Session, dashboard_id: UUID) -> int:
    on_it = DashboardWidgetRow.dashboard_id == dashboard_id
    return session.scalar(select(func.max(DashboardWidgetRow.rank)).where(on_it)) or 0
