"""A custom widget that the local mode has from the start."""

from typing import Final

from app.library.http.dialect import Samples

LOCAL_DOMAIN: Final = "domain-local"
_ID: Final = "custom-widget-5a3b1c0d2e4f"
SAMPLES: Final = Samples(
    title="Custom widget, SpaceONE",
    path=f"/dashboard/v1/custom-widget/{_ID}?domain_id={LOCAL_DOMAIN}",
    records=[
        {
            "custom_widget_id": _ID,
            "domain_id": LOCAL_DOMAIN,
            "widget_name": "costTrend",
            "title": "Trend of costs",
            "options": {"granularity": "MONTHLY", "group_by": "provider"},
            "labels": ["Cost", "Sample"],
            "tags": {"team": "platform"},
        }
    ],
)
