"""Everything that goes out: the one HTTP client, its guard and manners, the offline samples."""

from app.fetch.addresses import AddressGuard
from app.fetch.client import Exchange, Fetcher
from app.fetch.manners import PLACES, Event, Manners
from app.fetch.samples import Sample, SampleAdapter, bundled_samples, read_sample, recorded_body
from app.fetch.transport import GuardedAdapter, within

__all__ = [
    "PLACES",
    "AddressGuard",
    "Event",
    "Exchange",
    "Fetcher",
    "GuardedAdapter",
    "Manners",
    "Sample",
    "SampleAdapter",
    "bundled_samples",
    "read_sample",
    "recorded_body",
    "within",
]
