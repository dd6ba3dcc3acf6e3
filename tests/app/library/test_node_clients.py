"""The official clients for Node, with nothing changed but their address."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.app.library.conftest import ALICE, Processes
from tests.processes import environment

ZEROS = "00000000-0000-0000-0000-000000000000"


def test_every_client_for_node_does_every_operation(
    processes: Processes, node_clients: Path
) -> None:
    ended = subprocess.run(
        ["node", node_clients / "drive.js", processes.base, processes.token],
        env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    read = json.loads(ended.stdout)
    check_node(read["azure_devops_node"])
    check_extension(read["azure_devops_extension"])
    check_datadog(read["datadog"])


def check_node(read: dict[str, Any]) -> None:
    """A missing resource is null to this client."""
    assert (read["project"]["name"], read["foundById"]) == ("Fabrikam", [True])
    check_azure_devops(read)
    assert read["dashboards"]["made"]["_links"]["group"]["href"].endswith("/dashboards")
    assert (read["dashboards"]["gone"], read["widgets"]["gone"]) == (None, None)
    assert read["widgets"]["stale"]["status"] == 409


def check_extension(read: dict[str, Any]) -> None:
    """It asks for answers without addresses."""
    check_azure_devops(read)
    assert "_links" not in read["dashboards"]["made"]
    assert read["dashboards"]["gone"]["status"] == read["widgets"]["gone"]["status"] == 404
    assert "There is no widget" in read["widgets"]["gone"]["message"]
    assert read["widgets"]["stale"]["status"] == 409


def check_azure_devops(read: dict[str, Any]) -> None:
    dashboards, widgets = read["dashboards"], read["widgets"]
    assert (dashboards["made"]["description"], dashboards["made"]["dashboardScope"]) == ("All", 1)
    assert dashboards["made"]["groupId"] != ZEROS
    assert dashboards["replaced"]["name"] == dashboards["got"]["name"] == "Renamed"
    # The client has made a date of it, which JSON writes so.
    assert dashboards["got"]["modifiedDate"].endswith("Z")
    for entries in (
        dashboards["group"]["dashboardEntries"], dashboards["listed"], dashboards["ofProject"],
    ):  # fmt: skip
        assert [each["name"] for each in entries] == ["Other", "Renamed"]
    assert widgets["made"]["settingsVersion"] == {"major": 1, "minor": 0, "patch": 0}
    assert (widgets["updated"]["name"], widgets["updated"]["settings"]) == (
        "Updated", widgets["made"]["settings"],
    )  # fmt: skip
    assert (widgets["got"]["name"], widgets["got"]["settings"]) == ("Replaced", None)
    assert widgets["got"]["dashboard"]["eTag"] == widgets["replaced"]["dashboard"]["eTag"]
    assert widgets["types"]["widgetTypes"] == [widgets["type"]["widgetMetadata"]]
    assert widgets["type"]["widgetMetadata"]["name"] == "Markdown"
    assert widgets["type"]["widgetMetadata"]["supportedScopes"] == [0, 1]
    assert widgets["deleted"]["id"] == dashboards["made"]["id"]


def check_datadog(read: dict[str, Any]) -> None:
    made, got = read["made"]["data"], read["got"]["data"]
    updated = read["updated"]["data"]["attributes"]
    assert (got["id"], got["attributes"]["tags"]) == (made["id"], ["team:a"])
    assert (updated["definition"]["title"], updated["tags"]) == (
        "Spend of İstanbul", ["team:b", " c"],
    )  # fmt: skip
    (found,) = read["found"]["data"]
    assert found["attributes"]["isFavorited"] is False
    assert read["found"]["meta"]["filteredTotal"] == 1
    assert [user["attributes"]["handle"] for user in read["found"]["included"]] == [ALICE]
    assert read["gone"]["status"] == 404
