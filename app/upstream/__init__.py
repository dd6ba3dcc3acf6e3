"""Everything that goes out: the one HTTP client, its guard and manners, the offline samples."""

from app.upstream.address_guard import AddressGuard
from app.upstream.bulkhead import Bulkhead
from app.upstream.client import Exchange, Fetcher, Loopback
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.policy import Event, UpstreamPolicy
from app.upstream.samples import Sample, SampleAdapter, bundled_samples, read_sample, recorded_body
from app.upstream.transport import GuardedAdapter, within

__all__ = [
    "AddressGuard",
    "Bulkhead",
    "ConcurrencyLimit",
    "Event",
    "Exchange",
    "Fetcher",
    "GuardedAdapter",
    "Loopback",
    "Sample",
    "SampleAdapter",
    "UpstreamPolicy",
    "bundled_samples",
    "read_sample",
    "recorded_body",
    "within",
]
