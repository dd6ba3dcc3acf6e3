"""What the freshness tests ask for, and what they read from answers."""

from collections.abc import Callable

from werkzeug.test import TestResponse

from tests.host import ISSUE, Host, query_of
from tests.waiting import wait_until

API = "https://api.github.com/repos/pallets/flask/issues/1"
QUERY = query_of(resource_url=ISSUE)
AtTime = Callable[..., Host]
DEFINITION = """
[[connector]]
name = "status-page"
label = "Status page"
hosts = ["status.example.com"]
path = "/{tenant}"
example = "https://status.example.com/a"

[connector.request]
url = "https://status.example.com/api"
headers = { X-Tenant = "{tenant}" }

[connector.card]
title = "name"
footer = { updated = "at" }

[[connector.card.fields]]
type = "pill"
name = "Status"
text = "name"
color = "'red'"
"""


def status(answer: TestResponse) -> str:
    return answer.headers["Cache-Status"]


def title(answer: TestResponse) -> str:
    return str(answer.get_json()["metadata"]["title"])


def wait_for_count(host: Host, line: str) -> None:
    """Wait for a line of the metrics: a background refresh ends some time after the answer."""
    wait_until(lambda: line in host.client.get("/metrics").text.splitlines())


def refreshed(result: str, count: int = 1) -> str:
    return f'placard_cache_refreshes_total{{result="{result}"}} {count}.0'
