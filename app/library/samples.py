"""One saved widget of each dialect, so that the local mode has something to show from the start.

They are records as `placard library import` takes them, with ids of their own: saved twice, they
are there once, and what became of them since stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.database.columns import to_json
from app.database.store import Store
from app.errors import ConfigurationError
from app.library.core.users import Author
from app.library.wiring import DIALECTS

LOCAL_DOMAIN: Final = "domain-local"
_SAVED: Final = "0c5bd7d6-7b8e-4c1d-9a51-6f1b2d3e4f50"
_CUSTOM: Final = "custom-widget-5a3b1c0d2e4f"
_DASHBOARD: Final = "2f1c9a54-53a8-4a0e-8a3a-1b6d0c9e7f21"
_WIDGET: Final = "7d3e1b60-0f9a-4b57-9c8d-2e5f4a6b8c90"
_PLACE: Final = {"collection": "local", "project": "Samples", "team": "Samples Team"}

# By the name of the dialect's import.
SAMPLES: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "datadog": [
        {
            "experience_type": "ccm_reports",
            "data": {
                "type": "widgets",
                "id": _SAVED,
                "attributes": {
                    "definition": {
                        "type": "cloud_cost_summary",
                        "title": "What the clusters cost",
                        "requests": [],
                        "graph_options": [{"type": "change", "view": "total"}],
                    },
                    "tags": ["team:platform", "cost"],
                },
            },
        }
    ],
    "spaceone": [
        {
            "custom_widget_id": _CUSTOM,
            "domain_id": LOCAL_DOMAIN,
            "widget_name": "costTrend",
            "title": "Trend of costs",
            "options": {"granularity": "MONTHLY", "group_by": "provider"},
            "labels": ["Cost", "Sample"],
            "tags": {"team": "platform"},
        }
    ],
    "azure": [
        _PLACE | {"dashboard": {"id": _DASHBOARD, "name": "Overview"}},
        _PLACE
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
}
# Where they are, below the service's own address.
PATHS: Final = (
    f"/api/v2/widgets/ccm_reports/{_SAVED}",
    f"/dashboard/v1/custom-widget/{_CUSTOM}?domain_id={LOCAL_DOMAIN}",
    f"/local/Samples/Samples%20Team/_apis/dashboard/dashboards/{_DASHBOARD}/widgets/{_WIDGET}",
)


def save_samples(store: Store, handle: str, name: str) -> None:
    """Save the samples for a user, but for those that are there."""
    for dialect in DIALECTS:
        transfer = dialect.transfer
        lines = [to_json(record).encode() for record in SAMPLES[transfer.name]]
        for outcome in transfer.imported(store, Author(handle, name), lines):
            if outcome.state == "refused":
                raise ConfigurationError(f"the sample of {dialect.title}: {outcome.why}")
