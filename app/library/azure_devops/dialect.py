"""The dialect as the application knows it: its routes, its addresses, its envelope."""

from collections.abc import Callable, Iterable
from re import Pattern
from typing import Final, cast

from flask import Blueprint, Response, request
from flask.sansio.blueprints import BlueprintSetupState

from app.library.azure_devops import dashboards_api as dashboards, locations, widgets_api as widgets
from app.library.azure_devops.addresses import CONVERTERS, Address, check_names, paths_besides
from app.library.azure_devops.envelope import refuse
from app.library.azure_devops.operations import OPERATIONS
from app.library.azure_devops.transfer import azure_devops_transfer
from app.library.azure_devops.versions import check_api_version
from app.library.http.authentication import BASIC_OR_BEARER
from app.library.http.dialect import Dialect

blueprint = Blueprint("azure_api", __name__)

# A method, a kind of address (see addresses.py), a view.
ROUTES: Final[tuple[tuple[str, str, Callable[[Address], Response]], ...]] = (
    ("OPTIONS", "azure_locations", locations.list_locations),
    ("GET", "azure_areas", locations.list_areas),
    ("GET", "azure_area", locations.show_area),
    ("GET", "azure_dashboards", dashboards.list_dashboards),
    ("POST", "azure_dashboards", dashboards.create_dashboard),
    ("PUT", "azure_dashboards", dashboards.replace_dashboards),
    ("GET", "azure_dashboard", dashboards.show_dashboard),
    ("PUT", "azure_dashboard", dashboards.replace_dashboard),
    ("DELETE", "azure_dashboard", dashboards.delete_dashboard),
    ("GET", "azure_widgets", widgets.list_widgets),
    ("POST", "azure_widgets", widgets.create_widget),
    ("PUT", "azure_widgets", widgets.replace_widgets),
    ("PATCH", "azure_widgets", widgets.update_widgets),
    ("GET", "azure_widget", widgets.show_widget),
    ("PUT", "azure_widget", widgets.replace_widget),
    ("PATCH", "azure_widget", widgets.update_widget),
    ("DELETE", "azure_widget", widgets.delete_widget),
)


@blueprint.record_once
def add_routes(state: BlueprintSetupState) -> None:
    """Teach the application to read the addresses, then what is at each."""
    state.app.url_map.converters.update(CONVERTERS)
    for method, kind, view in ROUTES:
        state.add_url_rule(
            f"/<{kind}:address>",
            view.__name__,
            view,
            methods=[method],
            provide_automatic_options=False,
        )


@blueprint.before_request
def check_request() -> None:
    """Refuse what holds for all addresses: another version of the API, impossible names."""
    check_api_version()
    check_names(cast(Address, (request.view_args or {})["address"]))


def azure_devops_dialect(others: Iterable[Pattern[str]]) -> Dialect:
    """Make the dialect, which has the addresses with `_apis` in them that are not of others."""
    paths = paths_besides(others)
    return Dialect(
        blueprint=blueprint,
        paths=paths,
        token=BASIC_OR_BEARER,
        answer_error=refuse,
        title="Dashboards and their widgets, as Azure DevOps has them",
        operations=OPERATIONS,
        transfer=azure_devops_transfer(paths),
    )
