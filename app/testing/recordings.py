"""Recorded cases: what an upstream was asked, what it answered, and the widget made of it.

`placard record` writes them, each into a folder of its connector.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from requests.structures import CaseInsensitiveDict
from werkzeug.test import TestResponse

from app.devtools.recorder import SCRUBBED
from app.testing.cards import difference
from app.testing.extra import responses
from app.testing.host import host_with
from app.upstream.samples import recorded_body

WIDGET: Final = ".widget.json"
# What every request has, or the transport adds: no recording need tell it.
UNTOLD: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    }
)

Headers = Mapping[str, str]
NONE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Recording:
    """One case, with the widget that stands beside it: its `status` and `body`."""

    name: str
    source: str
    resource_url: str
    exchanges: tuple[Mapping[str, Any], ...]
    widget: Mapping[str, Any]
    settings: Mapping[str, str] = field(default_factory=dict)


def case_files(folder: Path) -> list[Path]:
    """List the cases in a folder and below, without their widgets."""
    return sorted(path for path in folder.rglob("*.json") if not path.name.endswith(WIDGET))


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


def replay(path: Path, settings: Mapping[str, str] = NONE) -> None:
    """Replay the cases of a folder, or one file, through the front door.

    `settings` are given beside those that a case recorded. Raises AssertionError, which tells all
    that differs: a call that is not recorded, a recorded one that is not made, another widget. So
    does a folder without a case.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    files = [path] if path.is_file() else case_files(path)
    if not files:
        raise AssertionError(f"{path}: holds no case; `placard record URL --name open` makes one")
    recordings = map(read_recording, files)
    differences = [line for each in recordings for line in _differences(each, settings)]
    if differences:
        raise AssertionError("\n".join(differences))


def replay_case(recording: Recording, settings: Mapping[str, str] = NONE) -> TestResponse:
    """Ask for the recorded address through the front door, with the recording as the world.

    Raises AssertionError unless exactly the recorded calls are made, in their order.
    """
    host = host_with({**settings, **recording.settings})
    with responses.RequestsMock(assert_all_requests_are_fired=False) as upstream:
        for exchange in recording.exchanges:
            _register(upstream, exchange["request"], exchange["response"])
        answer = host.ask(recording.resource_url)
        made = [call.request for call in upstream.calls]
    recorded = [exchange["request"] for exchange in recording.exchanges]
    _compare_calls([f"{each.method} {each.url}" for each in made], recorded)
    for request, expected in zip(made, recorded, strict=True):
        call = f"{request.method} {request.url}"
        _compare_headers(call, request.headers, expected["headers"])
        sent = json.loads(request.body or "null")
        _compare(f"{call}: another body", sent, expected.get("body"))
    return answer


def _differences(recording: Recording, settings: Mapping[str, str]) -> Iterator[str]:
    try:
        answer = replay_case(recording, settings)
    except AssertionError as error:
        yield f"{recording.name}: {error}"
        return
    made = {"status": answer.status_code, "body": answer.get_json()}
    if differs := difference(made, recording.widget):
        yield f"{recording.name}: another widget (- recorded, + made)\n{differs}"


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


def _compare_calls(made: Sequence[str], recorded: Sequence[Mapping[str, Any]]) -> None:
    expected = [f"{request['method']} {request['url']}" for request in recorded]
    extra = [f"  made, and not recorded: {call}" for call in made if call not in expected]
    unused = [f"  recorded, and not made: {call}" for call in expected if call not in made]
    in_order = [f"  made: {', '.join(made)}", f"  recorded: {', '.join(expected)}"]
    lines = [*extra, *unused] or in_order
    if list(made) != expected:
        raise AssertionError("\n".join(["other calls are made than are recorded", *lines]))


def _compare_headers(call: str, sent: Headers, recorded: Headers) -> None:
    """Compare what is recorded; of a scrubbed credential, that one is sent at all."""
    expected = {name.lower(): value for name, value in recorded.items()}
    made = {name.lower(): value for name, value in sent.items()}
    kept = {name: value for name, value in made.items() if name in expected or name not in UNTOLD}
    for name in [name for name in expected if expected[name] == SCRUBBED and name in kept]:
        kept[name] = SCRUBBED
    _compare(f"{call}: other headers", kept, expected)


def _compare(what: str, sent: Any, recorded: Any) -> None:
    if differs := difference(sent, recorded):
        raise AssertionError(f"{what} (- recorded, + sent)\n{differs}")
