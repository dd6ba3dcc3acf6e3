"""The names of projects and teams: which one a GUID stands for.

A name has its GUID from the beginning (`TeamContext`). Whose GUID it is, is kept from when the name
is first written.
"""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.database.store import Store
from app.database.upsert import insert
from app.library.azure_devops.records import TeamContext
from app.library.azure_devops.rows import in_project
from app.library.core.models import PlaceNameRow
from app.library.http.parameters import read_uuid


class PlaceNames:
    """The names of the projects and teams of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def named(self, context: TeamContext) -> TeamContext:
        """Return a place by its names, as far as they are known."""
        project, team = read_uuid(context.project), read_uuid(context.team)
        if project is None and team is None:
            return context
        with self._store.reading() as session:
            if project is not None:
                renamed = replace(context, project=_name(session, project) or context.project)
                # The GUID of a project is one in its own collection only.
                context = renamed if renamed.project_id == project else context
            if team is not None:
                renamed = replace(context, team=_name(session, team) or context.team)
                context = renamed if renamed.team_id == team else context
            return context

    def remember(self, project: TeamContext) -> None:
        """Keep the name of a project, by its GUID, unless it is kept already."""
        with self._store.reading() as session:
            name = _name(session, project.project_id)
        if name is None:
            with self._store.writing() as session:
                remember_names(session, project)

    def is_used(self, project: TeamContext) -> bool:
        """Tell whether a project or one of its teams has dashboards."""
        with self._store.reading() as session:
            return bool(session.scalar(select(exists().where(*in_project(project)))))


def remember_names(session: Session, context: TeamContext) -> None:
    """Keep the names of a place, by their GUIDs; a place that is named by a GUID has none."""
    names = {context.project_id: context.project}
    if context.team:
        names[context.team_id] = context.team
    for place_id, name in names.items():
        if read_uuid(name) is None:
            values = {"id": place_id, "name": name}
            session.execute(insert(session, PlaceNameRow).values(values).on_conflict_do_nothing())


def _name(session: Session, place_id: UUID) -> str | None:
    return session.scalar(select(PlaceNameRow.name).where(PlaceNameRow.id == place_id))
