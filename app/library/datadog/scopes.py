"""The scopes of tokens for the Datadog dialect: any one of a tuple is enough."""

from typing import Final

READ: Final = (
    "cloud_cost_management_read",
    "generate_log_reports",
    "manage_log_reports",
    "product_analytics_saved_widgets_read",
)
WRITE: Final = (
    "cloud_cost_management_write",
    "generate_log_reports",
    "manage_log_reports",
    "product_analytics_saved_widgets_write",
)
