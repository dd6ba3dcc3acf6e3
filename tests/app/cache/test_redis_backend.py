"""A Redis that is slow, down, restarted or wrong; and processes that share one."""

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from app.cache import cache as cache_module, redis_backend
from app.cache.backend import limit_waiting, wait_budget
from app.cache.cache import Cache
from app.cache.entry import Entry, FetchResult
from app.cache.freshness import CachePolicy
from app.cache.memory_backend import MemoryBackend
from app.cache.redis_backend import AT_HAND, RETRY_DELAY, RedisBackend
from app.cache.redis_servers import redis_client
from app.testing.servers import LOOPBACK
from app.upstream.concurrency import ConcurrencyLimit
from tests.app.cache.entries import BODY, CARD_ENTRY, FAILURE, FETCHED, SIGNER
from tests.app.upstream.fetching import certificate
from tests.clock import Clock
from tests.redis_server import RedisServer, RunRedis
from tests.waiting import PATIENCE

POLICY = CachePolicy(ttl=60, failure_ttl=10, stale=100, stale_if_error=1000)


@pytest.fixture
def failures() -> list[str]:
    return []


@contextmanager
def redis_backend_at(
    url: str, failures: list[str], clock: Clock | None = None
) -> Iterator[RedisBackend]:
    with redis_client(url) as client:
        yield RedisBackend(client, SIGNER, failures.append, clock or Clock())


def silent(connection: socket.socket) -> None:
    """Read everything and never answer."""
    while connection.recv(4096):
        pass


def dripping(connection: socket.socket) -> None:
    """Send an endless answer, byte by byte."""
    connection.recv(4096)
    connection.sendall(b"$1000\r\n")
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.01)


@contextmanager
def speaking(conversation: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a server that handles each connection with `conversation`."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                conversation(connection)
            except OSError:
                return

    def accept(listener: socket.socket) -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=accept, args=[listener], daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        stop.set()


def test_a_command_is_sent_once_and_not_retried(failures: list[str]) -> None:
    received: list[bytes] = []

    def hang_up(connection: socket.socket) -> None:
        received.append(connection.recv(4096))

    with speaking(hang_up) as url, redis_backend_at(url, failures) as backend:
        assert backend.get("key") is None
    assert [b"GET" in command for command in received] == [True]


def refused() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


@contextmanager
def broken_redis(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a Redis that fails in one way."""
    with ExitStack() as stack:
        if kind == "silent":
            yield stack.enter_context(speaking(silent))
        elif kind == "dripping":
            yield stack.enter_context(speaking(dripping))
        elif kind == "nameless":
            ended = threading.Event()
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [ended.wait(PATIENCE)][1:])
            yield "redis://cache.example.com/0"
            ended.set()
        else:
            yield refused()


class RecordedFuture(Future[Any]):
    """The answer of Redis; records the timeouts of those who wait for it."""

    waits: ClassVar[list[float]]

    def result(self, timeout: float | None = None) -> Any:
        self.waits.append(math.inf if timeout is None else timeout)
        return super().result(timeout)


@pytest.fixture
def waits(hurried: None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The timeout of each command, in seconds."""
    RecordedFuture.waits = []
    monkeypatch.setattr(redis_backend, "Future", RecordedFuture)
    return RecordedFuture.waits


@pytest.mark.parametrize("kind", ["refused", "silent", "dripping", "nameless"])
def test_a_request_waits_for_redis_less_than_50_ms_in_total(
    waits: list[float], monkeypatch: pytest.MonkeyPatch, failures: list[str], kind: str
) -> None:
    with broken_redis(kind, monkeypatch) as url, redis_backend_at(url, failures) as backend:
        cache = Cache(
            backend, POLICY, patience=5, limit=ConcurrencyLimit(8), on_refresh=pytest.fail
        )
        assert cache.look_up("key", lambda _: FETCHED).result == "miss"
    assert len(waits) == len(failures) == 1
    assert waits[0] < 0.05


def test_slow_commands_share_one_wait_budget(
    waits: list[float],
    redis_server: RedisServer,
    failures: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with redis_backend_at(redis_server.url, failures) as backend:
        get = backend._redis.get

        def slowly(name: str) -> object:
            time.sleep(0.025)
            return get(name)

        monkeypatch.setattr(backend._redis, "get", slowly)
        with limit_waiting():
            for _ in range(10):
                backend.get("key")
    # The second command has what the first one left.
    assert 1 <= len(waits) <= 2
    assert waits[0] < 0.05
    assert sum(waits[1:]) < 0.025


@pytest.mark.parametrize(("seconds", "kinds"), [(0.01, []), (0.03, ["TimeoutError"])])
def test_only_a_fair_timeout_counts_as_a_failure_of_redis(
    failures: list[str], seconds: float, kinds: list[str]
) -> None:
    with speaking(silent) as url, redis_backend_at(url, failures) as backend:
        with limit_waiting(seconds):
            assert backend.get("key") is None
        assert (backend._retry_at > float("-inf")) == bool(kinds)
    assert failures == kinds


def test_after_a_failure_redis_is_not_called_for_a_while(
    own_server: RedisServer, failures: list[str], clock: Clock
) -> None:
    with redis_backend_at(own_server.url, failures, clock) as backend:
        backend.put("key", CARD_ENTRY, 60)
        own_server.kill()
        for _ in range(5):
            assert backend.get("key") is None
        assert len(failures) == 1
        own_server.start()
        assert backend.get("key") is None
        clock.now += RETRY_DELAY
        backend.put("key", FAILURE, 60)
        assert backend.get("key") == FAILURE
    assert len(failures) == 1


def test_an_entry_that_could_not_be_replaced_is_not_returned(
    redis_server: RedisServer,
    failures: list[str],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with redis_backend_at(redis_server.url, failures, clock) as backend:
        backend.put("key", CARD_ENTRY, 60)

        def fail(*_: object, **__: object) -> None:
            raise ConnectionError

        with monkeypatch.context() as during:
            during.setattr(backend._redis, "set", fail)
            backend.put("key", POLICY.entry(FETCHED, CARD_ENTRY.times.made_at + 1, None), 60)
        clock.now += RETRY_DELAY
        assert backend.get("key") is backend.at_hand("key") is None
        later = POLICY.entry(FETCHED, CARD_ENTRY.times.made_at + 2, None)
        backend.put("key", later, 60)
        assert backend.get("key") == later


def test_a_wrong_password_is_a_miss_and_appears_nowhere(
    own_server: RedisServer, failures: list[str]
) -> None:
    url = own_server.url.replace(own_server.password, "made-up-password")
    with capture_logs() as log, redis_backend_at(url, failures) as backend:
        assert backend.get("key") is None
    assert failures == ["AuthenticationError"]
    assert log == [
        {"event": "cache_unavailable", "kind": "AuthenticationError", "log_level": "warning"}
    ]
    assert "made-up-password" not in repr((backend._redis, log))


@pytest.mark.parametrize("name", [LOOPBACK, "cache.example.com"])
def test_tls_is_for_a_certificate_that_is_trusted_and_has_the_name(
    tmp_path: Path, run_redis: RunRedis, failures: list[str], name: str
) -> None:
    _, ca_bundle = certificate(tmp_path, name)
    with run_redis(tmp_path, tls=True) as server:
        for bundle, holds in ((None, False), (ca_bundle, name == LOOPBACK)):
            with redis_client(server.url, bundle) as client:
                backend = RedisBackend(client, SIGNER, failures.append, Clock())
                backend.put("key", CARD_ENTRY, 60)
                assert (backend.get("key") == CARD_ENTRY) == holds
    assert len(failures) == (1 if name == LOOPBACK else 2)


class Upstream:
    """An upstream so slow that several processes need it at once."""

    def __init__(self, delay: float = 0.3) -> None:
        self.calls = 0
        self.delay = delay
        self.reached = threading.Event()

    def __call__(self, _: Entry | None) -> FetchResult:
        self.calls += 1
        self.reached.set()
        time.sleep(self.delay)
        return FETCHED


@contextmanager
def processes(server: RedisServer, failures: list[str], count: int = 4) -> Iterator[list[Cache]]:
    """Make caches that share only Redis, as those of separate processes do."""
    with ExitStack() as stack:
        yield [
            Cache(
                stack.enter_context(redis_backend_at(server.url, failures)),
                POLICY,
                patience=2,
                limit=ConcurrencyLimit(8),
                on_refresh=pytest.fail,
            )
            for _ in range(count)
        ]


def ask_all(caches: list[Cache], upstream: Upstream, each: int = 4) -> list[bytes]:
    with ThreadPoolExecutor(len(caches) * each) as pool:
        answers = [pool.submit(cache.look_up, "key", upstream) for cache in caches * each]
        return [answer.result().entry.body for answer in answers]


def test_concurrent_misses_in_several_processes_make_one_call(
    redis_server: RedisServer, failures: list[str]
) -> None:
    upstream = Upstream()
    with processes(redis_server, failures) as caches:
        assert ask_all(caches, upstream) == [BODY] * 16
    assert upstream.calls == 1
    assert failures == []


def test_a_failure_is_shared_with_the_processes_that_wait(
    redis_server: RedisServer, failures: list[str]
) -> None:
    calls = []

    def fail(_: Entry | None) -> FetchResult:
        calls.append(1)
        time.sleep(0.2)
        return FetchResult("upstream_failed", b"GitHub answered with an error.", transient=True)

    with processes(redis_server, failures) as caches, ThreadPoolExecutor(4) as pool:
        entries = [lookup.entry for lookup in pool.map(lambda c: c.look_up("key", fail), caches)]
    assert {(entry.outcome, entry.body) for entry in entries} == {
        ("upstream_failed", b"GitHub answered with an error.")
    }
    assert len(calls) == 1


def test_after_the_leading_process_dies_those_who_wait_make_one_call(
    redis_server: RedisServer, failures: list[str]
) -> None:
    upstream = Upstream(delay=0.1)
    with processes(redis_server, failures) as caches:
        # This process acquired the lease and died.
        assert caches[0]._backend.acquire("key", 0.3)
        assert ask_all(caches, upstream) == [BODY] * 16
    assert upstream.calls == 1


def test_a_restart_of_redis_causes_at_most_one_extra_call(
    own_server: RedisServer, failures: list[str]
) -> None:
    upstream = Upstream(delay=0.6)
    with processes(own_server, failures, count=2) as caches, ThreadPoolExecutor(2) as pool:
        first = pool.submit(caches[0].look_up, "key", upstream)
        assert upstream.reached.wait(PATIENCE)
        own_server.kill()
        own_server.start()
        second = pool.submit(caches[1].look_up, "key", upstream)
        assert (first.result().entry.body, second.result().entry.body) == (BODY, BODY)
    assert upstream.calls <= 2


def test_work_that_takes_longer_than_a_lease_causes_no_extra_call(
    redis_server: RedisServer, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "LEASE_SECONDS", 0.3)
    upstream = Upstream(delay=1.2)
    with processes(redis_server, failures, count=3) as caches:
        assert ask_all(caches, upstream) == [BODY] * 12
    assert upstream.calls == 1


def test_the_wait_for_another_process_ends_after_the_patience(
    redis_server: RedisServer, failures: list[str]
) -> None:
    pauses: list[float] = []
    upstream = Upstream()
    with redis_backend_at(redis_server.url, failures) as backend:
        cache = Cache(
            backend,
            POLICY,
            patience=2,
            limit=ConcurrencyLimit(8),
            on_refresh=pytest.fail,
            pause=pauses.append,
        )
        assert backend.acquire("key", 60)
        with pytest.raises(TimeoutError):
            cache.look_up("key", upstream)
    assert 2 <= sum(pauses) < 2.2
    assert upstream.calls == 0


def test_a_lease_expires_within_a_second(redis_server: RedisServer, failures: list[str]) -> None:
    class Killed(BaseException):
        """The end of a process, in the middle."""

    def die(_: Entry | None) -> FetchResult:
        with redis_server.client() as client:
            (name,) = client.scan_iter()
            assert 0 < client.pttl(name) <= 1000
        raise Killed

    with processes(redis_server, failures, count=1) as [cache], pytest.raises(Killed):
        cache.look_up("key", die)


def test_polling_for_another_process_does_not_use_up_the_wait_budget(
    redis_server: RedisServer, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is slow, as on a busy machine; together they exceed the budget."""
    for module in ("backend", "redis_servers"):
        monkeypatch.setattr(f"app.cache.{module}.WAIT_BUDGET", 0.3)
    for _ in range(3):
        redis_server.client().flushall()
        with redis_backend_at(redis_server.url, failures) as backend:
            cache = Cache(
                backend, POLICY, patience=5, limit=ConcurrencyLimit(8), on_refresh=pytest.fail
            )
            lease = backend.acquire("key", 60)
            monkeypatch.setattr(backend, "acquire", slowly(backend.acquire))
            ended = threading.Timer(0.6, lambda: backend.put("key", card_now(), 60))
            ended.start()
            assert lease
            lookup = cache.look_up("key", lambda _: FETCHED)
            ended.join()
            if lookup.result == "shared":
                return
            backend._retry_at = 0.0
    pytest.fail("it did not wait for the other process")


def card_now() -> Entry:
    return POLICY.entry(FETCHED, time.time(), None)


def slowly(acquire: Callable[[str, float], str | None]) -> Callable[[str, float], str | None]:
    def wait_and_acquire(key: str, seconds: float) -> str | None:
        wait_budget().seconds -= 0.05
        return acquire(key, seconds)

    return wait_and_acquire


@pytest.mark.parametrize(("lease", "left"), [(None, 5.0), ("", 4.0)], ids=["held", "failing"])
def test_a_look_for_another_process_is_charged_to_the_budget_only_if_redis_fails(
    clock: Clock, lease: str | None, left: float
) -> None:
    class Slow(MemoryBackend):
        calls = 0

        def acquire(self, key: str, seconds: float) -> str | None:
            self.calls += 1
            if self.calls == 2:
                wait_budget().seconds -= 1.0
            return None if self.calls == 1 else lease if self.calls == 2 else "a lease"

    def make(_: Entry | None) -> FetchResult:
        assert wait_budget().seconds == left
        return FETCHED

    cache = Cache(
        Slow(1 << 20, clock),
        POLICY,
        patience=2,
        limit=ConcurrencyLimit(8),
        on_refresh=pytest.fail,
        clock=clock,
        pause=lambda _: None,
    )
    assert cache.look_up("key", make).result == "miss"


def test_a_request_without_a_slot_does_not_wait_for_another_process(clock: Clock) -> None:
    class Leased(MemoryBackend):
        def acquire(self, key: str, seconds: float) -> str | None:
            return None

    cache = Cache(
        Leased(1 << 20, clock),
        POLICY,
        patience=2,
        limit=ConcurrencyLimit(1),
        on_refresh=pytest.fail,
        clock=clock,
        pause=lambda _: inside(),
    )
    results: list[str] = []

    def inside() -> None:
        if not results:
            results.append("waited")
            lookup = cache.look_up("other", lambda _: FETCHED)
            results.append(lookup.result)

    with pytest.raises(TimeoutError):
        cache.look_up("key", lambda _: FETCHED)
    assert results == ["waited", "miss"]


def test_fresh_does_not_call_redis() -> None:
    failures: list[str] = []
    with redis_backend_at(refused(), failures) as backend:
        cache = Cache(
            backend, POLICY, patience=2, limit=ConcurrencyLimit(8), on_refresh=pytest.fail
        )
        assert cache.fresh("key") is None
    assert failures == []


def test_what_was_just_read_is_at_hand_for_a_second(
    redis_server: RedisServer, failures: list[str], clock: Clock
) -> None:
    newer = POLICY.entry(FETCHED, CARD_ENTRY.times.made_at + 1, None)
    with (
        redis_backend_at(redis_server.url, failures, clock) as backend,
        redis_backend_at(redis_server.url, failures) as other,
    ):
        other.put("key", CARD_ENTRY, 60)
        assert backend.at_hand("key") is None
        assert backend.get("key") == CARD_ENTRY

        other.put("key", newer, 60)
        clock.now += AT_HAND - 0.001
        assert backend.at_hand("key") == CARD_ENTRY
        clock.now += 0.001
        assert backend.at_hand("key") is None
        assert backend.get("key") == backend.at_hand("key") == newer

        backend.put("key", CARD_ENTRY, 60)
        assert backend.at_hand("key") is None
