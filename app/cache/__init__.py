"""What was answered, kept for a while: freshness, single flight, and two keepers of one contract.

A backend holds entries by key until they expire or room is short, and may lose any of them at any
time. A key names the connector, the outgoing request and the identity of the credential, so that
nothing fetched with one credential is answered for another.
"""

from app.cache.backend import CacheBackend
from app.cache.cache import Cache, Make
from app.cache.conditional import conditional, validator_of
from app.cache.entry import CARD, Entry, FetchResult, Times, Validator, etag_of
from app.cache.freshness import CachePolicy
from app.cache.lookup import Lookup, Result
from app.cache.memory_backend import OVERHEAD, MemoryBackend
from app.cache.redis_backend import RedisBackend, redis_client
from app.cache.single_flight import TooManyWaiters

__all__ = [
    "CARD",
    "OVERHEAD",
    "Cache",
    "CacheBackend",
    "CachePolicy",
    "Entry",
    "FetchResult",
    "Lookup",
    "Make",
    "MemoryBackend",
    "RedisBackend",
    "Result",
    "Times",
    "TooManyWaiters",
    "Validator",
    "conditional",
    "etag_of",
    "redis_client",
    "validator_of",
]
