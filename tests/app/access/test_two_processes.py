"""Two refreshes at the same time, over two processes: one call to the provider, both answered."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.app.access.world import ALICE, PAGE, World, settings_of, world
from tests.host import EXPIRES_AT, SIGNATURE_SECRET, query_of, signature
from tests.processes import Start


def title(base: str, page: str) -> str:
    query = query_of(
        resource_url=page, workspace="1", user=ALICE.id, task="7", expires_at=EXPIRES_AT
    )
    proof = {"x-asana-request-signature": signature(query)}
    answer = requests.get(f"{base}/widget?{query}", headers=proof, timeout=20).json()
    return str(answer.get("metadata", answer)["title"])


def environment_of(made: World, database_url: str) -> dict[str, str]:
    base = next(iter(made.app.extensions["placard"].settings.upstreams.values()))
    given = settings_of(base, database_url=database_url, signature_secrets=SIGNATURE_SECRET)
    own = ("github_client_id", "github_client_secret")
    return {
        name.upper() if name in own else f"PLACARD_{name.upper()}": value
        for name, value in given.items()
    }


@pytest.mark.parametrize("lifetime", [1, 3600], ids=["expired", "refused"])
def test_two_processes_refresh_once(
    start: Start, database_url: str, tmp_path: Path, lifetime: int
) -> None:
    with world(database_url) as made:
        made.provider.access_lifetime = lifetime
        made.browser().connect(ALICE)
        settings = environment_of(made, database_url)
        with (
            start("serve", settings=settings, cwd=tmp_path) as (_, first),
            start("serve", settings=settings, cwd=tmp_path) as (_, second),
            ThreadPoolExecutor(2) as pool,
        ):
            if lifetime == 1:
                time.sleep(1)
            made.provider.access.clear()
            made.provider.access_lifetime = 3600
            made.provider.calls.clear()

            def wait_for_both(_: Mapping[str, str]) -> None:
                """Hold the refresh until both have been refused, where they are asked at all."""
                for _try in range(500):
                    if lifetime == 1 or made.upstream.asked == ["nobody"] * 2:
                        break
                    time.sleep(0.01)
                time.sleep(0.3)

            made.provider.before_token = wait_for_both
            pages = {first: PAGE, second: PAGE.replace("/1", "/2")}
            asked = [pool.submit(title, base, page) for base, page in pages.items()]
            assert [each.result(30) for each in asked] == [
                f"storefront {number} as monalisa" for number in (1, 2)
            ]
        assert made.provider.calls == ["refresh_token"]
        (connection,) = made.people.connections.listed()
        assert (connection.version, connection.has_ended) == (2, False)
