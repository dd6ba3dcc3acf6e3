"""What the cache saves the upstream: many views of some resources, a few of them very popular."""

import random
import time
from collections import Counter
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import requests

from app import create_app
from tests.bench.load import widget_requests
from tests.bench.machine import need
from tests.bench.processes import upstream
from tests.bench.tables import Table
from tests.conftest import settings_with

VIEWS = 100_000
RESOURCES = 1_000
# The run of 25 s is to it as 150 s are to the 60 s that a card is fresh by default.
TTL = 10
VIEWS_A_SECOND = 4_000
COLUMNS = ("cache", "views", "upstream calls", "of these 304", "calls saved", "cards refused")
NOTES = f"""
{VIEWS:,} views of {RESOURCES:,} resources (Zipf: the n-th most popular has 1/n of the first one's
views), {VIEWS_A_SECOND:,} a second, in one process; a card is kept for {TTL} s, so that each is
asked for again and again. The upstream honours If-None-Match, and its resources do not change.
Without a cache each view is a call.
"""


def measure() -> Table:
    """Show the views to one application, and ask the upstream what it saw."""
    need("taskset")
    with upstream() as (base, stand_in):
        app = create_app(
            settings_with(
                cold_fetches_per_minute="1000000",
                verify="signature",
                cache_ttl=str(TTL),
                upstreams=stand_in["PLACARD_UPSTREAMS"],
            )
        )
        statuses = _show(app, _views())
        counts = requests.get(f"{base}/counts", timeout=10).json()
    asked, unchanged = counts["asked"], counts["unchanged"]
    refused = sum(statuses.values()) - statuses["200 OK"]
    told = [f"{asked:,}", f"{unchanged:,}", f"{1 - asked / VIEWS:.1%}", str(refused)]
    rows = [
        ["none", f"{VIEWS:,}", f"{VIEWS:,}", "0", "0.0%", "0"],
        ["as it is", f"{VIEWS:,}", *told],
    ]
    return Table(COLUMNS, rows, NOTES)


def _views() -> list[int]:
    """Choose the resources to view, the same ones each time."""
    weights = [1 / place for place in range(1, RESOURCES + 1)]
    return random.Random(1).choices(range(RESOURCES), weights, k=VIEWS)


def _show(app: Any, views: Iterable[int]) -> Counter[str]:
    """Send the views to an application, at their pace, and count the statuses."""
    pages = (f"https://github.com/pallets/flask/issues/{n + 1}" for n in range(RESOURCES))
    environs = [_environ(*made) for made in widget_requests(pages, "signature")]
    statuses: Counter[str] = Counter()

    def start_response(status: str, *_: object) -> None:
        statuses[status] += 1

    began = time.monotonic()
    for count, view in enumerate(views):
        ahead = count / VIEWS_A_SECOND - (time.monotonic() - began)
        if ahead > 0.01:
            time.sleep(ahead)
        b"".join(app(dict(environs[view]), start_response))
    return statuses


def _environ(path: str, header: str, value: str) -> dict[str, Any]:
    place, _, query = path.partition("?")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": place,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        f"HTTP_{header.upper().replace('-', '_')}": value,
    }
