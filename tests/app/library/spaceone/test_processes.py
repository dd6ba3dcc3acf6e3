"""Two real worker processes over one database, which is of either kind."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import requests

from app.library.core.store import Store
from app.library.core.tokens import Tokens
from app.library.wiring import SCOPES
from tests.app.library.core.test_tokens import GRANT
from tests.app.library.spaceone.test_api import GIVEN, ROOT
from tests.host import JWT_SECRET
from tests.test_production import SOUND, running


def test_writers_in_two_processes_lose_nothing(database_url: str) -> None:
    store = Store(database_url)
    token = Tokens(store, (JWT_SECRET,), SCOPES).create(replace(GRANT, scopes=SCOPES)).text
    store.close()
    settings = {**SOUND, "PLACARD_DATABASE_URL": database_url, "PLACARD_LIBRARY": "on"}
    with running("serve", "--workers", "2", settings=settings) as (_, base):

        def post(method: str, **parameters: Any) -> Any:
            answer = requests.post(
                f"{base}{ROOT}/{method}",
                json={"domain_id": GIVEN["domain_id"], **parameters},
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
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
