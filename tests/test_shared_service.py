"""Three services on one PostgreSQL and one Redis, as three machines: they act as one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from app.library.core.tokens import Tokens
from app.library.wiring import SCOPES
from tests.app.library.conftest import GRANT
from tests.databases import Server, migrated
from tests.host import TOKEN_SECRET
from tests.processes import SOUND, ask, running
from tests.redis_server import RunRedis
from tests.standin import StandIn, standing_in

CCM = "/api/v2/widgets/ccm_reports"
BODY = {
    "data": {
        "type": "widgets",
        "attributes": {"definition": {"title": "T", "type": "change", "requests": []}},
    }
}
LIMIT = 30


@dataclass(frozen=True)
class Three:
    """The addresses of three services, the upstream that they share, and a token."""

    bases: list[str]
    upstream: StandIn
    token: str

    def call(self, method: str, number: int, path: str = CCM, **options: Any) -> requests.Response:
        """Ask one of them as a client of the library."""
        headers = {"DD-APPLICATION-KEY": self.token}
        url = f"{self.bases[number % 3]}{path}"
        return requests.request(method, url, headers=headers, timeout=20, **options)


@pytest.fixture
def three(tmp_path: Path, run_redis: RunRedis, postgresql_server: Server) -> Iterator[Three]:
    with ExitStack() as stack:
        redis = stack.enter_context(run_redis(tmp_path))
        url = stack.enter_context(postgresql_server.database())
        upstream = stack.enter_context(standing_in(delay=1.0))
        store = migrated(url)
        token = Tokens(store, [TOKEN_SECRET], SCOPES).create(GRANT).text
        store.close()
        settings = SOUND | upstream.settings | {
            "PLACARD_CACHE_URL": redis.url,
            "PLACARD_DATABASE_URL": url,
            "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
            "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": str(LIMIT),
        }  # fmt: skip
        serve = ("serve", "--threads", "16")
        started = [stack.enter_context(running(*serve, settings=settings)) for _ in range(3)]
        yield Three([base for _, base in started], upstream, token)


def test_three_services_are_one_library_one_limit_and_one_flight(three: Three) -> None:
    made = three.call("POST", 0, json=BODY).json()["data"]["id"]
    assert [three.call("GET", number, f"{CCM}/{made}").status_code for number in range(3)] == [
        200
    ] * 3
    assert three.call("DELETE", 1, f"{CCM}/{made}").status_code == 204
    assert three.call("GET", 2, f"{CCM}/{made}").status_code == 404

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda number: three.call("GET", number).status_code, range(60)))
    # Six were asked before. On a busy machine Redis may seem slow, and one then counts by itself.
    assert LIMIT - 6 <= statuses.count(200) <= LIMIT - 6 + 3
    assert set(statuses) == {200, 429}

    with ThreadPoolExecutor(9) as pool:
        cards = list(pool.map(lambda number: ask(three.bases[number % 3]), range(9)))
    assert {card.status_code for card in cards} == {200}
    assert len({card.content for card in cards}) == 1
    assert len(three.upstream.asked) <= 2
