"""Dashboards: made, read, replaced and deleted, so that there is one to put widgets on."""

from flask import Response

from app.library.azure_devops.addresses import Address
from app.library.azure_devops.answers import answer_dashboard, answer_dashboards, answer_group
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.schemas import (
    DashboardSchema,
    NewDashboardSchema,
    dashboard_draft_of,
    read_entries,
)
from app.library.azure_devops.scopes import READ, WRITE
from app.library.azure_devops.versions import list_version
from app.library.core.errors import Malformed
from app.library.http.authentication import caller
from app.library.http.body import checked, read_object
from app.library.http.context import library


def list_dashboards(address: Address) -> Response:
    """Answer with the dashboards of a project or team."""
    caller().require_any(READ)
    return answer_dashboards(dashboards().listed(address.place))


def create_dashboard(address: Address) -> Response:
    """Keep a new dashboard, and the widgets that come with it."""
    caller().require_any(WRITE)
    draft = dashboard_draft_of(checked(NewDashboardSchema(), read_object()))
    return answer_dashboard(*dashboards().create(caller(), address.place, draft))


def show_dashboard(address: Address) -> Response:
    """Answer with a dashboard and its widgets."""
    caller().require_any(READ)
    return answer_dashboard(*dashboards().get(address.place, address.dashboard_id))


def replace_dashboard(address: Address) -> Response:
    """Write a dashboard anew; its widgets only where the body has a list of them."""
    caller().require_any(WRITE)
    key = address.dashboard_id
    loaded = checked(DashboardSchema(), read_object())
    if loaded.get("id") not in (None, key):
        raise Malformed("is not that of the address", where="$.id")
    version = list_version([loaded.get("etag")])
    if version is None and loaded.get("widgets") is not None:
        raise Malformed("is missing: it goes with the widgets", where="$.eTag", rule="required")
    draft = dashboard_draft_of(loaded)
    written = dashboards().replace(caller(), address.place, key, draft, version)
    return answer_dashboard(*written)


def replace_dashboards(address: Address) -> Response:
    """Name and order the dashboards of a team; those that the body leaves out are deleted."""
    caller().require_any(WRITE)
    place = address.place
    return answer_group(place, dashboards().replace_list(caller(), place, read_entries()))


def delete_dashboard(address: Address) -> Response:
    """Delete a dashboard and its widgets."""
    caller().require_any(WRITE)
    dashboards().delete(address.place, address.dashboard_id, list_version())
    return Response(status=204)


def dashboards() -> Dashboards:
    """Return where dashboards are kept."""
    return Dashboards(library().store)
