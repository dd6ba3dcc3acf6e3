"""The widgets of a dashboard: one, or the list as one; and widgets of any, by their names.

An answer's header `ETag` is always the version of the dashboard's list, and so is what a request
gives in `ETag` or `If-Match`; the version of a widget is in its body.
"""

from flask import Response

from app.library.azure_devops.addresses import ApiPath
from app.library.azure_devops.answer_schemas import (
    DashboardAnswerSchema,
    DashboardWidgetListSchema,
    DashboardWidgetSchema,
    FoundWidgetListSchema,
)
from app.library.azure_devops.answers import (
    answer_list,
    answer_widget,
    collection,
    dashboard_document,
    found_document,
    with_version,
)
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.drafts import drafts_of, widget_draft_of
from app.library.azure_devops.formats import answer_format, formatted
from app.library.azure_devops.names import PlaceNames
from app.library.azure_devops.operations import (
    NAMED_WIDGETS,
    READ,
    WIDGET,
    WIDGETS,
    WRITE,
    ListVersion,
    NamedWidgetsQuery,
    RequiredListVersion,
    operation,
)
from app.library.azure_devops.reach import read_place
from app.library.azure_devops.records import DashboardKey, WidgetKey
from app.library.azure_devops.schemas import (
    ListedUpdateSchema,
    ListedWidgetSchema,
    NewWidgetSchema,
    ReplacedWidgetSchema,
    UpdatedWidgetSchema,
)
from app.library.azure_devops.versions import Versions, agreed_version, version_in
from app.library.azure_devops.widget_store import DashboardWidgets
from app.library.http.authentication import caller
from app.library.http.context import library
from app.library.http.operation import Loaded
from app.library.http.rows import searching
from app.openapi.operation import Body


@operation("get", WIDGETS, DashboardWidgetListSchema, scopes=READ, versioned=True)
def list_widgets(dashboard: DashboardKey) -> Response:
    """List the widgets of a dashboard."""
    _ensure(dashboard)
    return answer_list(dashboard, widgets().listed(dashboard))


@operation(
    "post",
    WIDGETS,
    DashboardWidgetSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(NewWidgetSchema),
    headers=ListVersion,
)
def create_widget(dashboard: DashboardKey, body: Loaded, versions: Versions) -> Response:
    """Add a widget to a dashboard."""
    draft, version = widget_draft_of(body), agreed_version(versions, version_in(body))
    _ensure(dashboard)
    return answer_widget(dashboard, widgets().create(caller(), dashboard, draft, version))


@operation(
    "put",
    WIDGETS,
    DashboardWidgetListSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(ListedWidgetSchema, many=True),
    headers=RequiredListVersion,
)
def replace_widgets(dashboard: DashboardKey, body: list[Loaded], versions: Versions) -> Response:
    """Replace all widgets of a dashboard.

    Those with an id are kept, each id once; those without are new.
    """
    drafts, version = drafts_of(body), agreed_version(versions, *map(version_in, body))
    _ensure(dashboard)
    return answer_list(dashboard, widgets().replace_list(caller(), dashboard, drafts, version))


@operation(
    "patch",
    WIDGETS,
    DashboardWidgetListSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(ListedUpdateSchema, many=True, unique=True),
    headers=RequiredListVersion,
)
def update_widgets(dashboard: DashboardKey, body: list[Loaded], versions: Versions) -> Response:
    """Change some widgets of a dashboard, each id once: all of them, or none."""
    drafts, version = drafts_of(body), agreed_version(versions, *map(version_in, body))
    _ensure(dashboard)
    return answer_list(dashboard, widgets().update_list(caller(), dashboard, drafts, version))


@operation("get", WIDGET, DashboardWidgetSchema, scopes=READ, versioned=True)
def show_widget(widget: WidgetKey) -> Response:
    """Get a widget."""
    return answer_widget(widget.dashboard, widgets().get(widget))


@operation(
    "put",
    WIDGET,
    DashboardWidgetSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(ReplacedWidgetSchema),
    headers=ListVersion,
)
def replace_widget(widget: WidgetKey, body: Loaded, versions: Versions) -> Response:
    """Replace a widget: what is left out is removed."""
    draft, version = widget_draft_of(body, widget.id), agreed_version(versions, version_in(body))
    written = widgets().replace(caller(), widget, draft, version)
    return answer_widget(widget.dashboard, written)


@operation(
    "patch",
    WIDGET,
    DashboardWidgetSchema,
    scopes=WRITE,
    versioned=True,
    request=Body(UpdatedWidgetSchema),
    headers=ListVersion,
)
def update_widget(widget: WidgetKey, body: Loaded, versions: Versions) -> Response:
    """Change a widget: what is left out or null stays."""
    draft, version = widget_draft_of(body, widget.id), agreed_version(versions, version_in(body))
    written = widgets().update(caller(), widget, draft, version)
    return answer_widget(widget.dashboard, written)


@operation(
    "delete",
    WIDGET,
    DashboardAnswerSchema,
    scopes=WRITE,
    versioned=True,
    or_empty="The change is made; no version of the API from 5.0 on is named.",
    headers=ListVersion,
)
def delete_widget(widget: WidgetKey, versions: Versions) -> Response:
    """Delete a widget.

    A request for a version of the API from 5.0 on gets its dashboard.
    """
    dashboard = widgets().delete(caller(), widget, agreed_version(versions))
    has_body = answer_format().version >= (5, 0)
    answer = formatted(dashboard_document(dashboard)) if has_body else Response(status=204)
    return with_version(answer, dashboard.etag)


@operation("get", NAMED_WIDGETS, FoundWidgetListSchema, scopes=READ, query=NamedWidgetsQuery)
def find_widgets(address: ApiPath, query: Loaded) -> Response:
    """Find widgets by a part of their names.

    An operation of this library's own. Without a collection all that the token reaches is searched.
    """
    names = PlaceNames(library().store)
    places = [names.named(read_place(place)) for place in caller().places]
    with searching():
        found = widgets().named("/".join(address.names), places, query["part"], query["most"])
    return formatted(collection([found_document(each) for each in found]))


def widgets() -> DashboardWidgets:
    """Return where the widgets of dashboards are stored."""
    return DashboardWidgets(library().store)


def _ensure(dashboard: DashboardKey) -> None:
    """Create a dashboard that does not exist, in the local mode."""
    if library().settings.local and caller().scopes.intersection(WRITE):
        Dashboards(library().store).ensure(caller(), dashboard)
