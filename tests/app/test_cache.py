"""The contract of a keeper, and single flight. A second keeper inherits `KeeperContract`."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, strategies as st

from app.cache import CARD, OVERHEAD, Cache, Entry, Keeper, MemoryKeeper

CARD_ENTRY = Entry(CARD, b'{"template":"summary_with_details_v0"}')
FAILURE = Entry("upstream_timeout", b"GitHub did not answer in time.")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class KeeperContract(ABC):
    """What every keeper holds to."""

    @pytest.fixture
    @abstractmethod
    def keeper(self, clock: Clock) -> Keeper:
        """Make an empty keeper that reads the clock."""

    def test_an_unknown_key_is_a_miss(self, keeper: Keeper) -> None:
        assert keeper.get("unknown") is None

    @pytest.mark.parametrize("entry", [CARD_ENTRY, FAILURE], ids=["card", "failure"])
    def test_an_entry_comes_back_as_it_was(self, keeper: Keeper, entry: Entry) -> None:
        keeper.put("key", entry, 60)
        assert keeper.get("key") == entry

    def test_an_entry_lives_for_its_own_time(self, keeper: Keeper, clock: Clock) -> None:
        keeper.put("short", CARD_ENTRY, 10)
        keeper.put("long", CARD_ENTRY, 60)
        clock.now += 9.9
        assert keeper.get("short") == CARD_ENTRY
        clock.now += 0.1
        assert keeper.get("short") is None
        assert keeper.get("long") == CARD_ENTRY

    def test_a_later_entry_replaces_an_earlier_one(self, keeper: Keeper) -> None:
        keeper.put("key", CARD_ENTRY, 60)
        keeper.put("key", FAILURE, 60)
        assert keeper.get("key") == FAILURE

    def test_keys_that_differ_in_the_credential_do_not_meet(self, keeper: Keeper) -> None:
        keeper.put("github GET url alice", CARD_ENTRY, 60)
        assert keeper.get("github GET url bob") is None


class TestMemoryKeeper(KeeperContract):
    @pytest.fixture
    def keeper(self, clock: Clock) -> Keeper:
        return MemoryKeeper(1 << 20, clock)

    def test_the_least_recently_used_goes_first(self) -> None:
        keeper = MemoryKeeper(3 * (OVERHEAD + 101))
        for key in "abc":
            keeper.put(key, Entry(CARD, b"x" * 100), 60)
        keeper.get("a")
        keeper.put("d", Entry(CARD, b"x" * 100), 60)
        assert [key for key in "abcd" if keeper.get(key)] == ["a", "c", "d"]

    def test_an_entry_that_would_fill_it_alone_is_not_kept(self) -> None:
        keeper = MemoryKeeper(2000)
        keeper.put("small", CARD_ENTRY, 60)
        keeper.put("large", Entry(CARD, b"x" * 2000), 60)
        assert keeper.get("large") is None
        assert keeper.get("small") == CARD_ENTRY

    @given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5000)), max_size=60))
    def test_it_never_holds_more_bytes_than_its_bound(self, puts: list[tuple[int, int]]) -> None:
        keeper = MemoryKeeper(10_000)
        for key, size in puts:
            keeper.put(str(key), Entry(CARD, b"x" * size), 60)
            assert keeper.bytes_kept <= 10_000


@pytest.fixture
def cache(clock: Clock) -> Cache:
    return cache_over(MemoryKeeper(1 << 20, clock))


def cache_over(keeper: Keeper, patience: float = 5) -> Cache:
    return Cache(keeper, ttl=60, failure_ttl=10, patience=patience)


def counted(entry: Entry) -> tuple[Callable[[], Entry], list[int]]:
    calls: list[int] = []

    def make() -> Entry:
        calls.append(1)
        return entry

    return make, calls


def test_a_second_look_is_a_hit(cache: Cache) -> None:
    make, calls = counted(CARD_ENTRY)
    assert cache.get_or_make("key", make) == (CARD_ENTRY, "miss")
    assert cache.get_or_make("key", make) == (CARD_ENTRY, "hit")
    assert len(calls) == 1


def test_a_failure_lives_shorter_than_a_card(cache: Cache, clock: Clock) -> None:
    make, calls = counted(FAILURE)
    cache.get_or_make("key", make)
    clock.now += 9
    assert cache.get_or_make("key", make) == (FAILURE, "hit")
    clock.now += 1
    assert cache.get_or_make("key", make) == (FAILURE, "miss")
    assert len(calls) == 2


def test_a_hundred_concurrent_misses_make_one_entry(cache: Cache) -> None:
    gate = threading.Barrier(100)
    made: list[int] = []
    release = threading.Event()

    def make() -> Entry:
        made.append(1)
        release.wait(5)
        return CARD_ENTRY

    def ask() -> str:
        gate.wait(5)
        return cache.get_or_make("key", make)[1]

    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(ask) for _ in range(100)]
        threading.Timer(0.2, release.set).start()
        results = [answer.result() for answer in asked]
    assert len(made) == 1
    assert results.count("miss") == 1
    assert set(results) <= {"miss", "shared", "hit"}


def test_what_the_leader_raises_reaches_those_who_wait(cache: Cache) -> None:
    boarded, release = threading.Event(), threading.Event()

    def fail() -> Entry:
        boarded.set()
        release.wait(5)
        raise RuntimeError("a bug")

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(cache.get_or_make, "key", fail)
        boarded.wait(5)
        waiter = pool.submit(cache.get_or_make, "key", lambda: CARD_ENTRY)
        threading.Timer(0.1, release.set).start()
        for asked in (leader, waiter):
            with pytest.raises(RuntimeError, match="a bug"):
                asked.result()
    assert cache.get_or_make("key", lambda: CARD_ENTRY) == (CARD_ENTRY, "miss")


def test_one_who_waits_has_patience_only_for_so_long(clock: Clock) -> None:
    cache = cache_over(MemoryKeeper(1 << 20, clock), patience=0.05)
    boarded, release = threading.Event(), threading.Event()

    def hang() -> Entry:
        boarded.set()
        release.wait(5)
        return CARD_ENTRY

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(cache.get_or_make, "key", hang)
        boarded.wait(5)
        with pytest.raises(TimeoutError):
            cache.get_or_make("key", lambda: CARD_ENTRY)
        release.set()
        assert leader.result() == (CARD_ENTRY, "miss")


def test_one_who_boards_late_takes_what_the_last_leader_left() -> None:
    """Between a look-up that misses and the boarding, another leader may have landed."""

    class Late(MemoryKeeper):
        looks = 0

        def get(self, key: str) -> Entry | None:
            self.looks += 1
            return None if self.looks == 1 else CARD_ENTRY

    make, calls = counted(FAILURE)
    assert cache_over(Late(1 << 20)).get_or_make("key", make) == (CARD_ENTRY, "hit")
    assert calls == []
