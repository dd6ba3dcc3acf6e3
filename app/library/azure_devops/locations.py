"""Where the resources are: the first request of the official clients."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from app.errors import NotFound
from app.library.azure_devops.addresses import ApiPath, url_of
from app.library.azure_devops.answers import collection
from app.library.azure_devops.formats import SERVED
from app.library.azure_devops.operations import operation
from app.library.azure_devops.schemas import CamelCaseSchema

AREAS: Final[Mapping[str, str]] = {
    "31c84e0a-3ece-48fd-a29d-100849af99ba": "Dashboard",
    "79134c72-4a58-4b42-976c-04e7115f32bf": "core",
}
RESOURCE_AREAS: Final = "e81700f7-3be2-46de-8624-2eb35882fcaa"
PROJECTS: Final = "603fe2ac-9723-48b9-88ad-09305aa6c6e1"
DASHBOARDS: Final = "454b3e51-2e6e-48d4-ad81-978154089351"
WIDGETS: Final = "bdcff53a-8355-4172-a00a-40497ea23afc"
WIDGET_TYPES: Final = "6b3628d3-e96f-4fc7-b176-50240b03b515"
_TYPES: Final = "{project}/_apis/dashboard/widgettypes/{contributionId}"
_TEMPLATE: Final = "{project}/{team}/_apis/dashboard/dashboards/{dashboardId}"


def _location(key: str, area: str, name: str, template: str, version: int) -> dict[str, Any]:
    return {
        "id": key,
        "area": area,
        "resourceName": name,
        "routeTemplate": template,
        "resourceVersion": version,
        "minVersion": SERVED[0],
        "maxVersion": SERVED[-1],
        "releasedVersion": "0.0",
    }


LOCATIONS: Final = (
    _location(PROJECTS, "core", "projects", "_apis/{resource}/{*projectId}", 4),
    _location(RESOURCE_AREAS, "Location", "ResourceAreas", "_apis/{resource}/{areaId}", 1),
    _location(WIDGET_TYPES, "Dashboard", "WidgetTypes", _TYPES, 1),
    _location(DASHBOARDS, "Dashboard", "Dashboards", _TEMPLATE, 3),
    _location(WIDGETS, "Dashboard", "Widgets", f"{_TEMPLATE}/widgets/{{widgetId}}", 2),
)


class LocationSchema(CamelCaseSchema):
    """A resource: its address as a template, and its versions."""

    id = fields.String(required=True)
    area = fields.String(required=True)
    resource_name = fields.String(required=True)
    route_template = fields.String(required=True)
    resource_version = fields.Integer(required=True)
    min_version = fields.String(required=True)
    max_version = fields.String(required=True)
    released_version = fields.String(required=True)


class LocationListSchema(CamelCaseSchema):
    """The resources that are served."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(LocationSchema), required=True)


class AreaSchema(CamelCaseSchema):
    """An area of resources: the address of the collection that has it."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    location_url = fields.String(required=True)


class AreaListSchema(CamelCaseSchema):
    """The areas that are served."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(AreaSchema), required=True)


@operation("options", "/{collection}/_apis", LocationListSchema)
def list_locations(address: ApiPath) -> dict[str, Any]:
    """List the resources that are served, and their addresses."""
    del address
    return collection(list(LOCATIONS))


@operation("options", "/{collection}/_apis/{area}", LocationListSchema)
def list_locations_of_area(address: ApiPath) -> dict[str, Any]:
    """List the resources of an area that are served, and their addresses.

    The name of the area is compared in any case; an unknown area has no resources.
    """
    area = address.rest[-1].lower()
    return collection([each for each in LOCATIONS if each["area"].lower() == area])


@operation("get", "/{collection}/_apis/ResourceAreas", AreaListSchema)
def list_areas(address: ApiPath) -> dict[str, Any]:
    """List the areas of resources."""
    return collection([_area(address, area_id) for area_id in AREAS])


@operation("get", "/{collection}/_apis/ResourceAreas/{areaId}", AreaSchema)
def show_area(address: ApiPath) -> dict[str, Any]:
    """Get an area of resources."""
    area_id = address.rest[-1].lower()
    if area_id not in AREAS:
        raise NotFound(sentence=f"There is no such area; there are {', '.join(AREAS)}.")
    return _area(address, area_id)


def _area(address: ApiPath, area_id: str) -> dict[str, Any]:
    return {"id": area_id, "name": AREAS[area_id], "locationUrl": url_of(*address.names)}
