"""The dialect as the library knows it."""

from collections.abc import Iterable
from re import Pattern

# Each declares its operations as it is imported.
from app.library.azure_devops import dashboards_api, locations, projects_api, types_api, widgets_api
from app.library.azure_devops.addresses import paths_besides
from app.library.azure_devops.envelope import error_response
from app.library.azure_devops.examples import EXAMPLES
from app.library.azure_devops.operations import blueprint, operations
from app.library.azure_devops.samples import SAMPLES
from app.library.azure_devops.transfer import azure_devops_transfer
from app.library.http.authentication import BASIC_OR_BEARER
from app.library.http.dialect import Dialect

__all__ = [
    "azure_devops_dialect",
    "dashboards_api",
    "locations",
    "projects_api",
    "types_api",
    "widgets_api",
]


def azure_devops_dialect(others: Iterable[Pattern[str]]) -> Dialect:
    """Make the dialect, which has the addresses with `_apis` in them that are not of others."""
    paths = paths_besides(others)
    return Dialect(
        name="Azure DevOps",
        blueprint=blueprint,
        paths=paths,
        token=BASIC_OR_BEARER,
        error_response=error_response,
        title="Dashboards and their widgets, as Azure DevOps has them",
        operations=operations.declared,
        examples=EXAMPLES,
        transfer=azure_devops_transfer(paths),
        reach=lambda grant: ", ".join(grant.places) or "every collection, project and team",
        samples=SAMPLES,
    )
