"""Redis by Sentinels and as a cluster: the cache and the counters, also while a server is lost."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.cache.entry import Entry
from app.cache.redis_backend import RedisBackend
from app.cache.redis_servers import redis_client
from app.library.http.rate_limit import Limiter
from app.testing.servers import LOOPBACK
from tests.app.cache.entries import CARD_ENTRY, SIGNER
from tests.app.upstream.fetching import certificate
from tests.redis_server import RunRedis
from tests.redis_topologies import Watched, redis_cluster, wait_for, watched_redis

PASSWORD = "hunter2 of redis"
QUOTED = "hunter2%20of%20redis"


@pytest.fixture
def watched(tmp_path: Path, run_redis: RunRedis) -> Iterator[Watched]:
    with watched_redis(tmp_path) as running:
        yield running


def stored(backend: RedisBackend, key: str) -> Entry | None:
    backend.put(key, CARD_ENTRY, 60)
    return backend.get(key)


def test_the_master_that_a_sentinel_names_keeps_the_entries(watched: Watched) -> None:
    with redis_client(watched.url) as client:
        backend = RedisBackend(client, SIGNER, pytest.fail)
        assert stored(backend, "key") == CARD_ENTRY
        assert (backend.acquire("key", 60), backend.acquire("key", 60)) != (None, None)
        assert backend.fault() is None
    with watched.master.client() as inside:
        assert inside.dbsize() == 2


def test_what_was_kept_and_counted_is_there_when_the_replica_is_promoted(watched: Watched) -> None:
    first, second = (Limiter(3, watched.url) for _ in range(2))
    with redis_client(watched.url) as client:
        backend = RedisBackend(client, SIGNER, lambda _: None)
        assert stored(backend, "key") == CARD_ENTRY
        assert [first.take("one").remaining, second.take("one").remaining] == [2, 1]
        with watched.master.client() as inside:
            assert inside.wait(1, 5000) == 1
        watched.master.kill()
        # Nothing is answered wrongly meanwhile: it is a miss.
        assert backend.get("key") in (None, CARD_ENTRY)
        wait_for(lambda: backend.get("key") == CARD_ENTRY)
        assert stored(backend, "another") == CARD_ENTRY
        wait_for(lambda: first.take("two").remaining == 2 and second.take("two").remaining == 1)
        assert second.take("one").remaining == 0


def test_the_password_is_the_servers_and_is_read_as_it_was_written(
    tmp_path: Path, run_redis: RunRedis
) -> None:
    with watched_redis(tmp_path, PASSWORD) as running:
        url = running.url.replace(PASSWORD, QUOTED)
        with redis_client(url) as client:
            assert stored(RedisBackend(client, SIGNER, pytest.fail), "key") == CARD_ENTRY


@pytest.mark.parametrize("tls", [False, True])
def test_a_sentinel_may_want_a_password_of_its_own_and_tls(
    tmp_path: Path, run_redis: RunRedis, *, tls: bool
) -> None:
    _, ca_bundle = certificate(tmp_path, LOOPBACK)
    with watched_redis(tmp_path, "of-redis", "of the Sentinel", tls=tls) as running:
        for own, holds in (("of the Sentinel", True), ("another", False), (None, False)):
            with redis_client(running.url, ca_bundle, own) as client:
                backend = RedisBackend(client, SIGNER, lambda _: None)
                assert (stored(backend, "key") == CARD_ENTRY) == holds
            limiter = Limiter(1, running.url, None, ca_bundle, own)
            limiter.take("one")
        with running.master.client() as inside:
            assert len(inside.keys("*placard-library*")) == 1


def test_a_cluster_shares_the_entries_and_the_counts(tmp_path: Path, run_redis: RunRedis) -> None:
    with redis_cluster(tmp_path) as servers:
        url = servers[1].url.removesuffix("/0") + "?cluster=true"
        first, second = (Limiter(4, url) for _ in range(2))
        with closing(redis_client(url)) as client, closing(redis_client(url)) as another:
            backend = RedisBackend(client, SIGNER, pytest.fail)
            keys = [f"key {number}" for number in range(40)]
            assert [stored(backend, key) for key in keys] == [CARD_ENTRY] * 40
            other = RedisBackend(another, SIGNER, pytest.fail)
            wait_for(lambda: other.get(keys[0]) == CARD_ENTRY)
            assert [other.get(key) for key in keys] == [CARD_ENTRY] * 40
            lease = backend.acquire("key", 60)
            assert lease
            assert other.acquire("key", 60) is None
            backend.renew("key", lease, 60)
            backend.release("key", lease)
            assert other.acquire("key", 60)
        for server in servers:
            with server.client() as inside:
                assert int(inside.dbsize()) > 0
        counted = [limiter.take("one").granted for limiter in (first, second) * 3]
        assert counted == [True] * 4 + [False] * 2


def test_a_cluster_that_was_down_at_the_start_is_used_when_it_is_up(
    tmp_path: Path, run_redis: RunRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cache.redis_servers.RETRY_DELAY", 0.0)
    monkeypatch.setattr("app.cache.redis_backend.RETRY_DELAY", 0.0)
    with redis_cluster(tmp_path, servers=1) as (server,):
        server.kill()
        url = server.url.removesuffix("/0") + "?cluster=true"
        limiter = Limiter(2, url)
        with closing(redis_client(url)) as client:
            backend = RedisBackend(client, SIGNER, lambda _: None)
            assert stored(backend, "key") is None
            assert backend.fault() == "redis"
            assert [limiter.take("one").granted for _ in range(3)] == [True, True, False]
            server.start()
            wait_for(lambda: stored(backend, "key") == CARD_ENTRY)
            wait_for(lambda: limiter.take("one").remaining == 1)


def test_an_address_where_nobody_answers_costs_one_attempt_at_a_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    limiter = Limiter(2, f"redis://127.0.0.1:{port}?cluster=true")
    assert [limiter.take("one").granted for _ in range(3)] == [True, True, False]
