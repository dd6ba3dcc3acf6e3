"""Everything that goes out: the one HTTP client, its guard, and the offline samples."""

from app.fetch.addresses import AddressGuard
from app.fetch.client import Exchange, Fetcher
from app.fetch.samples import Sample, SampleAdapter, bundled_samples, read_sample, recorded_body

__all__ = [
    "AddressGuard",
    "Exchange",
    "Fetcher",
    "Sample",
    "SampleAdapter",
    "bundled_samples",
    "read_sample",
    "recorded_body",
]
