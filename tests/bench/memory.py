"""What is held while a million different resources pass: the story, with an upstream of memory."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.access import Access, AccessModes, ColdFetchBudget, Providers
from app.cache.cache import Cache
from app.cache.freshness import CachePolicy
from app.cache.memory_backend import MemoryBackend
from app.connectors import ConnectorRegistry, all_connectors
from app.resolver import Resolver
from app.telemetry.metrics import Metrics
from app.upstream.address_guard import AddressGuard
from app.upstream.client import Fetcher
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.credentials import Credentials
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from app.upstream.transport import GuardedAdapter
from app.widgets import Widgets
from tests.bench.tables import Table
from tests.conftest import settings_with
from tests.standin import ISSUE

RESOURCES = 1_000_000
LOOKS = (0, 1_000, 10_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
COLUMNS = ("resources passed", "kept, by the keeper's count", "resident memory", "more than empty")
NOTES = f"""
`PLACARD_CACHE_BYTES` as it is by default, 64 MiB; every resource is loaded, mapped, checked and
kept, only the network is left out. {RESOURCES:,} addresses, none of them twice.
"""


class _Upstream(Fetcher):
    """Answers every request with one issue, and no network."""

    def fetch(self, request: UpstreamRequest, *_: object, **__: object) -> UpstreamResponse:
        return UpstreamResponse(200, {}, json.dumps(ISSUE).encode(), request.url)


def measure() -> Table:
    """Measure in a process of its own, so that no other bench's memory counts."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory"], capture_output=True, text=True, check=True
    )
    return table_of([json.loads(line) for line in ended.stdout.splitlines()])


def table_of(looks: Sequence[Mapping[str, int]]) -> Table:
    """Write what was held at each look."""
    empty = looks[0]["resident"]
    rows = [
        [
            f"{look['passed']:,}",
            _mebibytes(look["kept"]),
            _mebibytes(look["resident"]),
            _mebibytes(look["resident"] - empty),
        ]
        for look in looks
    ]
    return Table(COLUMNS, rows, NOTES)


def main() -> None:
    """Pass the resources, and print what is held at each look."""
    settings = settings_with()
    keeper = MemoryBackend(settings.cache_bytes)
    lives = CachePolicy(ttl=3600, failure_ttl=10)
    cache = Cache(keeper, lives, patience=5, limit=ConcurrencyLimit(8), on_refresh=lambda _: None)
    guard = AddressGuard(())
    upstream = _Upstream(deadline=5, guard=guard, adapter=GuardedAdapter(guard))
    known = all_connectors(settings)
    modes = AccessModes(settings, [connector.name for connector in known])
    access = Access(modes, Credentials(), Providers())
    budget = ColdFetchBudget(settings.cold_fetches_per_minute)
    resolver = Resolver(ConnectorRegistry(known), access)
    widgets = Widgets(resolver, upstream, cache, budget, Metrics())
    for passed in range(RESOURCES + 1):
        if passed in LOOKS:
            held = {"passed": passed, "kept": keeper.bytes_kept, "resident": _resident()}
            print(json.dumps(held), flush=True)  # noqa: T201 - the process that waits reads this
        widgets.widget_for(f"https://github.com/pallets/flask/issues/{passed}")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


if __name__ == "__main__":
    main()
