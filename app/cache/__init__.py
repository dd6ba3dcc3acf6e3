"""What was answered, kept for a while: freshness, single flight, and two keepers of one contract.

A keeper holds entries by key until they expire or room is short, and may lose any of them at any
time. A key names the connector, the outgoing request and the identity of the credential, so that
nothing fetched with one credential is answered for another.
"""

from app.cache.conditional import conditional, validator_of
from app.cache.entry import CARD, Entry, Finding, Times, Validator, etag_of
from app.cache.flights import Crowded, Places
from app.cache.freshness import Lives
from app.cache.keeping import Keeper
from app.cache.lookups import Cache, Make
from app.cache.memory import OVERHEAD, MemoryKeeper
from app.cache.outcome import Lookup, Result
from app.cache.shared import RedisKeeper, redis_client

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
