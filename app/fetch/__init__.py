"""Everything that goes out: the one HTTP client, its guard and manners, the offline samples."""

from app.fetch.addresses import AddressGuard
from app.fetch.bulkhead import Bulkhead
from app.fetch.client import Exchange, Fetcher, Own
from app.fetch.manners import Event, Manners
from app.fetch.samples import Sample, SampleAdapter, bundled_samples, read_sample, recorded_body
from app.fetch.transport import GuardedAdapter, within

__all__ = [
    "AddressGuard",
    "Bulkhead",
    "Event",
    "Exchange",
    "Fetcher",
    "GuardedAdapter",
    "Manners",
    "Own",
    "Sample",
    "SampleAdapter",
    "bundled_samples",
    "read_sample",
    "recorded_body",
    "within",
]
