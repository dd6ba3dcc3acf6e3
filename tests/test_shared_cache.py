"""The shared cache in production: real processes, a real Redis, and its loss in the middle."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests
from click.testing import CliRunner

from app.cli import main
from tests.processes import SOUND, Service, Start, ask
from tests.redis_server import RedisServer, RunRedis
from tests.standin import StandIn, standing_in
from tests.waiting import PATIENCE

PASSWORD = "hunter2-of-redis"
SHARED = ["Placard; fwd=miss; collapsed; ttl=59", "Placard; hit; ttl=59"]
PAGE = "https://github.com/pallets/flask/issues"


@dataclass(frozen=True)
class Pair:
    """Two services that share nothing but Redis, and the upstream of both."""

    redis: RedisServer
    upstream: StandIn
    services: tuple[Service, Service]
    bases: tuple[str, str]


@pytest.fixture(scope="module")
def pair(
    start: Start, run_redis: RunRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    with ExitStack() as stack:
        redis = stack.enter_context(run_redis(tmp_path_factory.mktemp("redis"), PASSWORD))
        upstream = stack.enter_context(standing_in())
        # In the test all load is one holder's.
        ample = {"PLACARD_COLD_FETCHES_PER_MINUTE": "10000"}
        settings = SOUND | upstream.settings | {"PLACARD_CACHE_URL": redis.url} | ample
        serve = ["serve", "--threads", "16"]
        first, second = [stack.enter_context(start(*serve, settings=settings)) for _ in range(2)]
        yield Pair(redis, upstream, (first[0], second[0]), (first[1], second[1]))


def test_processes_share_one_call_and_what_came_of_it(pair: Pair) -> None:
    first, second = pair.bases
    told = []
    # On a busy machine Redis may seem slow, and be left alone; not each time.
    with ThreadPoolExecutor(1) as pool:
        for number in range(1001, 1009):
            issue = f"{PAGE}/{number}"
            pair.upstream.arrived.clear()
            pair.upstream.delay = 0.5
            leading = pool.submit(ask, first, issue)
            assert pair.upstream.arrived.wait(PATIENCE)
            waiting, later = ask(second, issue), ask(second, issue)
            pair.upstream.delay = 0
            assert waiting.content == later.content == leading.result().content
            calls = [path for path in pair.upstream.asked if path.endswith(f"/{number}")]
            told.append((len(calls), [one.headers["Cache-Status"] for one in (waiting, later)]))
            if told[-1] == (1, SHARED):
                return
    pytest.fail(f"no call was shared: {told}")


def test_the_loss_of_redis_in_the_middle_of_load_loses_no_answer(pair: Pair) -> None:
    # New ones from then on: what a process has read a moment ago it does not ask Redis for.
    numbers = [*(number % 30 + 1 for number in range(50)), *range(51, 201)]
    issues = [f"{PAGE}/{number}" for number in numbers]
    statuses = []
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(ask, pair.bases * 100, issues):
            statuses.append(answer.status_code)
            if len(statuses) == 50:
                pair.redis.kill()
            if len(statuses) == 125:
                pair.redis.start()
    told = [requests.get(f"{base}/metrics", timeout=PATIENCE).text for base in pair.bases]
    assert statuses == [200] * 200
    assert any("placard_cache_failures_total{" in text for text in told)
    written = "".join(service.logged() for service in pair.services)
    assert "cache_unavailable" in written
    assert PASSWORD not in written


def test_the_password_is_in_no_listing() -> None:
    settings = SOUND | {"PLACARD_CACHE_URL": f"redis://:{PASSWORD}@127.0.0.1:6379/0"}
    listed = CliRunner(env=settings).invoke(main, ["settings"])
    assert "redis://:********@127.0.0.1:6379/0" in "".join(listed.output.split())
    assert PASSWORD not in listed.output
