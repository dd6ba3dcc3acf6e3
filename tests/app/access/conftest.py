from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.access.world import World, world
from tests.host import JWT_SECRET
from tests.redis_server import RedisServer, RunRedis


@pytest.fixture
def everybody(database_url: str) -> Iterator[World]:
    """Two people and their systems, in the mode `viewer`, once on each kind of database."""
    with world(database_url) as made:
        yield made


@pytest.fixture
def all_on_sqlite(sqlite_url: str) -> Iterator[World]:
    """The same on SQLite."""
    with world(sqlite_url) as made:
        yield made


@pytest.fixture
def redis_server(
    run_redis: RunRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RedisServer]:
    """A Redis server of this test's own, which is given the time that a busy machine needs."""
    for module in ("backend", "redis_servers"):
        monkeypatch.setattr(f"app.cache.{module}.WAIT_BUDGET", 5.0)
    with run_redis(tmp_path) as server:
        yield server


def on_redis(server: RedisServer) -> dict[str, str]:
    """Return the settings by which a service shares the cache of a server."""
    return {"cache_url": server.url, "cache_secrets": JWT_SECRET}
