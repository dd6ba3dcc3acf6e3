"""A saved widget that the local mode has from the start."""

from typing import Final

from app.library.http.dialect import Samples

_ID: Final = "0c5bd7d6-7b8e-4c1d-9a51-6f1b2d3e4f50"
SAMPLES: Final = Samples(
    title="Saved widget, Datadog",
    path=f"/api/v2/widgets/ccm_reports/{_ID}",
    records=[
        {
            "experience_type": "ccm_reports",
            "data": {
                "type": "widgets",
                "id": _ID,
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
)
