"""What was answered, kept for a while: freshness, single flight, and two keepers of one contract.

A keeper holds entries by key until they expire or room is short, and may lose any of them at any
time. A key names the connector, the outgoing request and the identity of the credential, so that
nothing fetched with one credential is answered for another.
"""

from app.cache.backend import Keeper
from app.cache.cache import Cache, Make
from app.cache.conditional import conditional, validator_of
from app.cache.entry import CARD, Entry, Finding, Times, Validator, etag_of
from app.cache.freshness import Lives
from app.cache.lookup import Lookup, Result
from app.cache.memory_backend import OVERHEAD, MemoryKeeper
from app.cache.redis_backend import RedisKeeper, redis_client
from app.cache.single_flight import Crowded, Places

__all__ = [
    "CARD",
    "OVERHEAD",
    "Cache",
    "Crowded",
    "Entry",
    "Finding",
    "Keeper",
    "Lives",
    "Lookup",
    "Make",
    "MemoryKeeper",
    "Places",
    "RedisKeeper",
    "Result",
    "Times",
    "Validator",
    "conditional",
    "etag_of",
    "redis_client",
    "validator_of",
]
