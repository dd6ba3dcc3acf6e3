"""Recorded answers in place of the network: the transport of the offline mode.

A sample is a JSON file: its source, the address of its resource, and the exchanges that answer it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from io import BytesIO
from typing import Any, Final

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from app.errors import UpstreamUnreachable

NO_SAMPLE: Final = (
    "No sample answers this address offline; `make run LIVE=1` asks the network, as does any "
    "command with PLACARD_OFFLINE=off."
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A recorded case: its name, its source, the address of its resource, and its exchanges."""

    name: str
    source: str
    resource_url: str
    exchanges: tuple[Mapping[str, Any], ...]


def bundled_samples() -> tuple[Sample, ...]:
    """Return the samples that ship with Placard, sorted by name."""
    folder = files("app") / "samples"
    samples = [
        read_sample(f"{connector.name}/{case.name.removesuffix('.json')}", case.read_text("utf-8"))
        for connector in folder.iterdir()
        if connector.is_dir()
        for case in connector.iterdir()
        if case.name.endswith(".json")
    ]
    return tuple(sorted(samples, key=lambda sample: sample.name))


def read_sample(name: str, text: str) -> Sample:
    """Parse a sample; `text` is its JSON."""
    case = json.loads(text)
    return Sample(name, case["source"], case["resource_url"], tuple(case["exchanges"]))


def recorded_body(response: Mapping[str, Any]) -> bytes:
    """Return the bytes of a recorded answer: its `body` as JSON, or its `text`."""
    text = json.dumps(response["body"]) if "body" in response else response["text"]
    return str(text).encode()


class SampleAdapter(BaseAdapter):
    """Answers requests from samples; any other request raises UpstreamUnreachable."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        super().__init__()
        self._answers = {
            _call_key(exchange["request"], exchange["request"].get("body")): exchange["response"]
            for sample in samples
            for exchange in sample.exchanges
        }

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer a request from its sample."""
        call = {"method": request.method, "url": request.url}
        body = json.loads(request.body) if request.body else None
        # A recording without a body answers any body.
        recorded = self._answers.get(_call_key(call, body)) or self._answers.get(_call_key(call))
        if recorded is None:
            raise UpstreamUnreachable("no sample answers this request", sentence=NO_SAMPLE)
        answer = HTTPResponse(
            body=BytesIO(recorded_body(recorded)),
            status=recorded["status"],
            reason=HTTPStatus(recorded["status"]).phrase,
            headers=recorded["headers"],
            preload_content=False,
        )
        return HTTPAdapter().build_response(request, answer)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _call_key(request: Mapping[str, Any], body: Any = None) -> tuple[str, str, str]:
    """Return what identifies a call; the order of the body's keys does not matter."""
    return request["method"], request["url"], json.dumps(body, sort_keys=True)
