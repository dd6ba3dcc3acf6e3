"""Two real worker processes over one database, which is of either kind."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.app.library.conftest import Processes
from tests.app.library.spaceone.test_api import GIVEN, ROOT
from tests.waiting import PATIENCE


def test_writers_in_two_processes_lose_nothing(processes: Processes) -> None:
    def post(method: str, **parameters: Any) -> Any:
        answer = requests.post(
            f"{processes.base}{ROOT}/{method}",
            json={"domain_id": GIVEN["domain_id"], **parameters},
            headers={"Authorization": f"Bearer {processes.token}"},
            timeout=PATIENCE,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    made = post("create", **GIVEN)["custom_widget_id"]
    keys = [f"k{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda key: post("update", custom_widget_id=made, settings={key: key}), keys
            )
        )
    kept = post("get", custom_widget_id=made)["settings"]
    assert kept == GIVEN["settings"] | {key: key for key in keys}
