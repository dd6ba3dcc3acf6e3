"""Azure DevOps: work items, and widgets of dashboards. Pull requests and builds are definitions.

work_items.py  work items
widgets.py     widgets of dashboards
api.py         what its pages share: hosts, tokens, and the names within an address
"""

from app.connectors.azure_devops.api import AzureDevOps
from app.connectors.azure_devops.widgets import AzureDevOpsWidget
from app.connectors.azure_devops.work_items import AzureDevOpsWorkItem

__all__ = ["AzureDevOps", "AzureDevOpsWidget", "AzureDevOpsWorkItem"]
