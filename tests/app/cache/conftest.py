"""The clock and the Redis servers of the cache's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.cache.entries import NOW
from tests.clock import Clock
from tests.redis_server import RedisServer, RunRedis


@pytest.fixture
def hurried() -> None:
    """Ask for the wait budget of production."""


@pytest.fixture(autouse=True)
def unhurried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis the time that a busy machine needs, in tests that do not test the wait."""
    if "hurried" not in request.fixturenames:
        for module in ("backend", "redis_servers"):
            monkeypatch.setattr(f"app.cache.{module}.WAIT_BUDGET", 5.0)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, run_redis: RunRedis
) -> Iterator[RedisServer]:
    """One server for all tests that leave it as it is."""
    with run_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(shared_server: RedisServer) -> RedisServer:
    """The shared server, empty."""
    with shared_server.client() as client:
        client.flushall()
    return shared_server


@pytest.fixture
def own_server(tmp_path: Path, run_redis: RunRedis) -> Iterator[RedisServer]:
    """A server that a test may kill; it wants a password."""
    with run_redis(tmp_path, "hunter2-of-redis") as server:
        yield server
