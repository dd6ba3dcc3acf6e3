"""Dashboards, as the Azure DevOps dialect stores them: by collection, project and team.

Implements the section "Azure DevOps dashboard widgets" of the library's contract.
"""

import uuid
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.database.columns import folded
from app.database.store import Store
from app.database.upsert import insert
from app.errors import Conflict, InvalidInput
from app.library.azure_devops.names import remember_names
from app.library.azure_devops.records import (
    Dashboard,
    DashboardAndWidgets,
    DashboardDraft,
    DashboardEntry,
    DashboardKey,
    TeamContext,
)
from app.library.azure_devops.rows import bounded_dashboards, is_dashboard, owned_by, reached_from
from app.library.azure_devops.statements import (
    DashboardWrite,
    WriteStamp,
    add_widgets,
    begin_write,
    dashboard_and_widgets,
    made_by,
    require_dashboard,
)
from app.library.azure_devops.widget_store import set_widgets
from app.library.core.callers import Caller
from app.library.core.models import DashboardRow, DashboardWidgetRow

MOST_DASHBOARDS: Final = 1000
_AT_ONCE: Final = 10
IMPLICIT_NAME: Final = "Dashboard"
# What a column of integers holds on PostgreSQL.
LAST_RANK: Final = 2**31 - 1


class Dashboards:
    """The dashboards of a store. `version` is that of a dashboard's list of widgets.

    Methods raise NotFound for what does not exist, and Conflict for a version that is not the
    current one; nothing is changed then.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, context: TeamContext) -> tuple[Dashboard, ...]:
        """Return the dashboards of a team, in their order; without one, also those of all teams."""
        with self._store.reading() as session:
            return _listed(session, context)

    def get(self, key: DashboardKey) -> DashboardAndWidgets:
        with self._store.reading() as session:
            return dashboard_and_widgets(session, key)

    def contributions(self, context: TeamContext, *, or_collection: bool) -> Sequence[str]:
        """List the contributions of the widgets that `listed` reaches, each once.

        With `or_collection` a project may be the name of a whole collection, too.
        """
        reached = and_(*reached_from(context))
        if or_collection:
            reached = or_(reached, DashboardRow.collection_folded == folded(context.project))
        column = DashboardWidgetRow.contribution_id
        statement = select(column).distinct().order_by(column)
        on = DashboardRow.id == DashboardWidgetRow.dashboard_id
        with self._store.reading() as session:
            return session.scalars(statement.join(DashboardRow, on).where(reached)).all()

    def create(
        self, caller: Caller, context: TeamContext, draft: DashboardDraft
    ) -> DashboardAndWidgets:
        change, key = WriteStamp.of(caller.person.id), DashboardKey(context, uuid.uuid4())
        with self._store.writing() as session:
            add_dashboard(session, change, key, draft)
            write = DashboardWrite(session, change, key.id, etag=1)
            add_widgets(write, enumerate(draft.widgets or (), 1))
            return dashboard_and_widgets(session, key)

    def ensure(self, caller: Caller, key: DashboardKey) -> None:
        """Make an empty dashboard of an id, unless there is one, here or elsewhere."""
        with self._store.writing() as session:
            add_dashboard(
                session, WriteStamp.of(caller.person.id), key, DashboardDraft(IMPLICIT_NAME)
            )

    def replace(
        self, caller: Caller, key: DashboardKey, draft: DashboardDraft, version: int | None
    ) -> DashboardAndWidgets:
        """Replace a dashboard; its widgets only where the draft has a list of them."""
        values = {
            "description": draft.description,
            "refresh_interval": draft.refresh_interval,
            **_given(name=draft.name, rank=draft.rank),
        }
        with self._store.writing() as session:
            write = begin_write(session, WriteStamp.of(caller.person.id), key, version, **values)
            if draft.widgets is not None:
                set_widgets(write, draft.widgets)
            return dashboard_and_widgets(session, key)

    def replace_list(
        self, caller: Caller, context: TeamContext, entries: Sequence[DashboardEntry]
    ) -> tuple[Dashboard, ...]:
        """Name and order the dashboards of a team as the entries do; the others are deleted.

        Without a team the entries may name those of all teams, and only the project's own go.
        Raises NotFound or Conflict for any entry, and nothing is changed then.
        """
        change = WriteStamp.of(caller.person.id)
        with self._store.writing() as session:
            # In one order, or two who write the same dashboards would wait for each other.
            every = select(DashboardRow.id).where(*reached_from(context)).order_by(DashboardRow.id)
            session.execute(every.with_for_update())
            for entry in entries:
                values = _given(name=entry.name, rank=entry.rank)
                begin_write(session, change, DashboardKey(context, entry.id), entry.etag, **values)
            kept = [entry.id for entry in entries]
            session.execute(
                delete(DashboardRow)
                .where(*owned_by(context), DashboardRow.id.not_in(kept))
                .execution_options(synchronize_session=False)
            )
            return _listed(session, context)

    def delete(self, key: DashboardKey, version: int | None) -> None:
        current = () if version is None else (DashboardRow.etag == version,)
        with self._store.writing() as session:
            deleted = session.execute(
                delete(DashboardRow)
                .where(*is_dashboard(key), *current)
                .returning(DashboardRow.id)
                .execution_options(synchronize_session=False)
            ).scalar_one_or_none()
            if deleted is None:
                require_dashboard(session, key)
                raise Conflict(sentence=f"Dashboard {key.id} was changed since the version given.")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _listed(session: Session, context: TeamContext) -> tuple[Dashboard, ...]:
    statement = (
        select(DashboardRow)
        .where(*reached_from(context))
        .order_by(*([] if context.team else [DashboardRow.team_folded]))
        .order_by(DashboardRow.rank, DashboardRow.id)
        .execution_options(populate_existing=True, yield_per=_AT_ONCE)
    )
    with closing(session.scalars(statement)) as rows:
        return tuple(bounded_dashboards(rows))


def _next_rank(session: Session, context: TeamContext) -> int:
    """Return the rank of one more dashboard; raises InvalidInput where the team has too many."""
    statement = select(func.max(DashboardRow.rank), func.count()).where(*owned_by(context))
    last, count = session.execute(statement).one()
    if count >= MOST_DASHBOARDS:
        message = f"A team has at most {MOST_DASHBOARDS} dashboards."
        raise InvalidInput(message, rule="too_many_dashboards")
    return min((last or 0) + 1, LAST_RANK)


def add_dashboard(
    session: Session, change: WriteStamp, key: DashboardKey, draft: DashboardDraft, **values: Any
) -> bool:
    """Add a dashboard without widgets, unless its id is taken; tell whether it was added.

    `values` are columns that a new dashboard would have otherwise.
    """
    context, rank = key.context, _next_rank(session, key.context)
    remember_names(session, context)
    names = {name: getattr(context, name) for name in ("collection", "project", "team")}
    columns = {
        "id": key.id,
        "name": draft.name,
        "description": draft.description,
        "rank": draft.rank or rank,
        "refresh_interval": draft.refresh_interval,
        **made_by(change),
        **names,
        **{f"{name}_folded": folded(given) for name, given in names.items()},
    }
    added = session.execute(
        insert(session, DashboardRow)
        .values(columns | values)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(DashboardRow.id)
    )
    return added.scalar_one_or_none() is not None
