"""Dashboards, as the Azure DevOps dialect keeps them: by collection, project and team.

Implements the section "Azure DevOps dashboard widgets" of the library's contract.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.library.azure_devops.records import (
    Dashboard,
    DashboardDraft,
    DashboardEntry,
    Place,
    Widget,
)
from app.library.azure_devops.statements import (
    Change,
    add_widgets,
    dashboard_with_widgets,
    in_place,
    move,
    no_dashboard,
    seen_dashboard,
)
from app.library.azure_devops.widget_store import set_widgets
from app.library.core.callers import Caller
from app.library.core.columns import folded, to_the_millisecond
from app.library.core.errors import Conflict, Malformed
from app.library.core.models import DashboardRow
from app.library.core.store import Store
from app.library.core.tokens import utc_now

MOST_DASHBOARDS: Final = 1000
IMPLICIT_NAME: Final = "Dashboard"
# What a column of whole numbers holds on PostgreSQL.
LAST_RANK: Final = 2**31 - 1
Whole = tuple[Dashboard, tuple[Widget, ...]]


class Dashboards:
    """The dashboards of a store. `version` is that of a dashboard's list of widgets.

    Methods raise DashboardMissing for what is not there, and Conflict for a version that is not
    the current one; nothing is changed then.
    """

    def __init__(self, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def listed(self, place: Place) -> tuple[Dashboard, ...]:
        """Return the dashboards of a place, in their order."""
        with self._store.reading() as session:
            return _listed(session, place)

    def get(self, place: Place, dashboard_id: UUID) -> Whole:
        """Return a dashboard and its widgets."""
        with self._store.reading() as session:
            return dashboard_with_widgets(session, place, dashboard_id)

    def create(self, caller: Caller, place: Place, draft: DashboardDraft) -> Whole:
        """Keep a new dashboard, with the widgets that the draft has."""
        change = self._change(caller)
        with self._store.writing() as session:
            key = uuid.uuid4()
            _add(session, change, place, key, draft)
            add_widgets(session, change, key, enumerate(draft.widgets or (), 1))
            return dashboard_with_widgets(session, place, key)

    def ensure(self, caller: Caller, place: Place, dashboard_id: UUID) -> None:
        """Make an empty dashboard of an id, unless there is one, here or elsewhere."""
        change = self._change(caller)
        with self._store.writing() as session:
            _add(session, change, place, dashboard_id, DashboardDraft(IMPLICIT_NAME))

    def keep(self, caller: Caller, place: Place, dashboard_id: UUID, draft: DashboardDraft) -> bool:
        """Make a dashboard of an id, without widgets; False where it is in the place already.

        Raises Conflict where the id is that of a dashboard elsewhere.
        """
        change = self._change(caller)
        with self._store.writing() as session:
            if _add(session, change, place, dashboard_id, draft):
                return True
            where = (DashboardRow.id == dashboard_id, *in_place(place))
            if session.scalar(select(DashboardRow.id).where(*where)) is None:
                raise Conflict(f"The id {dashboard_id} is taken by a dashboard elsewhere.")
            return False

    def after(self, last: UUID | None, count: int) -> tuple[Dashboard, ...]:
        """Return the next dashboards of the whole store, by their ids."""
        asked = select(DashboardRow).order_by(DashboardRow.id).limit(count)
        if last is not None:
            asked = asked.where(DashboardRow.id > last)
        with self._store.reading() as session:
            return tuple(seen_dashboard(row) for row in session.scalars(asked))

    def replace(
        self,
        caller: Caller,
        place: Place,
        dashboard_id: UUID,
        draft: DashboardDraft,
        version: int | None,
    ) -> Whole:
        """Write a dashboard anew; its widgets only where the draft has a list of them."""
        change = self._change(caller)
        values = {
            "name": draft.name,
            "description": draft.description,
            "refresh_interval": draft.refresh_interval,
        }
        rank = {} if draft.rank is None else {"rank": draft.rank}
        with self._store.writing() as session:
            move(session, change, place, dashboard_id, version, **values, **rank)
            if draft.widgets is not None:
                set_widgets(session, change, dashboard_id, draft.widgets)
            return dashboard_with_widgets(session, place, dashboard_id)

    def replace_list(
        self, caller: Caller, place: Place, entries: Sequence[DashboardEntry]
    ) -> tuple[Dashboard, ...]:
        """Name and order the dashboards of a place as the entries do; the others are deleted.

        Raises DashboardMissing or Conflict for any entry, and nothing is changed then.
        """
        change = self._change(caller)
        with self._store.writing() as session:
            # In one order, or two who write the same dashboards would wait for each other.
            every = select(DashboardRow.id).where(*in_place(place)).order_by(DashboardRow.id)
            session.execute(every.with_for_update())
            for entry in entries:
                given = {"name": entry.name, "rank": entry.rank}
                values = {name: value for name, value in given.items() if value is not None}
                move(session, change, place, entry.id, entry.etag, **values)
            kept = [entry.id for entry in entries]
            session.execute(
                delete(DashboardRow)
                .where(*in_place(place), DashboardRow.id.not_in(kept))
                .execution_options(synchronize_session=False)
            )
            return _listed(session, place)

    def delete(self, place: Place, dashboard_id: UUID, version: int | None) -> None:
        """Delete a dashboard and its widgets."""
        where = (DashboardRow.id == dashboard_id, *in_place(place))
        current = () if version is None else (DashboardRow.etag == version,)
        with self._store.writing() as session:
            deleted = session.execute(
                delete(DashboardRow)
                .where(*where, *current)
                .returning(DashboardRow.id)
                .execution_options(synchronize_session=False)
            ).scalar_one_or_none()
            if deleted is not None:
                return
            if session.scalar(select(DashboardRow.id).where(*where)) is None:
                raise no_dashboard(dashboard_id)
            raise Conflict(f"Dashboard {dashboard_id} was changed since the version given.")

    def _change(self, caller: Caller) -> Change:
        return Change(caller.person.id, to_the_millisecond(self._now()))


def _listed(session: Session, place: Place) -> tuple[Dashboard, ...]:
    asked = (
        select(DashboardRow)
        .where(*in_place(place))
        .order_by(DashboardRow.rank, DashboardRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(seen_dashboard(row) for row in session.scalars(asked))


def _add(
    session: Session, change: Change, place: Place, dashboard_id: UUID, draft: DashboardDraft
) -> bool:
    """Add a dashboard without widgets, unless its id is taken; tell whether it was added."""
    last, count = session.execute(
        select(func.max(DashboardRow.rank), func.count()).where(*in_place(place))
    ).one()
    if count >= MOST_DASHBOARDS:
        raise Malformed(
            f"A team has at most {MOST_DASHBOARDS} dashboards.", rule="too_many_dashboards"
        )
    names = {name: getattr(place, name) for name in ("collection", "project", "team")}
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    added = session.execute(
        dialect.insert(DashboardRow)
        .values(
            id=dashboard_id,
            name=draft.name,
            description=draft.description,
            rank=draft.rank or min((last or 0) + 1, LAST_RANK),
            refresh_interval=draft.refresh_interval,
            etag=1,
            created_at=change.at,
            created_by_id=change.by,
            modified_at=change.at,
            modified_by_id=change.by,
            **names,
            **{f"{name}_folded": folded(given) for name, given in names.items()},
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(DashboardRow.id)
    )
    return added.scalar_one_or_none() is not None
