"""Azure DevOps: work items, and widgets of dashboards. Pull requests and builds are definitions."""

from app.connectors.azure_devops.api import AzureDevOps
from app.connectors.azure_devops.widgets import AzureDevOpsWidget
from app.connectors.azure_devops.work_items import AzureDevOpsWorkItem

__all__ = ["AzureDevOps", "AzureDevOpsWidget", "AzureDevOpsWorkItem"]
