"""The cache backend that processes and machines share: Redis, which may be slow, down or wrong.

A request waits no longer than its `wait_budget`, whatever Redis, its connection or its name
resolution do; so each command runs in a background thread. After a failure Redis is not called for
`RETRY_DELAY` seconds. What was read less than `AT_HAND` ago is not read again for a card that is
fresh: what another process has put in its place meanwhile shows that much later. Keys are hashed,
so that they show no address and no identity.
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

import redis
import structlog
from cachetools import LRUCache, TTLCache

from app.cache.backend import wait_budget
from app.cache.background import BackgroundPool
from app.cache.entry import Entry
from app.cache.memory_backend import OVERHEAD
from app.cache.serializer import VERSION, Unreadable, dump, load
from app.cache.signing import EntrySigner

THREADS: Final = 8
WAITING: Final = 64
RETRY_DELAY: Final = 1.0  # seconds
MIN_WAIT: Final = 0.002
# A timeout of a request that could wait for less than this does not mean that Redis is slow.
FAIR_WAIT: Final = 0.02
AT_HAND: Final = 1.0  # seconds
MAX_READ: Final = 8 << 20  # bytes
MAX_OUTDATED: Final = 10_000
OUTDATED_FOR: Final = 86_400.0
# The word in the names of lease keys; running processes of earlier versions use it too.
LEASE: Final = "claim"
# Only the holder of a lease may extend or release it.
_IF_HELD: Final = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call(%s) end return 0"
_RELEASE: Final = _IF_HELD % "'del',KEYS[1]"
_RENEW: Final = _IF_HELD % "'pexpire',KEYS[1],ARGV[2]"

T = TypeVar("T")


class _Unavailable(Exception):
    """Redis did not execute a command, or was not called."""


class RedisBackend:
    """Stores entries in Redis, as JSON that `signer` signs.

    `on_failure` is called with the kind of each failure: the name of its error, or `unreadable`.
    `clock` is monotonic, in seconds.
    """

    in_process: ClassVar[bool] = False

    def __init__(
        self,
        client: redis.Redis,
        signer: EntrySigner,
        on_failure: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._signer = signer
        self._on_failure = on_failure
        self._clock = clock
        self._retry_at = float("-inf")
        self._background = BackgroundPool("placard-redis", threads=THREADS, waiting=WAITING)
        self._lock = threading.Lock()
        self._read: LRUCache[str, _ReadEntry] = LRUCache(MAX_READ, getsizeof=_size)
        # When the entry was made that could not be written over an older one, by key.
        self._outdated: TTLCache[str, float] = TTLCache(MAX_OUTDATED, OUTDATED_FOR, timer=clock)

    def fault(self) -> str | None:
        """Name Redis if it does not answer now."""
        try:
            self._execute(self._redis.ping)
        except _Unavailable:
            return "redis"
        return None

    def get(self, key: str) -> Entry | None:
        """Return the entry, or None if it is unknown, expired, unreadable or lost."""
        name = _name(key)
        try:
            raw = self._execute(lambda: self._redis.get(name))
            entry = None if raw is None else self._load(key, name, raw)
        except _Unavailable:
            return None
        except Unreadable:
            self._on_failure("unreadable")
            return None
        return None if entry is None or self._is_outdated(key, entry) else entry

    def at_hand(self, key: str) -> Entry | None:
        """Return the entry, if this process has read it less than `AT_HAND` ago."""
        with self._lock:
            read = self._read.get(key)
        if read is None or self._clock() - read.at >= AT_HAND:
            return None
        return None if self._is_outdated(key, read.entry) else read.entry

    def _load(self, key: str, name: str, signed: object) -> Entry:
        """Verify and parse an entry, unless it is what was read before; raises Unreadable."""
        if not isinstance(signed, bytes):
            raise Unreadable("is not bytes")
        with self._lock:
            read = self._read.get(key)
            # Nothing which differs is taken for valid.
            if read is not None and read.signed == signed:
                read.at = self._clock()
                return read.entry
        entry = load(self._signer.verified(name, signed))
        with self._lock:
            self._read[key] = _ReadEntry(signed, entry, self._clock())
        return entry

    def put(self, key: str, entry: Entry, seconds: float) -> None:
        """Store an entry for at most `seconds`; it replaces any other of this key."""
        name, expiry = _name(key), _milliseconds(seconds)
        signed = self._signer.sign(name, dump(entry))
        with self._lock:
            self._read.pop(key, None)
        try:
            self._execute(lambda: self._redis.set(name, signed, px=expiry))
        except _Unavailable:
            with self._lock:
                self._outdated[key] = entry.times.made_at

    def delete(self, key: str) -> None:
        """Delete an entry, if there is one; if Redis fails, it expires."""
        name = _name(key)
        with self._lock:
            self._read.pop(key, None)
        with suppress(_Unavailable):
            self._execute(lambda: self._redis.delete(name))

    def drop_memory(self) -> None:
        """Drop what was read; Redis keeps its entries."""
        with self._lock:
            self._read.clear()

    def _is_outdated(self, key: str, entry: Entry) -> bool:
        """Tell whether Redis still has an entry that this process failed to replace."""
        with self._lock:
            newer_made_at: float = self._outdated.get(key, 0.0)
        return entry.times.made_at < newer_made_at

    def acquire(self, key: str, seconds: float) -> str | None:
        """Acquire the lease on a key; None while another holds it, empty if Redis fails."""
        lease, name, expiry = secrets.token_hex(16), _name(key, LEASE), _milliseconds(seconds)
        try:
            acquired = self._execute(lambda: self._redis.set(name, lease, px=expiry, nx=True))
        except _Unavailable:
            return ""
        return lease if acquired else None

    def renew(self, key: str, lease: str, seconds: float) -> None:
        """Extend a lease to `seconds` from now, if it is still held."""
        name, expiry = _name(key, LEASE), _milliseconds(seconds)
        # If Redis fails, the lease expires.
        with suppress(_Unavailable):
            self._execute(lambda: self._redis.eval(_RENEW, 1, name, lease, expiry))

    def release(self, key: str, lease: str) -> None:
        with suppress(_Unavailable):
            self._execute(lambda: self._redis.eval(_RELEASE, 1, _name(key, LEASE), lease))

    def _execute(self, command: Callable[[], Any]) -> Any:
        """Run a command within the request's wait budget; raises _Unavailable."""
        budget = wait_budget()
        if self._clock() < self._retry_at or budget.seconds < MIN_WAIT:
            raise _Unavailable
        answer: Future[Any] = Future()
        is_fair, began = budget.seconds >= FAIR_WAIT, time.perf_counter()
        try:
            if not self._background.offer(lambda: _run(answer, command)):
                raise TimeoutError
            return answer.result(timeout=budget.seconds)
        except (redis.RedisError, OSError, ValueError) as error:
            if is_fair or not isinstance(error, TimeoutError | redis.TimeoutError):
                self._note_failure(error)
            raise _Unavailable from None
        finally:
            answer.cancel()
            budget.seconds -= time.perf_counter() - began

    def _note_failure(self, error: Exception) -> None:
        kind = type(error).__name__
        self._on_failure(kind)
        # Redis did answer, with an error: a value of another type, no memory left, …
        if isinstance(error, redis.ResponseError):
            return
        if self._clock() >= self._retry_at:
            structlog.get_logger("placard").warning("cache_unavailable", kind=kind)
        self._retry_at = self._clock() + RETRY_DELAY


def _run(answer: "Future[T]", command: Callable[[], T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(command())
    except Exception as error:  # noqa: BLE001 - the thread that waits raises it
        answer.set_exception(error)


@dataclass(slots=True)
class _ReadEntry:
    """An entry, the bytes that it was read of, and when these were last seen in Redis."""

    signed: bytes
    entry: Entry
    at: float


def _size(read: _ReadEntry) -> int:
    return len(read.signed) + read.entry.size + OVERHEAD


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _name(key: str, use: str = "entry") -> str:
    return f"placard:{VERSION}:{use}:{hashlib.sha256(key.encode()).hexdigest()}"
