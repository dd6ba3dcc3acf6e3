"""The widgets of a dashboard: one, or the list as one.

An answer's header `ETag` is always the version of the dashboard's list, and so is what a request
gives in `ETag` or `If-Match`; the version of a widget is in its body.
"""

from uuid import UUID

from flask import Response

from app.library.azure_devops.addresses import Address
from app.library.azure_devops.answers import (
    answer_list,
    answer_widget,
    answer_written,
    with_version,
)
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.schemas import (
    ListedUpdateSchema,
    ListedWidgetSchema,
    NewWidgetSchema,
    ReplacedWidgetSchema,
    UpdatedWidgetSchema,
    read_widget,
    read_widgets,
)
from app.library.azure_devops.scopes import READ, WRITE
from app.library.azure_devops.versions import list_version, required_list_version
from app.library.azure_devops.widget_store import DashboardWidgets
from app.library.http.authentication import caller
from app.library.http.context import library


def list_widgets(address: Address) -> Response:
    """Answer with all widgets of a dashboard."""
    caller().require_any(READ)
    key = _dashboard(address)
    return answer_list(address.place, key, widgets().listed(address.place, key))


def create_widget(address: Address) -> Response:
    """Add a widget to a dashboard."""
    caller().require_any(WRITE)
    draft, parent = read_widget(NewWidgetSchema)
    version = list_version([parent])
    place, key = address.place, _dashboard(address)
    made = widgets().create(caller(), place, key, draft, version)
    return answer_written(place, key, made)


def replace_widgets(address: Address) -> Response:
    """Make the list of widgets what the body says."""
    caller().require_any(WRITE)
    drafts, parents = read_widgets(ListedWidgetSchema)
    version = required_list_version(parents)
    place, key = address.place, _dashboard(address)
    listed = widgets().replace_list(caller(), place, key, drafts, version)
    return answer_list(place, key, listed)


def update_widgets(address: Address) -> Response:
    """Change the widgets that the body names: all of them, or none."""
    caller().require_any(WRITE)
    drafts, parents = read_widgets(ListedUpdateSchema)
    version = required_list_version(parents)
    place, key = address.place, _dashboard(address)
    listed = widgets().update_list(caller(), place, key, drafts, version)
    return answer_list(place, key, listed)


def show_widget(address: Address) -> Response:
    """Answer with one widget."""
    caller().require_any(READ)
    place, key = address.place, address.dashboard_id
    widget = widgets().get(place, key, address.widget_id)
    return answer_widget(place, key, widget)


def replace_widget(address: Address) -> Response:
    """Write a widget anew: what the body leaves out is gone."""
    caller().require_any(WRITE)
    draft, parent = read_widget(ReplacedWidgetSchema, address.widget_id)
    version = list_version([parent])
    place, key = address.place, address.dashboard_id
    written = widgets().replace(caller(), place, key, draft, version)
    return answer_written(place, key, written)


def update_widget(address: Address) -> Response:
    """Change a widget: what the body leaves out, or has as null, stays."""
    caller().require_any(WRITE)
    draft, parent = read_widget(UpdatedWidgetSchema, address.widget_id)
    version = list_version([parent])
    place, key = address.place, address.dashboard_id
    written = widgets().update(caller(), place, key, draft, version)
    return answer_written(place, key, written)


def delete_widget(address: Address) -> Response:
    """Delete a widget."""
    caller().require_any(WRITE)
    moved = widgets().delete(
        caller(), address.place, address.dashboard_id, address.widget_id, list_version()
    )
    return with_version(Response(status=204), moved)


def widgets() -> DashboardWidgets:
    """Return where the widgets of dashboards are kept."""
    return DashboardWidgets(library().store)


def _dashboard(address: Address) -> UUID:
    """Return the id of the dashboard; in the local mode, where there is none, it is made."""
    key = address.dashboard_id
    if library().settings.local and caller().scopes.intersection(WRITE):
        Dashboards(library().store).ensure(caller(), address.place, key)
    return key
