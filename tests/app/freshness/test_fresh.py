"""Fresh cards are answered from the cache, and every answer says what the cache did."""

import json
from typing import Any

import pytest
import responses

from app.connectors.github import GitHub
from app.web import EXTENSION
from tests.app.freshness.answers import API, QUERY, AtTime, status
from tests.clock import Clock
from tests.host import ISSUE, Host, token
from tests.standin import ISSUE as RESOURCE


def test_every_answer_says_what_the_cache_did(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    upstream.get(API, json=RESOURCE)
    assert status(host.ask()) == "Placard; fwd=miss; ttl=60"
    clock.now += 18
    assert status(host.ask()) == "Placard; hit; ttl=42"
    assert status(host.get(QUERY, {})) == "Placard; fwd=bypass"
    assert status(host.ask("https://example.com/")) == "Placard; fwd=bypass"


def test_a_cached_failure_says_what_the_cache_did(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, status=404)
    assert [status(host.ask()) for _ in range(2)] == [
        "Placard; fwd=miss; ttl=10",
        "Placard; hit; ttl=10",
    ]


def test_a_connector_may_have_its_own_ttl(
    host: Host, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GitHub, "ttl", 7.0)
    upstream.get(API, json=RESOURCE)
    assert status(host.ask()) == "Placard; fwd=miss; ttl=7"


@pytest.mark.parametrize(("mode", "calls"), [("production", 1), ("local", 2)])
def test_a_hard_reload_refreshes_in_the_local_mode_only(
    host_at: AtTime, upstream: responses.RequestsMock, mode: str, calls: int
) -> None:
    upstream.get(API, json=RESOURCE)
    host = host_at(mode=mode, **({"offline": "off"} if mode == "local" else {}))
    host.ask()
    headers = {"Authorization": f"Bearer {token()}", "Cache-Control": "no-cache"}
    answer = host.get(QUERY, headers)
    assert answer.status_code == 200
    assert len(upstream.calls) == calls
    assert status(answer).startswith("Placard; hit" if calls == 1 else "Placard; fwd=request")


def test_a_hit_neither_builds_nor_parses_json_and_runs_no_schema(
    host: Host, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.get(API, json=RESOURCE)
    first = host.ask()
    headers = {"Authorization": f"Bearer {token()}"}

    def used(*_: object, **__: object) -> None:
        raise AssertionError("a hit did work")

    monkeypatch.setattr("app.cards.json.loads", loads_of_a_token_only)
    monkeypatch.setattr("app.cards.json.dumps", used)
    monkeypatch.setattr("marshmallow.Schema._do_load", used)
    monkeypatch.setattr("app.cache.entry.hashlib.sha256", used)
    answer = host.get(QUERY, headers)
    assert (answer.status_code, answer.data) == (200, first.data)
    assert status(answer) == "Placard; hit; ttl=60"


_loads = json.loads


def loads_of_a_token_only(text: Any, *more: Any, **options: Any) -> Any:
    """Allow PyJWT to parse its header and claims: each request is verified."""
    document = _loads(text, *more, **options)
    assert set(document) <= {"alg", "typ", "aud", "iat", "exp"}
    return document


def test_a_fresh_widget_needs_no_io(
    host: Host, upstream: responses.RequestsMock, clock: Clock
) -> None:
    widgets = host.client.application.extensions[EXTENSION].widgets
    assert widgets.fresh(ISSUE) is None
    upstream.get(API, json=RESOURCE)
    answer = host.ask()
    widget = widgets.fresh(ISSUE)
    assert (widget.body, widget.etag) == (answer.data, answer.headers["ETag"])
    clock.now += 60
    assert widgets.fresh(ISSUE) is None
    assert len(upstream.calls) == 1
