"""The contract that every cache backend meets, and the tests of each backend."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from cachetools import LRUCache
from hypothesis import given, strategies as st

from app.cache.backend import CacheBackend
from app.cache.entry import Entry
from app.cache.memory_backend import OVERHEAD, MemoryBackend
from app.cache.redis_backend import RedisBackend
from app.cache.redis_servers import redis_client
from app.cache.serializer import dump, load
from app.cache.signing import EntrySigner
from app.settings import LONGEST_TIME
from tests.app.cache.entries import BODY, CARD_ENTRY, FAILURE, SECRET, SIGNER, card, times
from tests.clock import Clock
from tests.redis_server import RedisServer
from tests.waiting import PATIENCE

PassTime = Callable[[float], None]
KEY = "github\nGET\nhttps://api.github.com/repos/pallets/flask/issues/1\n\n[]\nGITHUB_TOKEN#1"


class BackendContract(ABC):
    """The tests that every backend passes."""

    @pytest.fixture
    @abstractmethod
    def backend(self, clock: Clock) -> CacheBackend:
        """Return an empty backend."""

    @pytest.fixture
    @abstractmethod
    def pass_time(self) -> PassTime:
        """Let some seconds pass for the backend."""

    def test_an_unknown_key_is_a_miss(self, backend: CacheBackend) -> None:
        assert backend.get("unknown") is None

    @pytest.mark.parametrize("entry", [CARD_ENTRY, FAILURE], ids=["card", "failure"])
    def test_an_entry_is_returned_as_it_was_stored(
        self, backend: CacheBackend, entry: Entry
    ) -> None:
        backend.put("key", entry, 60)
        assert backend.get("key") == entry

    def test_an_entry_expires_after_its_own_time(
        self, backend: CacheBackend, pass_time: PassTime
    ) -> None:
        backend.put("short", CARD_ENTRY, 30)
        backend.put("long", CARD_ENTRY, 600)
        assert backend.get("short") == CARD_ENTRY
        pass_time(31)
        assert backend.get("short") is None
        assert backend.get("long") == CARD_ENTRY

    def test_a_later_entry_replaces_an_earlier_one(self, backend: CacheBackend) -> None:
        backend.put("key", CARD_ENTRY, 60)
        backend.put("key", FAILURE, 60)
        assert backend.get("key") == FAILURE

    def test_what_is_deleted_is_gone_and_nothing_else(self, backend: CacheBackend) -> None:
        for key in ("key", "other"):
            backend.put(key, CARD_ENTRY, 60)
            backend.get(key)
        for _ in range(2):
            backend.delete("key")
            assert (backend.at_hand("key"), backend.get("key")) == (None, None)
        assert backend.get("other") == CARD_ENTRY

    def test_keys_that_differ_in_the_credential_are_different_entries(
        self, backend: CacheBackend
    ) -> None:
        backend.put("github GET url alice", CARD_ENTRY, 60)
        assert backend.get("github GET url bob") is None

    def test_a_released_lease_can_be_acquired_again(self, backend: CacheBackend) -> None:
        lease = backend.acquire("key", 60)
        assert lease is not None
        backend.release("key", lease)
        assert backend.acquire("key", 60) is not None

    def test_many_threads_may_use_it_at_once(self, backend: CacheBackend) -> None:
        def use(number: int) -> Entry | None:
            backend.put(f"key {number}", card(times=times(made_at=1e9 + number)), 60)
            return backend.get(f"key {number}")

        with ThreadPoolExecutor(8) as pool:
            entries = list(pool.map(use, range(40)))
        assert [entry and entry.times.made_at for entry in entries] == [1e9 + n for n in range(40)]


class TestMemoryBackend(BackendContract):
    @pytest.fixture
    def backend(self, clock: Clock) -> CacheBackend:
        return MemoryBackend(1 << 20, clock)

    @pytest.fixture
    def pass_time(self, clock: Clock) -> PassTime:
        def pass_time(seconds: float) -> None:
            clock.now += seconds

        return pass_time

    def test_the_least_recently_used_entry_is_evicted_first(self) -> None:
        entry = card(b"x" * 100)
        backend = MemoryBackend(3 * (OVERHEAD + entry.size + 1))
        for key in "abc":
            backend.put(key, entry, 60)
        backend.get("a")
        backend.put("d", entry, 60)
        assert [key for key in "abcd" if backend.get(key)] == ["a", "c", "d"]

    def test_an_entry_larger_than_the_backend_is_not_stored_and_removes_the_one_it_replaces(
        self,
    ) -> None:
        backend = MemoryBackend(4000)
        backend.put("small", CARD_ENTRY, 60)
        backend.put("large", FAILURE, 60)
        backend.put("large", card(b"x" * 4000), 60)
        assert backend.get("large") is None
        assert backend.get("small") == CARD_ENTRY

    @given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5000)), max_size=60))
    def test_the_entries_never_take_more_bytes_than_the_bound(
        self, puts: list[tuple[int, int]]
    ) -> None:
        backend = MemoryBackend(10_000)
        for key, size in puts:
            backend.put(str(key), card(b"x" * size), 60)
            assert backend.bytes_kept <= 10_000


class TestRedisBackend(BackendContract):
    @pytest.fixture
    def failures(self) -> list[str]:
        return []

    @pytest.fixture
    def backend(self, redis_server: RedisServer, failures: list[str]) -> Iterator[RedisBackend]:
        with redis_client(redis_server.url) as client:
            yield RedisBackend(client, SIGNER, failures.append)

    @pytest.fixture
    def inside(self, redis_server: RedisServer) -> Iterator[redis.Redis]:
        with redis_server.client() as client:
            yield client

    @pytest.fixture
    def pass_time(self, inside: redis.Redis) -> PassTime:
        """Bring the end of every key nearer, for the clock is the server's own."""

        def pass_time(seconds: float) -> None:
            for key in inside.scan_iter():
                inside.pexpire(key, max(0, inside.pttl(key) - round(seconds * 1000)))

        return pass_time

    def test_the_backend_of_another_process_returns_the_entry(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        backend.put(KEY, CARD_ENTRY, 60)
        with redis_client(redis_server.url) as client:
            assert RedisBackend(client, SIGNER, pytest.fail).get(KEY) == CARD_ENTRY

    def test_keys_show_no_address_and_no_identity_and_all_expire(
        self, backend: RedisBackend, inside: redis.Redis
    ) -> None:
        backend.put(KEY, CARD_ENTRY, 60)
        backend.acquire(KEY, 60)
        keys = [key.decode() for key in inside.scan_iter()]
        assert len(keys) == 2
        assert all(key.startswith("placard:2:") for key in keys)
        assert not any(word in key for key in keys for word in ("github", "flask", "TOKEN"))
        assert all(0 < inside.pttl(key) <= 60_000 for key in keys)

    def test_a_key_has_one_lease_until_it_expires(
        self, backend: RedisBackend, pass_time: PassTime
    ) -> None:
        assert backend.acquire("key", 30)
        assert backend.acquire("key", 60) is None
        assert backend.acquire("other", 60)
        pass_time(31)
        assert backend.acquire("key", 60)

    def test_a_lease_lasts_as_long_as_it_is_renewed(
        self, backend: RedisBackend, pass_time: PassTime
    ) -> None:
        lease = backend.acquire("key", 30)
        assert lease
        backend.renew("key", lease, 600)
        backend.renew("key", "another", 0.001)
        pass_time(31)
        assert backend.acquire("key", 60) is None
        backend.release("key", lease)
        backend.renew("key", lease, 60)
        assert backend.acquire("key", 60)

    def test_an_expired_lease_does_not_release_the_next_one(
        self, backend: RedisBackend, pass_time: PassTime
    ) -> None:
        lost = backend.acquire("key", 30)
        pass_time(31)
        assert backend.acquire("key", 60)
        backend.release("key", str(lost))
        assert backend.acquire("key", 60) is None

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"garbage",
            b"\xff\xfe",
            b"[" * 10_000,
            b"null",
            b"{}",
            dump(CARD_ENTRY).replace(b'"version":2', b'"version":0'),
            dump(CARD_ENTRY).replace(b'"version":2', b'"version":"1"'),
            dump(CARD_ENTRY).replace(b"A card", b"A fake"),
            dump(CARD_ENTRY).replace(b'"outcome":"card"', b'"outcome":"cards"'),
            dump(CARD_ENTRY).replace(b"If-None-Match", b"Authorization"),
            dump(card(b'{"template":"summary_with_details_v0"}')),
            dump(card(BODY.replace(b"green", b"teal"))),
            dump(card(b"<html>")),
            dump(CARD_ENTRY) + b" " * (1 << 20),
            dump(card(times=times(ttl=LONGEST_TIME + 2))),
            dump(card(times=times(error_until=2.0**39))),
            dump(card(times=times(retry_at=2.0**39, trouble="upstream_failed"))),
        ],
        ids=range(18),
    )
    def test_what_is_not_a_valid_entry_is_a_miss(
        self, backend: RedisBackend, inside: redis.Redis, failures: list[str], raw: bytes
    ) -> None:
        backend.put(KEY, CARD_ENTRY, 60)
        (name,) = inside.scan_iter()
        inside.set(name, SIGNER.sign(name.decode(), raw))
        assert backend.get(KEY) is None
        assert failures == ["unreadable"]
        backend.put(KEY, FAILURE, 60)
        assert backend.get(KEY) == FAILURE

    def test_a_value_of_another_type_is_a_miss_and_redis_is_still_called(
        self, backend: RedisBackend, inside: redis.Redis, failures: list[str]
    ) -> None:
        backend.put(KEY, CARD_ENTRY, 60)
        (name,) = inside.scan_iter()
        inside.delete(name)
        inside.lpush(name, "x")
        assert backend.get(KEY) is None
        assert failures == ["ResponseError"]
        backend.put(KEY, FAILURE, 60)
        assert backend.get(KEY) == FAILURE

    def test_the_same_bytes_are_checked_once_and_different_bytes_again(
        self, backend: RedisBackend, inside: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backend.put(KEY, CARD_ENTRY, 60)
        assert backend.get(KEY) == CARD_ENTRY
        checked: list[bytes] = []

        def check(raw: bytes) -> Entry:
            checked.append(raw)
            return load(raw)

        monkeypatch.setattr("app.cache.redis_backend.load", check)
        assert backend.get(KEY) == CARD_ENTRY
        assert checked == []
        (name,) = inside.scan_iter()
        forged = dump(CARD_ENTRY).replace(b"A card", b"A fake")
        inside.set(name, SIGNER.sign(name.decode(), forged))
        assert backend.get(KEY) is None
        assert checked == [forged]

    def test_an_entry_that_somebody_else_wrote_or_moved_is_a_miss(
        self, backend: RedisBackend, inside: redis.Redis, failures: list[str]
    ) -> None:
        backend.put("other", CARD_ENTRY, 60)
        (other,) = inside.scan_iter()
        signed = inside.get(other)
        assert isinstance(signed, bytes)
        backend.put(KEY, FAILURE, 60)
        (name,) = set(inside.scan_iter()) - {other}
        stranger = EntrySigner(["another secret of at least 32 bytes"])
        forged = [dump(CARD_ENTRY), signed, stranger.sign(name.decode(), dump(CARD_ENTRY))]
        for raw in (*forged, signed[:31], b""):
            inside.set(name, raw)
            assert backend.get(KEY) is None
        assert failures == ["unreadable"] * 5
        assert backend.get("other") == CARD_ENTRY

    def test_an_entry_outlives_the_rotation_of_secrets(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        backend.put(KEY, CARD_ENTRY, 60)
        rotated = EntrySigner(["a new secret of at least 32 bytes", SECRET])
        with redis_client(redis_server.url) as client:
            assert RedisBackend(client, rotated, pytest.fail).get(KEY) == CARD_ENTRY

    def test_the_parsed_entries_in_memory_are_bounded(self, backend: RedisBackend) -> None:
        backend._read = LRUCache(10_000, getsizeof=backend._read.getsizeof)
        for number in range(20):
            backend.put(str(number), card(detail="x" * number), 60)
            assert backend.get(str(number)) is not None
        assert 1 <= len(backend._read) < 10

    @pytest.mark.parametrize("reply", [5, 1.5, True, "text", [b"x"], {}])
    def test_a_reply_that_is_not_bytes_is_a_miss(
        self, failures: list[str], monkeypatch: pytest.MonkeyPatch, reply: object
    ) -> None:
        with redis_client("redis://127.0.0.1/0") as client:
            monkeypatch.setattr(client, "get", lambda _: reply)
            assert RedisBackend(client, SIGNER, failures.append).get(KEY) is None
        assert failures == ["unreadable"]

    def test_concurrent_acquisitions_give_one_lease(self, backend: RedisBackend) -> None:
        gate = threading.Barrier(8)

        def acquire(_: int) -> bool:
            gate.wait(PATIENCE)
            return bool(backend.acquire("key", 60))

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(acquire, range(8))) == 1
