"""Two refreshes at the same time, over two processes: one call to the provider, both answered."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.app.access.world import ALICE, PAGE, World, settings_of, world
from tests.host import EXPIRES_AT, SIGNATURE_SECRET, query_of, signature
from tests.processes import Start
from tests.waiting import PATIENCE


def title(base: str, page: str) -> str:
    query = query_of(
        resource_url=page, workspace="1", user=ALICE.id, task="7", expires_at=EXPIRES_AT
    )
    proof = {"x-asana-request-signature": signature(query)}
    answer = requests.get(f"{base}/widget?{query}", headers=proof, timeout=PATIENCE).json()
    return str(answer.get("metadata", answer)["title"])


def environment_of(made: World, database_url: str) -> dict[str, str]:
    base = next(iter(made.app.extensions["placard"].settings.upstreams.values()))
    given = settings_of(base, database_url=database_url, signature_secrets=SIGNATURE_SECRET)
    own = ("github_client_id", "github_client_secret")
    return {
        name.upper() if name in own else f"PLACARD_{name.upper()}": value
        for name, value in given.items()
    }


def test_two_processes_refresh_once(start: Start, database_url: str, tmp_path: Path) -> None:
    """What has expired, and then what the system refuses."""
    with world(database_url) as made:
        made.provider.access_lifetime = 1
        made.browser().connect(ALICE)
        settings = environment_of(made, database_url)
        with (
            start("serve", settings=settings, cwd=tmp_path) as (_, first),
            start("serve", settings=settings, cwd=tmp_path) as (_, second),
            ThreadPoolExecutor(2) as pool,
        ):

            def ask_both(*numbers: int) -> None:
                made.provider.access.clear()
                made.provider.calls.clear()
                pages = [PAGE.replace("/1", f"/{number}") for number in numbers]
                titles = list(pool.map(title, (first, second), pages))
                assert titles == [f"storefront {number} as monalisa" for number in numbers]
                assert made.provider.calls == ["refresh_token"]

            time.sleep(1)  # the life of the access token
            made.provider.access_lifetime = 3600
            made.provider.before_token = lambda _: time.sleep(0.5)
            ask_both(1, 2)
            made.upstream.asked.clear()
            made.provider.before_token = lambda _: wait_for_both(made)
            ask_both(3, 4)
        (connection,) = made.people.connections.listed()
        assert (connection.version, connection.has_ended) == (3, False)


def wait_for_both(made: World) -> None:
    """Hold a refresh until both processes have been refused."""
    for _ in range(1000):
        if made.upstream.asked == ["nobody"] * 2:
            break
        time.sleep(0.01)
