"""Azure DevOps dashboards and their widgets: `…/_apis/dashboard/dashboards[/…]`."""
