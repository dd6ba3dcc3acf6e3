"""Recorded cases: what an upstream was asked, what it answered, and the widget made of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import responses
from requests.structures import CaseInsensitiveDict
from werkzeug.test import TestResponse

from app import create_app
from app.connectors import connector_settings
from app.settings import load_settings
from app.upstream import recorded_body
from tests.host import JWT_SECRET, Host

FOLDER: Final = Path(__file__).parent / "recorded"
WIDGET: Final = ".widget.json"
SCRUBBED: Final = "scrubbed"  # what `placard record` writes for a credential
CREDENTIALS: Final = (
    "Authorization",
    "Circle-Token",
    "DD-API-KEY",
    "DD-APPLICATION-KEY",
    "PRIVATE-TOKEN",
)  # headers that prove

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recording:
    """One case, with the widget that stands beside it: its `status` and `body`."""

    name: str
    source: str
    resource_url: str
    exchanges: tuple[Mapping[str, Any], ...]
    widget: Mapping[str, Any]
    settings: Mapping[str, str] = field(default_factory=dict)


def case_files() -> list[Path]:
    """List the cases of all connectors, without their widgets."""
    return sorted(path for path in FOLDER.glob("*/*.json") if not path.name.endswith(WIDGET))


def read_recording(path: Path) -> Recording:
    """Read a case and its widget."""
    case = json.loads(path.read_text("utf-8"))
    return Recording(
        name=f"{path.parent.name}/{path.stem}",
        source=case["source"],
        resource_url=case["resource_url"],
        exchanges=tuple(case["exchanges"]),
        widget=json.loads(path.with_suffix(WIDGET).read_text("utf-8")),
        settings=case.get("settings", {}),
    )


def replay(recording: Recording) -> TestResponse:
    """Ask for the recorded address through the front door, with the recording as the world.

    Raises AssertionError unless exactly the recorded calls are made, in their order.
    """
    settings = load_settings(
        {"PLACARD_JWT_SECRETS": JWT_SECRET, **recording.settings}, connector_settings()
    )
    host = Host(create_app(settings).test_client())
    with responses.RequestsMock(assert_all_requests_are_fired=False) as upstream:
        for exchange in recording.exchanges:
            _register(upstream, exchange["request"], exchange["response"])
        answer = host.ask(recording.resource_url)
        made = [call.request for call in upstream.calls]
    recorded = [exchange["request"] for exchange in recording.exchanges]
    _same([(request.method, request.url) for request in made], _calls(recorded))
    for request, expected in zip(made, recorded, strict=True):
        _check_headers(request.headers, expected["headers"])
        if "body" in expected:
            _same(json.loads(request.body or "null"), expected["body"])
    return answer


def _register(
    upstream: responses.RequestsMock, request: Mapping[str, Any], response: Mapping[str, Any]
) -> None:
    headers = CaseInsensitiveDict[str](response["headers"])
    upstream.add(
        request["method"],
        request["url"],
        body=recorded_body(response),
        status=response["status"],
        content_type=headers.pop("Content-Type", None),
        headers=dict(headers),
    )


def _calls(recorded: list[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    return [(request["method"], request["url"]) for request in recorded]


def _check_headers(sent: Headers, recorded: Headers) -> None:
    """Compare what is recorded; of a scrubbed credential, that one is sent at all."""
    told = {name: value for name, value in recorded.items() if value != SCRUBBED}
    _same({name: sent.get(name) for name in told}, told)
    for name in CREDENTIALS:
        _same(name in sent, name in recorded)


def _same(made: object, recorded: object) -> None:
    assert made == recorded, f"the call was {made}, recorded is {recorded}"
