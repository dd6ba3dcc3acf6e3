"""The backend that processes and machines share: Redis, which may be slow, down or wrong.

A request waits for it at most as long as `keeping.wait_budget` says, whatever Redis, its connection
or the resolution of its name do; so each command runs in a thread of its own. After a failure Redis
is left alone for a moment. Keys are hashed: no address and no identity can be read there.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

import certifi
import redis
import structlog
from cachetools import LRUCache, TTLCache
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from app.cache.backend import WAIT_BUDGET, wait_budget
from app.cache.background import BackgroundPool
from app.cache.entry import Entry
from app.cache.memory_backend import OVERHEAD
from app.cache.serializer import VERSION, Unreadable, dump, load

THREADS: Final = 8
WAITING: Final = 64
# In seconds. A connection may take longer than any one request waits for it: the next has it.
CONNECTING: Final = 0.5
LEFT_ALONE: Final = 1.0
SHORTEST_LOOK: Final = 0.002
# Who had less than this says nothing about Redis by its being late.
FAIR_TIME: Final = 0.02
MOST_READ: Final = 8 << 20  # bytes
MOST_FORGOTTEN: Final = 10_000
FORGOTTEN_FOR: Final = 86_400.0
# Only who holds a claim keeps it or gives it back.
_IF_HELD: Final = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call(%s) end return 0"
_RELEASE: Final = _IF_HELD % "'del',KEYS[1]"
_HOLD: Final = _IF_HELD % "'pexpire',KEYS[1],ARGV[2]"

T = TypeVar("T")


class _InTrouble(Exception):
    """Redis did not do what it was asked to, or was not asked."""


def redis_client(url: str, ca_bundle: str | None = None) -> redis.Redis:
    """Make a client that asks once and is soon done waiting; it connects when it is first used."""
    tls = {"ssl_ca_certs": ca_bundle or certifi.where()} if url.startswith("rediss:") else {}
    return redis.Redis.from_url(
        url,
        socket_timeout=WAIT_BUDGET,
        socket_connect_timeout=CONNECTING,
        retry=Retry(NoBackoff(), 0),
        # Nothing is said on a new connection but who we are and which database.
        protocol=2,
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        **tls,
    )


class RedisBackend:
    """Keeps entries in Redis, as JSON.

    `on_failure` is told the kind of each failure, in a word. `clock` is monotonic, in seconds.
    """

    instant: ClassVar[bool] = False

    def __init__(
        self,
        client: redis.Redis,
        on_failure: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._on_failure = on_failure
        self._clock = clock
        self._ask_again_at = float("-inf")
        self._background = BackgroundPool("placard-redis", threads=THREADS, waiting=WAITING)
        self._lock = threading.Lock()
        # By all of their bytes: nothing is taken for what it is not.
        self._read: LRUCache[bytes, _Read] = LRUCache(MOST_READ, getsizeof=_size)
        self._forgotten: TTLCache[str, float] = TTLCache(MOST_FORGOTTEN, FORGOTTEN_FOR, timer=clock)

    def get(self, key: str) -> Entry | None:
        """Return the entry, unless it is unknown, expired, unreadable or lost."""
        try:
            raw = self._ask(lambda: self._redis.get(_name(key)))
            entry = None if raw is None else self._load(raw)
        except _InTrouble:
            return None
        except Unreadable:
            self._on_failure("unreadable")
            return None
        return None if entry is None or self._is_forgotten(key, entry) else entry

    def _load(self, raw: object) -> Entry:
        """Read an entry, unless the same bytes were read before; raises Unreadable."""
        if not isinstance(raw, bytes):
            raise Unreadable("no bytes")
        with self._lock:
            known = self._read.get(raw)
        if known is not None:
            return known.entry
        entry = load(raw)
        with self._lock:
            self._read[raw] = _Read(entry, len(raw) + entry.size + OVERHEAD)
        return entry

    def put(self, key: str, entry: Entry, life: float) -> None:
        """Keep an entry for at most `life` seconds, in place of any other of this key."""
        try:
            self._ask(lambda: self._redis.set(_name(key), dump(entry), px=_milliseconds(life)))
        except _InTrouble:
            with self._lock:
                self._forgotten[key] = entry.times.made_at

    def _is_forgotten(self, key: str, entry: Entry) -> bool:
        """Tell an entry that Redis still holds only because it could not be told otherwise."""
        with self._lock:
            since: float = self._forgotten.get(key, 0.0)
        return entry.times.made_at < since

    def claim(self, key: str, life: float) -> str | None:
        """Claim the making of an entry; whoever holds a claim too long loses it."""
        claim = secrets.token_hex(16)
        try:
            held = self._ask(
                lambda: self._redis.set(_name(key, "claim"), claim, px=_milliseconds(life), nx=True)
            )
        except _InTrouble:
            return ""
        return claim if held else None

    def hold(self, key: str, claim: str, life: float) -> None:
        """Hold a claim for `life` seconds more, if it is still held."""
        name, more = _name(key, "claim"), _milliseconds(life)
        # In trouble, it ends by itself.
        with suppress(_InTrouble):
            self._ask(lambda: self._redis.eval(_HOLD, 1, name, claim, more))

    def release(self, key: str, claim: str) -> None:
        """Give a claim back, if it is still held."""
        with suppress(_InTrouble):
            self._ask(lambda: self._redis.eval(_RELEASE, 1, _name(key, "claim"), claim))

    def _ask(self, command: Callable[[], Any]) -> Any:
        """Run a command within what the request has left; raises _InTrouble."""
        left = wait_budget()
        if self._clock() < self._ask_again_at or left.seconds < SHORTEST_LOOK:
            raise _InTrouble
        answer: Future[Any] = Future()
        fair, began = left.seconds >= FAIR_TIME, time.perf_counter()
        try:
            if not self._background.offer(lambda: _run(answer, command)):
                raise TimeoutError
            return answer.result(timeout=left.seconds)
        except (redis.RedisError, OSError, ValueError) as error:
            if fair or not isinstance(error, TimeoutError | redis.TimeoutError):
                self._note(error)
            raise _InTrouble from None
        finally:
            answer.cancel()
            left.seconds -= time.perf_counter() - began

    def _note(self, error: Exception) -> None:
        kind = type(error).__name__
        self._on_failure(kind)
        # An answer, if not the one that was wanted: a value of another type, no memory left, …
        if isinstance(error, redis.ResponseError):
            return
        if self._clock() >= self._ask_again_at:
            structlog.get_logger("placard").warning("cache_unavailable", kind=kind)
        self._ask_again_at = self._clock() + LEFT_ALONE


def _run(answer: "Future[T]", command: Callable[[], T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(command())
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
        answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Read:
    entry: Entry
    size: int


def _size(read: _Read) -> int:
    return read.size


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _name(key: str, use: str = "entry") -> str:
    return f"placard:{VERSION}:{use}:{hashlib.sha256(key.encode()).hexdigest()}"
