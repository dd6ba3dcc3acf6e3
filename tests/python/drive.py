"""Every operation by the official client's older classes: drive.py BASE TOKEN VERSION.

It is run with the packages of `requirements.lock` before all others. What it read is printed as
JSON.
"""

import importlib
import json
import sys
from typing import Any

from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsServiceError
from msrest.authentication import BasicAuthentication

CONTRIBUTION = "ms.vss-dashboards-web.Microsoft.VisualStudioOnline.Dashboards.MarkdownWidget"


class Driver:
    """The client of one version of the API, with its models."""

    def __init__(self, base: str, token: str, version: str) -> None:
        self.models = importlib.import_module(f"azure.devops.{version}.dashboard.models")
        connection = Connection(f"{base}/DefaultCollection", BasicAuthentication("", token))
        name = f"azure.devops.{version}.dashboard.dashboard_client.DashboardClient"
        self.api = connection.get_client(name)
        self.team = self.models.TeamContext(project="Fabrikam", team="Fabrikam Team")

    def dashboard(self, **given: Any) -> Any:
        return self.models.Dashboard(**given)

    def widget(self, **changes: Any) -> Any:
        values = {"name": "Notes", "settings": '{"text": "é"}', "contribution_id": CONTRIBUTION}
        return self.models.Widget(**(values | changes))

    def do_dashboards(self) -> dict[str, Any]:
        """Create, list, replace, order, read and delete dashboards."""
        api, team = self.api, self.team
        made, other = (
            api.create_dashboard(self.dashboard(name=name), team) for name in ("Overview", "Other")
        )
        named = self.dashboard(name="Renamed", eTag=made.eTag)
        replaced = api.replace_dashboard(named, team, made.id)
        entries = [
            self.dashboard(id=each.id, name=each.name, position=position)
            for position, each in enumerate((other, replaced), 1)
        ]
        group = api.replace_dashboards(self.models.DashboardGroup(dashboard_entries=entries), team)
        listed = api.get_dashboards(team)
        api.delete_dashboard(team, other.id)
        return {
            "board": made.id,
            "got": api.get_dashboard(team, made.id).name,
            "group": [each.name for each in group.dashboard_entries],
            "listed": [each.name for each in listed.dashboard_entries],
            "left": [each.id for each in api.get_dashboards(team).dashboard_entries],
        }

    def do_widgets(self, board: str) -> dict[str, Any]:
        """Create, read, update, replace and delete a widget, and ask for the types."""
        api, team = self.api, self.team
        made = api.create_widget(self.widget(), team, board)
        change = self.models.Widget(name="Updated", eTag=made.eTag)
        updated = api.update_widget(change, team, board, made.id)
        bare = self.widget(name="Replaced", settings=None, eTag=updated.eTag)
        replaced = api.replace_widget(bare, team, board, made.id)
        types = api.get_widget_types("project_Team", team.project).widget_types
        one = api.get_widget_metadata(CONTRIBUTION, team.project).widget_metadata
        left = api.delete_widget(team, board, made.id)
        return {
            "updated": [updated.name, updated.settings],
            "replaced": [replaced.name, replaced.settings],
            "types": [types[0].contribution_id, one.contribution_id],
            "left": left.id,
            "gone": refusal(lambda: api.get_widget(team, board, made.id)),
        }

    def do_lists(self, board: str) -> dict[str, Any]:
        """Read, replace and update the list of a dashboard's widgets."""
        api, team = self.api, self.team
        first = api.create_widget(self.widget(), team, board)
        listed = api.get_widgets(team, board)
        kept = self.widget(id=first.id)
        replaced = api.replace_widgets([self.widget(name="New"), kept], team, board, listed.eTag)
        newer = self.models.Widget(id=replaced.widgets[0].id, name="Newer")
        updated = api.update_widgets([newer], team, board, replaced.eTag)
        return {
            "listed": [each.id == first.id for each in listed.widgets],
            "replaced": [each.name for each in replaced.widgets],
            "updated": [each.name for each in updated.widgets],
            "stale": refusal(lambda: api.update_widgets([newer], team, board, replaced.eTag)),
        }


def refusal(call: Any) -> str:
    """Return the kind of the error that a call ends with."""
    try:
        call()
    except AzureDevOpsServiceError as error:
        return str(error.type_key)
    return ""


def drive(driver: Driver) -> dict[str, Any]:
    """Do everything, and leave nothing."""
    dashboards = driver.do_dashboards()
    board = dashboards["board"]
    widgets, lists = driver.do_widgets(board), driver.do_lists(board)
    driver.api.delete_dashboard(driver.team, board)
    return {"dashboards": dashboards, "widgets": widgets, "lists": lists}


sys.stdout.write(json.dumps(drive(Driver(*sys.argv[1:]))))
