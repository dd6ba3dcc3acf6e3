"""Dashboards: created, read, replaced and deleted, so that there is one to put widgets on."""

from typing import Any

from flask import Response

from app.errors import InvalidInput
from app.library.azure_devops.answer_schemas import (
    DashboardAnswerSchema,
    DashboardListSchema,
    GroupAnswerSchema,
)
from app.library.azure_devops.answers import (
    answer_dashboard,
    collection,
    dashboard_document,
    group_document,
)
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.drafts import dashboard_draft_of, entries_of
from app.library.azure_devops.formats import answer_format
from app.library.azure_devops.operations import (
    DASHBOARD,
    DASHBOARDS,
    READ,
    WRITE,
    ListVersion,
    operation,
)
from app.library.azure_devops.records import DashboardKey, TeamContext
from app.library.azure_devops.schemas import (
    DashboardGroupSchema,
    NewDashboardSchema,
    ReplacedDashboardSchema,
)
from app.library.azure_devops.versions import Versions, agreed_version
from app.library.http.authentication import caller
from app.library.http.context import library
from app.library.http.operation import Loaded
from app.openapi.operation import Body


@operation("get", DASHBOARDS, DashboardListSchema, scopes=READ)
def list_dashboards(context: TeamContext) -> dict[str, Any]:
    """List the dashboards of a team; without a team, of the project and of all its teams.

    A request for a version of the API below 6.0 gets them as a group.
    """
    listed = dashboards().listed(context)
    if (0, 0) < answer_format().version < (6, 0):
        return group_document(context, listed)
    return collection([dashboard_document(each) for each in listed])


@operation(
    "post",
    DASHBOARDS,
    DashboardAnswerSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(NewDashboardSchema),
)
def create_dashboard(context: TeamContext, body: Loaded) -> Response:
    """Create a dashboard, with widgets where some are given."""
    return answer_dashboard(dashboards().create(caller(), context, dashboard_draft_of(body)))


@operation("put", DASHBOARDS, GroupAnswerSchema, scopes=WRITE, request=Body(DashboardGroupSchema))
def replace_dashboards(context: TeamContext, body: Loaded) -> dict[str, Any]:
    """Name and order the dashboards of a team, and delete the others.

    Without a team the dashboards of all teams may be named, and of others only the project's own
    are deleted.
    """
    return group_document(context, dashboards().replace_list(caller(), context, entries_of(body)))


@operation("get", DASHBOARD, DashboardAnswerSchema, scopes=READ, versioned=True)
def show_dashboard(dashboard: DashboardKey) -> Response:
    """Get a dashboard and its widgets."""
    return answer_dashboard(dashboards().get(dashboard))


@operation(
    "put",
    DASHBOARD,
    DashboardAnswerSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(ReplacedDashboardSchema),
    headers=ListVersion,
)
def replace_dashboard(dashboard: DashboardKey, body: Loaded, versions: Versions) -> Response:
    """Replace a dashboard; its name and its widgets only where they are given."""
    if body.get("id") not in (None, dashboard.id):
        raise InvalidInput("is not that of the address", where="$.id")
    version = agreed_version(versions, body.get("etag"))
    if version is None and body.get("widgets") is not None:
        raise InvalidInput("is missing: it goes with the widgets", where="$.eTag", rule="required")
    draft = dashboard_draft_of(body)
    return answer_dashboard(dashboards().replace(caller(), dashboard, draft, version))


@operation("delete", DASHBOARD, None, scopes=WRITE, headers=ListVersion)
def delete_dashboard(dashboard: DashboardKey, versions: Versions) -> None:
    """Delete a dashboard and its widgets."""
    dashboards().delete(dashboard, agreed_version(versions))


def dashboards() -> Dashboards:
    """Return where dashboards are stored."""
    return Dashboards(library().store)
