"""The cache with a backend in memory and the test's clock: phases, single flight, failures."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from app.cache.cache import REFRESH_THREADS, REFRESHES_WAITING, Cache
from app.cache.entry import CARD, Entry, FetchResult
from app.cache.freshness import FAILURE_SHARES, LONGEST_RENEWAL, CachePolicy, phase_of
from app.cache.lookup import CacheLookup
from app.cache.memory_backend import MemoryBackend
from app.errors import tree
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.verdict import LONGEST_WAIT, retry_after
from tests.app.cache.entries import BODY, DOWN, FETCHED, MISSING, NOW, UNREADABLE, card, times
from tests.clock import Clock
from tests.waiting import PATIENCE

POLICY = CachePolicy(ttl=60, failure_ttl=10, stale=100, stale_if_error=1000)
NEWER = FetchResult(CARD, b'{"newer":true}')


class Upstream:
    """The `make` of the tests: returns what a test sets, and records its calls."""

    def __init__(self, answer: FetchResult = FETCHED) -> None:
        self.answer = answer
        self.calls: list[Entry | None] = []
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def __call__(self, previous: Entry | None) -> FetchResult:
        self.calls.append(previous)
        self.reached.set()
        assert self.open.wait(PATIENCE)
        return self.answer


class Refreshes:
    """The results of the background refreshes."""

    def __init__(self) -> None:
        self.results: list[str] = []
        self._ended = threading.Semaphore(0)

    def __call__(self, result: str) -> None:
        self.results.append(result)
        self._ended.release()

    def wait(self) -> str:
        assert self._ended.acquire(timeout=PATIENCE)
        return self.results[-1]


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def refreshes() -> Refreshes:
    return Refreshes()


@pytest.fixture
def backend(clock: Clock) -> MemoryBackend:
    return MemoryBackend(1 << 20, clock)


@pytest.fixture
def cache(backend: MemoryBackend, clock: Clock, refreshes: Refreshes) -> Cache:
    return Cache(
        backend, POLICY, patience=5, limit=ConcurrencyLimit(8), on_refresh=refreshes, clock=clock
    )


def body_and_result(lookup: CacheLookup) -> tuple[bytes, str]:
    return lookup.entry.body, lookup.result


def test_a_fresh_entry_is_a_hit_without_a_call(
    cache: Cache, upstream: Upstream, clock: Clock
) -> None:
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "miss")
    clock.now += 59.9
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "hit")
    assert upstream.calls == [None]


def test_fresh_returns_only_fresh_entries(cache: Cache, upstream: Upstream, clock: Clock) -> None:
    assert cache.fresh("key") is None
    cache.look_up("key", upstream)
    lookup = cache.fresh("key")
    assert lookup is not None
    assert lookup.cache_status() == "Placard; hit; ttl=60"
    clock.now += 60
    assert cache.fresh("key") is None
    assert len(upstream.calls) == 1


def test_a_stale_card_is_answered_at_once_and_refreshed_in_the_background(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes
) -> None:
    cache.look_up("key", upstream)
    clock.now += 75
    upstream.answer = NEWER
    upstream.open.clear()
    lookup = cache.look_up("key", upstream)
    assert body_and_result(lookup) == (BODY, "stale")
    assert lookup.cache_status() == "Placard; hit; ttl=-15; detail=stale-while-revalidate"
    for _ in range(5):
        assert body_and_result(cache.look_up("key", upstream)) == (BODY, "stale")
    upstream.open.set()
    assert refreshes.wait() == "replaced"
    assert body_and_result(cache.look_up("key", upstream)) == (NEWER.body, "hit")
    assert len(upstream.calls) == 2


def test_after_its_stale_time_a_card_is_made_anew_before_the_answer(
    cache: Cache, upstream: Upstream, clock: Clock
) -> None:
    cache.look_up("key", upstream)
    clock.now += 160
    upstream.answer = NEWER
    lookup = cache.look_up("key", upstream)
    assert body_and_result(lookup) == (NEWER.body, "miss")
    assert lookup.cache_status() == "Placard; fwd=stale; ttl=60"


def test_a_304_renews_the_card(cache: Cache, upstream: Upstream, clock: Clock) -> None:
    first = cache.look_up("key", upstream).entry
    clock.now += 500
    upstream.answer = FetchResult(CARD, first.body, validator=first.validator, renewed=True)
    lookup = cache.look_up("key", upstream)
    assert body_and_result(lookup) == (BODY, "renewed")
    assert lookup.cache_status() == "Placard; fwd=stale; fwd-status=304; ttl=60"
    assert upstream.calls == [None, first]
    assert (lookup.entry.times.made_at, lookup.entry.times.mapped_at) == (NOW + 500, NOW)
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "hit")


def test_a_body_is_made_anew_after_the_longest_renewal(
    cache: Cache, upstream: Upstream, clock: Clock
) -> None:
    cache.look_up("key", upstream)
    upstream.answer = FetchResult(CARD, BODY, validator=FETCHED.validator, renewed=True)
    for _ in range(4):
        clock.now += LONGEST_RENEWAL / 4
        cache.look_up("key", upstream)
    assert [previous is None for previous in upstream.calls] == [True, False, False, False, True]


def test_a_stale_card_is_answered_while_the_upstream_is_down(
    cache: Cache, upstream: Upstream, clock: Clock
) -> None:
    cache.look_up("key", upstream)
    clock.now += 160
    upstream.answer = DOWN
    lookup = cache.look_up("key", upstream)
    assert body_and_result(lookup) == (BODY, "stale")
    assert lookup.cache_status() == "Placard; fwd=stale; ttl=-100; detail=upstream_failed"
    # The upstream is called again only when the failure has expired.
    clock.now += 4.9
    lookup = cache.look_up("key", upstream)
    assert lookup.cache_status() == "Placard; hit; ttl=-105; detail=upstream_failed"
    assert len(upstream.calls) == 2
    clock.now += 0.1
    cache.look_up("key", upstream)
    assert len(upstream.calls) == 3


def test_a_card_is_answered_in_place_of_a_failure_only_until_its_error_time(
    cache: Cache, upstream: Upstream, clock: Clock
) -> None:
    cache.look_up("key", upstream)
    upstream.answer = DOWN
    clock.now += 1059.9
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "stale")
    clock.now += 0.1
    assert body_and_result(cache.look_up("key", upstream)) == (DOWN.body, "miss")


def test_no_card_is_answered_in_place_of_a_failure_if_the_setting_is_0(
    backend: MemoryBackend, clock: Clock, upstream: Upstream
) -> None:
    strict = Cache(
        backend,
        CachePolicy(60, 10),
        patience=5,
        limit=ConcurrencyLimit(8),
        on_refresh=pytest.fail,
        clock=clock,
    )
    strict.look_up("key", upstream)
    clock.now += 60
    upstream.answer = DOWN
    assert body_and_result(strict.look_up("key", upstream)) == (DOWN.body, "miss")


def test_a_transient_failure_of_a_background_refresh_keeps_the_card(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes
) -> None:
    cache.look_up("key", upstream)
    clock.now += 75
    upstream.answer = DOWN
    cache.look_up("key", upstream)
    assert refreshes.wait() == "failed"
    lookup = cache.look_up("key", upstream)
    assert body_and_result(lookup) == (BODY, "stale")
    assert len(upstream.calls) == 2
    clock.now += 5
    upstream.answer = NEWER
    cache.look_up("key", upstream)
    assert refreshes.wait() == "replaced"
    assert body_and_result(cache.look_up("key", upstream)) == (NEWER.body, "hit")


@pytest.mark.parametrize("waited", [75, 160], ids=["in the background", "in the request"])
def test_a_definitive_failure_replaces_the_card_and_a_later_one_does_not_restore_it(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes, waited: int
) -> None:
    cache.look_up("key", upstream)
    clock.now += waited
    upstream.answer = MISSING
    if body_and_result(cache.look_up("key", upstream)) == (BODY, "stale"):
        assert refreshes.wait() == "replaced"
    assert cache.look_up("key", upstream).entry.outcome == "resource_missing"
    clock.now += 11
    upstream.answer = DOWN
    assert cache.look_up("key", upstream).entry.outcome == "upstream_failed"


def test_any_other_failure_keeps_the_card_for_its_stale_time_and_is_answered_after_it(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes
) -> None:
    cache.look_up("key", upstream)
    upstream.answer = UNREADABLE
    clock.now += 75
    cache.look_up("key", upstream)
    assert refreshes.wait() == "failed"
    clock.now += 9.9
    lookup = cache.look_up("key", upstream)
    assert body_and_result(lookup) == (BODY, "stale")
    assert lookup.cache_status() == "Placard; hit; ttl=-25; detail=upstream_unreadable"
    assert len(upstream.calls) == 2
    clock.now += 70
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "stale")
    assert refreshes.wait() == "failed"
    # The next call waits ten seconds, but not past the stale time.
    clock.now += 5.2
    assert cache.look_up("key", upstream).entry.outcome == "upstream_unreadable"
    assert len(upstream.calls) == 4


def test_a_failure_does_not_restore_what_another_process_has_replaced(
    cache: Cache, backend: MemoryBackend, upstream: Upstream, clock: Clock
) -> None:
    cache.look_up("key", upstream)
    clock.now += 160
    gone = POLICY.entry(MISSING, clock.now, None)

    def lose_the_lease(_: Entry | None) -> FetchResult:
        backend.put("key", gone, 10)
        return DOWN

    cache.look_up("key", lose_the_lease)
    assert backend.get("key") == gone


def test_a_request_may_refresh_a_fresh_entry(cache: Cache, upstream: Upstream) -> None:
    cache.look_up("key", upstream)
    upstream.answer = NEWER
    lookup = cache.look_up("key", upstream, refresh=True)
    assert body_and_result(lookup) == (NEWER.body, "miss")
    assert lookup.cache_status() == "Placard; fwd=request; ttl=60"


def test_the_ttl_of_a_connector_overrides_the_setting(
    cache: Cache, upstream: Upstream, clock: Clock
) -> None:
    upstream.answer = FetchResult(CARD, BODY, ttl=5)
    cache.look_up("key", upstream)
    clock.now += 5
    assert cache.look_up("key", upstream).result == "stale"


def test_an_entry_made_with_a_ttl_of_0_is_not_called_stale(
    cache: Cache, upstream: Upstream
) -> None:
    upstream.answer = FetchResult(CARD, BODY, ttl=0.0)
    assert cache.look_up("key", upstream).cache_status() == "Placard; fwd=miss; ttl=0"


@pytest.mark.parametrize(
    ("code", "wait", "seconds"),
    [
        ("resource_missing", "", 10),
        ("upstream_refused", "", 10),
        ("upstream_timeout", "", 5),
        ("upstream_unreachable", "", 5),
        ("upstream_failed", "", 5),
        ("upstream_failed", "120", 5),
        ("upstream_unreadable", "", 10),
        ("upstream_rate_limited", "", 10),
        ("upstream_rate_limited", "120", 120),
        ("upstream_rate_limited", "0", 1),
        ("upstream_rate_limited", "99999", LONGEST_WAIT),
        ("upstream_rate_limited", "soon", 10),
        ("upstream_rate_limited", "Fri, 15 Jan 2027 08:02:00 GMT", 120),
        ("upstream_rate_limited", "Fri, 15 Jan 2027 08:02:00 -0000", 120),
        ("upstream_rate_limited", " 120 ", 120),
        ("upstream_rate_limited", "Fri, 15 Jan 2027 07:00:00 GMT", 1),
    ],
)
def test_each_kind_of_failure_is_kept_for_its_own_time(
    monkeypatch: pytest.MonkeyPatch, code: str, wait: str, seconds: float
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    result = FetchResult(code, b"", wait=retry_after(wait, NOW))
    assert POLICY.entry(result, NOW, None).times.keep_until == NOW + seconds


def test_every_code_of_the_shares_is_an_error() -> None:
    assert set(FAILURE_SHARES) <= {kind.code for kind in tree()}


@given(st.text() | st.integers().map(str))
def test_any_retry_after_is_parsed_or_ignored(text: str) -> None:
    seconds = retry_after(text, NOW)
    assert seconds is None or isinstance(seconds, float)


SECONDS = st.integers(0, 10_000)


@given(SECONDS, SECONDS, SECONDS, st.integers(-10_000, 40_000))
def test_no_card_is_answered_outside_its_times(
    ttl: int, stale: int, error: int, later: int
) -> None:
    policy = CachePolicy(ttl, 10, stale, error)
    phase = phase_of(policy.entry(FETCHED, NOW, None), NOW + later)
    assert (phase == "gone") == (later >= ttl + max(stale, error) or later < -5)
    if phase == "stale":
        assert ttl <= later < ttl + stale
    if phase == "old":
        assert ttl + stale <= later < ttl + error


def test_an_entry_from_the_future_is_not_trusted(
    cache: Cache, backend: MemoryBackend, upstream: Upstream
) -> None:
    backend.put("key", card(b"{}", times=times(made_at=NOW + 3600)), 7200)
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "miss")


def test_a_hundred_concurrent_misses_make_one_entry(cache: Cache, upstream: Upstream) -> None:
    gate = threading.Barrier(100)
    upstream.open.clear()

    def ask() -> str:
        gate.wait(PATIENCE)
        return cache.look_up("key", upstream).result

    with ThreadPoolExecutor(100) as pool:
        answers = [pool.submit(ask) for _ in range(100)]
        assert upstream.reached.wait(PATIENCE)
        threading.Timer(0.2, upstream.open.set).start()
        results = [answer.result() for answer in answers]
    assert len(upstream.calls) == 1
    assert results.count("miss") == 1
    assert set(results) <= {"miss", "shared", "hit"}


def together(
    cache: Cache, leader: Callable[[Entry | None], FetchResult], upstream: Upstream
) -> list[Future[CacheLookup]]:
    """Let one thread lead and another wait, and return the results of both."""
    upstream.open.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.look_up, "key", leader)
        assert upstream.reached.wait(PATIENCE)
        second = pool.submit(cache.look_up, "key", lambda _: NEWER)
        threading.Timer(0.1, upstream.open.set).start()
        return [first, second]


def test_a_failure_is_shared_with_those_who_wait(cache: Cache, upstream: Upstream) -> None:
    upstream.answer = DOWN
    first, second = (future.result() for future in together(cache, upstream, upstream))
    assert body_and_result(first) == (DOWN.body, "miss")
    assert second.entry == first.entry


def test_an_error_that_the_leader_raises_is_raised_for_those_who_wait(
    cache: Cache, upstream: Upstream
) -> None:
    def fail(previous: Entry | None) -> FetchResult:
        upstream(previous)
        raise RuntimeError("a bug")

    for future in together(cache, fail, upstream):
        with pytest.raises(RuntimeError, match="a bug"):
            future.result()
    assert body_and_result(cache.look_up("key", upstream)) == (BODY, "miss")


@pytest.mark.parametrize("kept", [False, True], ids=["nothing kept", "an old card kept"])
def test_a_request_waits_no_longer_than_the_patience(
    backend: MemoryBackend, clock: Clock, upstream: Upstream, *, kept: bool
) -> None:
    cache = Cache(
        backend,
        POLICY,
        patience=0.05,
        limit=ConcurrencyLimit(8),
        on_refresh=pytest.fail,
        clock=clock,
    )
    if kept:
        cache.look_up("key", upstream)
        clock.now += 160
        upstream.reached.clear()
    upstream.open.clear()
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(cache.look_up, "key", upstream)
        assert upstream.reached.wait(PATIENCE)
        if kept:
            assert body_and_result(cache.look_up("key", upstream)) == (BODY, "stale")
        else:
            with pytest.raises(TimeoutError):
                cache.look_up("key", upstream)
        upstream.open.set()
        assert leader.result().result == "miss"


def test_a_request_that_joins_late_uses_what_the_last_leader_made(clock: Clock) -> None:
    """Between a miss and the single flight, another leader may have finished."""

    class Late(MemoryBackend):
        looks = 0

        def get(self, key: str) -> Entry | None:
            self.looks += 1
            return None if self.looks == 1 else card()

    cache = Cache(
        Late(1 << 20),
        POLICY,
        patience=5,
        limit=ConcurrencyLimit(8),
        on_refresh=pytest.fail,
        clock=clock,
    )
    assert body_and_result(cache.look_up("key", lambda _: pytest.fail("called"))) == (BODY, "hit")


def test_background_refreshes_are_bounded_and_the_rest_is_dropped(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes
) -> None:
    bound = REFRESH_THREADS + REFRESHES_WAITING
    keys = [str(number) for number in range(bound + 20)]
    for key in keys:
        cache.look_up(key, upstream)
    clock.now += 75
    upstream.open.clear()
    upstream.reached.clear()
    before = threading.active_count()
    for key in keys:
        assert cache.look_up(key, upstream).result == "stale"
    assert threading.active_count() - before <= REFRESH_THREADS
    assert len(refreshes.results) >= 20
    assert set(refreshes.results) == {"dropped"}
    assert upstream.reached.wait(PATIENCE)
    # Refreshes that waited longer than the patience are dropped too.
    clock.now += 5.1
    upstream.open.set()
    for _ in range(len(keys)):
        refreshes.wait()
    assert 1 <= refreshes.results.count("replaced") <= REFRESH_THREADS
    assert refreshes.results.count("dropped") == len(keys) - refreshes.results.count("replaced")


def test_a_refresh_that_raises_is_logged_and_not_retried_at_once(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes
) -> None:
    def broken(_: Entry | None) -> FetchResult:
        raise RuntimeError("a secret of the upstream")

    cache.look_up("key", upstream)
    clock.now += 75
    with capture_logs() as log:
        assert cache.look_up("key", broken).result == "stale"
        assert refreshes.wait() == "failed"
    (line,) = log
    assert (line["event"], line["exception"]) == ("refresh_failed", "RuntimeError")
    assert re.fullmatch(r".*/test_cache\.py:\d+ broken", line["traceback"][-1])
    assert "secret" not in repr(line)
    upstream.answer = NEWER
    lookup = cache.look_up("key", upstream)
    assert lookup.cache_status() == "Placard; hit; ttl=-15; detail=internal_error"
    clock.now += 10
    assert cache.look_up("key", upstream).result == "stale"
    assert refreshes.wait() == "replaced"


def test_a_refresh_that_cannot_start_is_dropped_and_the_next_one_works(
    cache: Cache,
    upstream: Upstream,
    clock: Clock,
    refreshes: Refreshes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    cache.look_up("key", upstream)
    clock.now += 75
    with monkeypatch.context() as during:
        during.setattr(threading.Thread, "start", fail)
        assert cache.look_up("key", upstream).result == "stale"
    assert refreshes.wait() == "dropped"
    assert cache.look_up("key", upstream).result == "stale"
    assert refreshes.wait() == "replaced"


def test_an_origin_that_hangs_leaves_threads_to_refresh_others(
    cache: Cache, upstream: Upstream, clock: Clock, refreshes: Refreshes
) -> None:
    for key in "abcdx":
        cache.look_up(key, upstream)
    clock.now += 75
    hanging = Upstream()
    hanging.open.clear()
    for key in "abcd":
        assert cache.look_up(key, hanging, origin="hangs").result == "stale"
    assert cache.look_up("x", upstream, origin="other").result == "stale"
    assert refreshes.wait() == "replaced"
    assert len(hanging.calls) <= REFRESH_THREADS // 2
    hanging.open.set()
    assert [refreshes.wait() for _ in range(4)] == ["replaced"] * 4
