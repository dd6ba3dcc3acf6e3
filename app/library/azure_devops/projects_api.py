"""Projects: which GUID and which name are one."""

from typing import Any

from app.errors import NotFound
from app.library.azure_devops.answer_schemas import ProjectAnswerSchema
from app.library.azure_devops.answers import project_document
from app.library.azure_devops.names import PlaceNames
from app.library.azure_devops.operations import PROJECT, READ, WRITE, operation
from app.library.azure_devops.records import TeamContext
from app.library.http.authentication import caller
from app.library.http.context import library
from app.library.http.parameters import read_uuid


@operation("get", PROJECT, ProjectAnswerSchema, scopes=READ)
def show_project(project: TeamContext) -> dict[str, Any]:
    """Get a project by its name or its GUID.

    Every name is that of a project, and has a GUID; a GUID is that of a project once its name is
    known, or once it has a dashboard.
    """
    names = PlaceNames(library().store)
    if read_uuid(project.project) is None:
        if caller().scopes.intersection(WRITE):
            names.remember(project)
    elif not names.is_used(project):
        raise NotFound(sentence=f"There is no project {project.project}.", resource="project")
    return project_document(project)
