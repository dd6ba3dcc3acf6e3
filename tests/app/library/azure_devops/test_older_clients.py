"""The official client's older classes for Python, with nothing changed but their address."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.library.azure_devops.asking import CONTRIBUTION
from tests.app.library.conftest import Processes
from tests.official_clients import PYTHON
from tests.processes import environment


@pytest.mark.parametrize("version", ["v5_0", "v5_1"])
def test_an_older_client_does_every_operation(
    processes: Processes, older_clients: Path, tmp_path: Path, version: str
) -> None:
    variables = {"PYTHONPATH": str(older_clients), "AZURE_DEVOPS_CACHE_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, PYTHON / "drive.py", processes.base, processes.token, version],
        env=environment(**variables), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    read = json.loads(ended.stdout)
    board = read["dashboards"].pop("board")
    assert read["dashboards"] == {
        "got": "Renamed",
        "group": ["Other", "Renamed"],
        "listed": ["Other", "Renamed"],
        "left": [board],
    }
    assert read["widgets"] == {
        "updated": ["Updated", '{"text": "é"}'],
        "replaced": ["Replaced", None],
        "types": [CONTRIBUTION, CONTRIBUTION],
        "left": board,
        "gone": "WidgetDoesNotExistException",
    }
    assert read["lists"] == {
        "listed": [True],
        "replaced": ["New", "Notes"],
        "updated": ["Newer", "Notes"],
        "stale": "WidgetETagConflictException",
    }
