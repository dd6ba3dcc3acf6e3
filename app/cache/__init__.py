"""Keeps answers for a while, so that not every request calls an upstream.

    cache.py          the lookup: fresh, stale while it is refreshed, or made once for all
    freshness.py      the policy: how long an entry is fresh, stale, or answers for a failure
    entry.py          what is stored, and what a fetch returns
    lookup.py         the result of a lookup, and its header `Cache-Status`
    conditional.py    conditional requests: validators and 304
    single_flight.py  one thread makes an entry, the others wait
    leases.py         the same among processes
    background.py     the threads that refresh stale entries
    backend.py        the contract of a backend; memory_backend.py, redis_backend.py
    redis_servers.py  one server, Sentinels or a cluster
    serializer.py     entries as JSON, for Redis; signing.py says that they are our own
    wiring.py         makes the cache, from the settings

A backend stores entries by key until they expire or are evicted, and may lose any of them at any
time. A key names the connector, the outgoing request and the identity of the credential, so that
an answer fetched with one credential is never given to another.
"""
