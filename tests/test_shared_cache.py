"""The shared cache in production: real processes, a real Redis, and its loss in the middle."""

import itertools
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.processes import BIN, ROOT, SOUND, Service, ask, environment, running, stop
from tests.redis_server import RedisServer, RunRedis
from tests.standin import StandIn, standing_in

PASSWORD = "hunter2-of-redis"
SHARED = ["Placard; fwd=miss; collapsed; ttl=59", "Placard; hit; ttl=59"]


@pytest.fixture
def redis_server(tmp_path: Path, run_redis: RunRedis) -> Iterator[RedisServer]:
    with run_redis(tmp_path, PASSWORD) as server:
        yield server


@contextmanager
def services(
    redis_server: RedisServer, stand_in: StandIn, count: int = 2
) -> Iterator[list[tuple[Service, str]]]:
    """Run services that share nothing but Redis."""
    settings = SOUND | stand_in.settings | {"PLACARD_CACHE_URL": redis_server.url}
    with ExitStack() as stack:
        serve = ["serve", "--threads", "16"]
        yield [stack.enter_context(running(*serve, settings=settings)) for _ in range(count)]


def test_processes_share_one_call_and_what_came_of_it(redis_server: RedisServer) -> None:
    calls, told = [], []
    with (
        standing_in(delay=0.5) as slow,
        services(redis_server, slow) as (first, second),
        ThreadPoolExecutor(1) as pool,
    ):
        # On a busy machine Redis may seem slow, and be left alone; not each time.
        for number in range(1, 9):
            issue = f"https://github.com/pallets/flask/issues/{number}"
            before = len(slow.asked)
            slow.arrived.clear()
            leading = pool.submit(ask, first[1], issue)
            assert slow.arrived.wait(10)
            waiting, later = ask(second[1], issue), ask(second[1], issue)
            assert waiting.content == later.content == leading.result().content
            calls.append(len(slow.asked) - before)
            told.append([answer.headers["Cache-Status"] for answer in (waiting, later)])
            if (calls[-1], told[-1]) == (1, SHARED):
                return
    pytest.fail(f"no call was shared: {calls}, {told}")


def test_the_loss_of_redis_in_the_middle_of_load_loses_no_answer(
    redis_server: RedisServer,
) -> None:
    numbers = itertools.count(1)

    def ask_for_some(base: str) -> requests.Response:
        number = next(numbers)
        if number == 100:
            redis_server.kill()
        if number == 250:
            redis_server.start()
        return ask(base, f"https://github.com/pallets/flask/issues/{number % 30 + 1}")

    with (
        standing_in() as stand_in,
        services(redis_server, stand_in) as (first, second),
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(ask_for_some, [first[1], second[1]] * 200))
        told = [requests.get(f"{base}/metrics", timeout=5).text for _, base in (first, second)]
    assert [answer.status_code for answer in answers] == [200] * 400
    assert any("placard_cache_failures_total{" in text for text in told)


def test_the_password_is_in_no_log_and_no_listing(redis_server: RedisServer) -> None:
    with standing_in() as stand_in, services(redis_server, stand_in, 1) as [(process, base)]:
        assert ask(base).status_code == 200
        redis_server.kill()
        assert ask(base, "https://github.com/pallets/flask/issues/2").status_code == 200
        stop(process)
        written = process.logged()
    assert "cache_unavailable" in written
    listed = subprocess.run(
        [BIN / "placard", "settings"],
        env=environment(**SOUND, PLACARD_CACHE_URL=redis_server.url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert f"redis://:********@127.0.0.1:{redis_server.port}/0" in "".join(listed.stdout.split())
    assert PASSWORD not in written + listed.stdout + listed.stderr
