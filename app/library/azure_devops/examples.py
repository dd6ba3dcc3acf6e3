"""An example of each operation of the Azure DevOps dialect, as the description shows it."""

from typing import Any, Final

from app.library.azure_devops.locations import AREAS, LOCATIONS
from app.openapi.operation import Example

_BASE: Final = "https://placard.example.com/DefaultCollection"
_COLLECTION: Final = {"collection": "DefaultCollection"}
_PROJECT: Final = {**_COLLECTION, "project": "Fabrikam"}
_TEAM: Final = {**_PROJECT, "team": "Web"}
_DASHBOARD: Final = {**_TEAM, "dashboardId": "6c1a3b5e-8f2d-4b7a-9c0e-1d2f3a4b5c6d"}
_WIDGET: Final = {**_DASHBOARD, "widgetId": "0f9e8d7c-6b5a-4f3e-8d2c-1b0a9f8e7d6c"}
_AREA: Final = {**_COLLECTION, "areaId": next(iter(AREAS))}
_LIST_VERSION: Final = {"ETag": "1"}

_LIST_URL: Final = f"{_BASE}/Fabrikam/Web/_apis/dashboard/dashboards"
_DASHBOARD_URL: Final = f"{_LIST_URL}/{_DASHBOARD['dashboardId']}"
_WIDGET_URL: Final = f"{_DASHBOARD_URL}/widgets/{_WIDGET['widgetId']}"

_NEW_WIDGET: Final[dict[str, Any]] = {
    "name": "Notes",
    "position": {"row": 1, "column": 1},
    "size": {"rowSpan": 1, "columnSpan": 2},
    "settings": '{"text":"Release on Friday"}',
    "settingsVersion": {"major": 1, "minor": 0, "patch": 0},
    "contributionId": "ms.vss-dashboards-web.MarkdownWidget",
}
_KEPT_WIDGET: Final[dict[str, Any]] = {
    "id": _WIDGET["widgetId"],
    "eTag": "1",
    **_NEW_WIDGET,
    "url": _WIDGET_URL,
    "_links": {
        "self": {"href": _WIDGET_URL},
        "group": {"href": f"{_DASHBOARD_URL}/widgets"},
        "dashboard": {"href": _DASHBOARD_URL},
    },
}
_ONE_WIDGET: Final = _KEPT_WIDGET | {"dashboard": {"eTag": "1"}}
_FOUND_WIDGET: Final = {
    "id": _WIDGET["widgetId"],
    "name": "Notes",
    "contributionId": _NEW_WIDGET["contributionId"],
    "dashboard": "Overview",
    "url": _WIDGET_URL,
}
_CHANGE: Final = {"eTag": "1", "name": "Notes of the team"}
_KEPT_DASHBOARD: Final[dict[str, Any]] = {
    "id": _DASHBOARD["dashboardId"],
    "name": "Overview",
    "description": "What the team looks at",
    "position": 1,
    "refreshInterval": 5,
    "dashboardScope": "project_Team",
    "groupId": "2f6c8e0a-4b1d-5e3f-8a7c-9b0d1e2f3a4b",
    "ownerId": "2f6c8e0a-4b1d-5e3f-8a7c-9b0d1e2f3a4b",
    "eTag": "1",
    "modifiedBy": "7b1c9d1e-3f52-5c0b-9a60-0d1f2e3c4b5a",
    "modifiedDate": "2024-01-15T00:00:00.000Z",
    "lastAccessedDate": "2024-01-15T00:00:00.000Z",
    "url": _DASHBOARD_URL,
    "_links": {"self": {"href": _DASHBOARD_URL}, "group": {"href": _LIST_URL}},
}
_ONE_DASHBOARD: Final = _KEPT_DASHBOARD | {"widgets": [_KEPT_WIDGET]}
_NEW_DASHBOARD: Final = {"name": "Overview", "description": "What the team looks at"}
_GROUP: Final = {
    "dashboardEntries": [_KEPT_DASHBOARD],
    "url": _LIST_URL,
    "_links": {"self": {"href": _LIST_URL}},
}


def _listed(values: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(values), "value": values}


_AREAS: Final = [{"id": key, "name": name, "locationUrl": _BASE} for key, name in AREAS.items()]
_OF_DASHBOARDS: Final = [each for each in LOCATIONS if each["area"] == "Dashboard"]
_PROJECT_ANSWER: Final = {
    "id": "3d5f7a9b-1c2e-4d6f-8b0a-2c4e6a8c0e1f",
    "name": "Fabrikam",
    "url": f"{_BASE}/_apis/projects/3d5f7a9b-1c2e-4d6f-8b0a-2c4e6a8c0e1f",
    "state": "wellFormed",
}

_TYPES_URL: Final = f"{_BASE}/Fabrikam/Web/_apis/dashboard/widgettypes"
_TYPE: Final[dict[str, Any]] = {
    "contributionId": _NEW_WIDGET["contributionId"],
    "typeId": "MarkdownWidget",
    "name": "Markdown",
    "description": None,
    "publisherName": "ms",
    "isEnabled": True,
    "isNameConfigurable": True,
    "isVisibleFromCatalog": True,
    "configurationRequired": False,
    "analyticsServiceRequired": False,
    "allowedSizes": [],
    "supportedScopes": ["collection_User", "project_Team"],
    "keywords": [],
    "tags": [],
    "targets": [],
}
_TYPES: Final = {
    "uri": _TYPES_URL,
    "widgetTypes": [_TYPE],
    "_links": {"self": {"href": _TYPES_URL}},
}

EXAMPLES: Final = {
    "azure_list_locations": Example(_COLLECTION, answer=_listed(list(LOCATIONS))),
    "azure_list_locations_of_area": Example(
        _COLLECTION | {"area": "Dashboard"}, answer=_listed(_OF_DASHBOARDS)
    ),
    "azure_list_areas": Example(_COLLECTION, answer=_listed(_AREAS)),
    "azure_show_area": Example(_AREA, answer=_AREAS[0]),
    "azure_show_project": Example(_PROJECT, answer=_PROJECT_ANSWER),
    "azure_list_widget_types": Example(_TEAM, answer=_TYPES),
    "azure_show_widget_type": Example(
        _TEAM | {"contributionId": _TYPE["contributionId"]},
        answer={"uri": f"{_TYPES_URL}/{_TYPE['contributionId']}", "widgetMetadata": _TYPE},
    ),
    "azure_find_widgets": Example(_COLLECTION | {"name": "note"}, answer=_listed([_FOUND_WIDGET])),
    "azure_list_dashboards": Example(_TEAM, answer=_listed([_KEPT_DASHBOARD])),
    "azure_create_dashboard": Example(_TEAM, _NEW_DASHBOARD, _ONE_DASHBOARD | {"widgets": []}),
    "azure_replace_dashboards": Example(
        _TEAM,
        {"dashboardEntries": [{"id": _DASHBOARD["dashboardId"], "eTag": "1", "position": 1}]},
        _GROUP,
    ),
    "azure_show_dashboard": Example(_DASHBOARD, answer=_ONE_DASHBOARD),
    "azure_replace_dashboard": Example(
        _DASHBOARD, _NEW_DASHBOARD | {"eTag": "1"}, _ONE_DASHBOARD | {"eTag": "2"}
    ),
    "azure_delete_dashboard": Example(_DASHBOARD),
    "azure_list_widgets": Example(_DASHBOARD, answer=_listed([_KEPT_WIDGET])),
    "azure_create_widget": Example(_DASHBOARD, _NEW_WIDGET, _ONE_WIDGET),
    "azure_replace_widgets": Example(
        _DASHBOARD | _LIST_VERSION, [_NEW_WIDGET], _listed([_KEPT_WIDGET])
    ),
    "azure_update_widgets": Example(
        _DASHBOARD | _LIST_VERSION,
        [{"id": _WIDGET["widgetId"], **_CHANGE}],
        _listed([_KEPT_WIDGET | _CHANGE | {"eTag": "2"}]),
    ),
    "azure_show_widget": Example(_WIDGET, answer=_ONE_WIDGET),
    "azure_replace_widget": Example(
        _WIDGET, _NEW_WIDGET | {"eTag": "1"}, _ONE_WIDGET | {"eTag": "2"}
    ),
    "azure_update_widget": Example(_WIDGET, _CHANGE, _ONE_WIDGET | _CHANGE | {"eTag": "2"}),
    "azure_delete_widget": Example(_WIDGET, answer=_ONE_DASHBOARD | {"widgets": []}),
}
