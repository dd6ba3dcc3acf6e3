"""The widgets of dashboards, as the Azure DevOps dialect stores them.

Implements the section "Azure DevOps dashboard widgets" of the library's contract. Whoever adds,
changes or deletes a widget increments the version of the widget and that of its dashboard's list.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import delete, select

from app.database.queries import querying
from app.database.store import Store
from app.library.azure_devops.records import (
    Dashboard,
    DashboardKey,
    DashboardWidgetDraft,
    FoundWidget,
    TeamContext,
    VersionedWidget,
    WidgetKey,
    WidgetList,
)
from app.library.azure_devops.rows import is_dashboard, is_widget, to_dashboard, to_found, to_widget
from app.library.azure_devops.statements import (
    DashboardWrite,
    WriteStamp,
    add_widgets,
    append_widget,
    begin_write,
    check_size,
    dashboard_and_widgets,
    named_widgets,
    no_widget,
    replace_widget,
    require_dashboard,
    update_widget,
    widget_of,
    widgets_of,
)
from app.library.core.callers import Caller
from app.library.core.models import DashboardRow, DashboardWidgetRow


class DashboardWidgets:
    """The widgets of a store's dashboards. `version` is that of a dashboard's list of widgets.

    Every method raises NotFound for what does not exist, and those that write Conflict for a
    version that is not the current one; nothing is changed then.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, dashboard: DashboardKey) -> WidgetList:
        """Return all widgets of a dashboard, with the version of just this list."""
        with self._store.reading() as session:
            found = dashboard_and_widgets(session, dashboard)
            return WidgetList(found.dashboard.etag, found.widgets)

    def get(self, key: WidgetKey) -> VersionedWidget:
        statement = (
            select(DashboardWidgetRow, DashboardRow.etag)
            .join(DashboardRow, DashboardRow.id == DashboardWidgetRow.dashboard_id)
            .where(DashboardWidgetRow.id == key.id, *is_dashboard(key.dashboard))
        )
        with self._store.reading() as session:
            found = session.execute(statement).one_or_none()
            if found is not None:
                return VersionedWidget(to_widget(found[0]), found[1])
            require_dashboard(session, key.dashboard)
            raise no_widget(key.id, key.dashboard.id)

    def named(
        self, collection: str, places: Sequence[TeamContext], part: str, most: int
    ) -> list[FoundWidget]:
        """Return what `named_widgets` selects, at most so many."""
        statement = named_widgets(self._store.dialect, collection, places, part).limit(most)
        with self._store.reading() as session, querying(session) as query:
            return [to_found(row) for row in query.rows(statement)]

    def create(
        self,
        caller: Caller,
        dashboard: DashboardKey,
        draft: DashboardWidgetDraft,
        version: int | None,
    ) -> VersionedWidget:
        """Add a widget at the end of the list."""
        with self._writing(caller, dashboard, version) as write:
            added = append_widget(write, draft)
            check_size(write)
            return _written(write, added)

    def replace(
        self, caller: Caller, key: WidgetKey, draft: DashboardWidgetDraft, version: int | None
    ) -> VersionedWidget:
        """Replace a widget: what the draft does not have is removed."""
        with self._writing(caller, key.dashboard, version) as write:
            replace_widget(write, draft)
            return _written(write, key.id)

    def update(
        self, caller: Caller, key: WidgetKey, draft: DashboardWidgetDraft, version: int | None
    ) -> VersionedWidget:
        """Write what the draft has of a widget, and leave the rest as it is."""
        with self._writing(caller, key.dashboard, version) as write:
            update_widget(write, draft)
            return _written(write, key.id)

    def delete(self, caller: Caller, key: WidgetKey, version: int | None) -> Dashboard:
        """Delete a widget, and return its dashboard as it is since then."""
        with self._writing(caller, key.dashboard, version) as write:
            statement = delete(DashboardWidgetRow).where(*is_widget(key.dashboard.id, key.id))
            deleted = write.session.execute(statement.returning(DashboardWidgetRow.id))
            if deleted.scalar_one_or_none() is None:
                raise no_widget(key.id, key.dashboard.id)
            row = write.session.get_one(DashboardRow, key.dashboard.id, populate_existing=True)
            return to_dashboard(row)

    def replace_list(
        self,
        caller: Caller,
        dashboard: DashboardKey,
        drafts: Sequence[DashboardWidgetDraft],
        version: int | None,
    ) -> WidgetList:
        """Make the list what the drafts say, in their order: who is not named is deleted."""
        with self._writing(caller, dashboard, version) as write:
            set_widgets(write, drafts)
            return WidgetList(write.etag, widgets_of(write.session, dashboard.id))

    def update_list(
        self,
        caller: Caller,
        dashboard: DashboardKey,
        drafts: Sequence[DashboardWidgetDraft],
        version: int | None,
    ) -> WidgetList:
        """Write what the drafts have of the widgets that they name: of all of them, or of none."""
        with self._writing(caller, dashboard, version) as write:
            for draft in drafts:
                update_widget(write, draft)
            return WidgetList(write.etag, widgets_of(write.session, dashboard.id))

    @contextmanager
    def _writing(
        self, caller: Caller, dashboard: DashboardKey, version: int | None
    ) -> Iterator[DashboardWrite]:
        with self._store.writing() as session:
            yield begin_write(session, WriteStamp.of(caller.person.id), dashboard, version)


def set_widgets(write: DashboardWrite, drafts: Sequence[DashboardWidgetDraft]) -> None:
    """Make the list of a dashboard what the drafts say."""
    ranked = list(enumerate(drafts, 1))
    kept = [draft.id for draft in drafts if draft.id is not None]
    write.session.execute(
        delete(DashboardWidgetRow).where(
            DashboardWidgetRow.dashboard_id == write.dashboard_id,
            DashboardWidgetRow.id.not_in(kept),
        )
    )
    for rank, draft in ranked:
        if draft.id is not None:
            replace_widget(write, draft, rank=rank)
    add_widgets(write, [(rank, draft) for rank, draft in ranked if draft.id is None])


def _written(write: DashboardWrite, widget_id: UUID) -> VersionedWidget:
    return VersionedWidget(widget_of(write.session, write.dashboard_id, widget_id), write.etag)
