"""A dashboard and a widget of it that the local mode has from the start."""

from typing import Final

from app.library.http.dialect import Samples

_DASHBOARD: Final = "2f1c9a54-53a8-4a0e-8a3a-1b6d0c9e7f21"
_WIDGET: Final = "7d3e1b60-0f9a-4b57-9c8d-2e5f4a6b8c90"
_TEAM: Final = {"collection": "local", "project": "Samples", "team": "Samples Team"}
SAMPLES: Final = Samples(
    title="Dashboard widget, Azure DevOps",
    path=(
        f"/local/Samples/Samples%20Team/_apis/dashboard/dashboards/{_DASHBOARD}/widgets/{_WIDGET}"
    ),
    records=[
        _TEAM | {"dashboard": {"id": _DASHBOARD, "name": "Overview"}},
        _TEAM
        | {
            "dashboardId": _DASHBOARD,
            "widget": {
                "id": _WIDGET,
                "name": "Sprint burndown",
                "contributionId": "ms.vss-dashboards-web.Microsoft.VisualStudioOnline."
                "Dashboards.SprintBurndownWidget",
                "size": {"rowSpan": 2, "columnSpan": 3},
            },
        },
    ],
)
