"""Recorded answers in place of the network: the transport of the offline mode.

A sample is a JSON file: its title, its source, the address of its resource, and the exchanges that
answer it. A recorded case of `placard record` is one too.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from app.errors import UpstreamUnreachable

NO_SAMPLE: Final = (
    "No sample answers this address offline; `make run LIVE=1` asks the network, as does any "
    "command with PLACARD_OFFLINE=off."
)

# The method, the address and the body.
_CallKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A recorded case: its name, its source, the address of its resource, and its exchanges.

    `title` says what it shows: the kind of resource, and the case where there are several.
    """

    name: str
    source: str
    resource_url: str
    exchanges: tuple[Mapping[str, Any], ...]
    title: str = ""

    @property
    def has_card(self) -> bool:
        """Whether its system answers as it should: some show what goes wrong."""
        return all(exchange["response"]["status"] < 400 for exchange in self.exchanges)


@cache
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
    exchanges = tuple(case["exchanges"])
    title = case.get("title") or name.rpartition("/")[2].replace("_", " ").capitalize()
    return Sample(name, case["source"], case["resource_url"], exchanges, title)


def recorded_body(response: Mapping[str, Any]) -> bytes:
    """Return the bytes of a recorded answer: its `body` as JSON, or its `text`."""
    text = json.dumps(response["body"]) if "body" in response else response["text"]
    return str(text).encode()


class Recordings:
    """The cases in a folder, as `placard record` writes them; an edited one is read anew.

    Of several with one address the one that was written last counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: object = None
        self._samples: tuple[Sample, ...] = ()
        self._faults: tuple[str, ...] = ()

    def samples(self) -> tuple[Sample, ...]:
        """Return the cases as they are now, sorted by name."""
        self._renew()
        return self._samples

    def faults(self) -> tuple[str, ...]:
        """List the files that are not valid cases, as `file: what would be right`."""
        self._renew()
        return self._faults

    def stamp(self) -> tuple[tuple[int, Path], ...]:
        """Return a value that changes with each file that is added, edited or removed."""
        found = self._folder.glob("**/*.json")
        cases = (file for file in found if not file.name.endswith(".widget.json"))
        return tuple(sorted((file.stat().st_mtime_ns, file) for file in cases))

    def _renew(self) -> None:
        stamp = self.stamp()
        if stamp == self._seen:
            return
        read, faults = dict[str, Sample](), list[str]()
        for _, file in stamp:
            try:
                case = read_sample(self._name(file), file.read_text("utf-8"))
                read[case.resource_url] = case
            except KeyError as missing:
                faults.append(f"{file}: {missing} is missing; `placard record` writes it")
            except (ValueError, TypeError, AttributeError, OSError) as error:
                faults.append(f"{file}: is not a recorded case: {error}")
        self._samples = tuple(sorted(read.values(), key=lambda case: case.name))
        self._faults, self._seen = tuple(faults), stamp

    def _name(self, file: Path) -> str:
        return file.relative_to(self._folder).with_suffix("").as_posix()


class SampleAdapter(BaseAdapter):
    """Answers requests from samples; any other request raises UpstreamUnreachable.

    What `recordings` hold comes first, as they are at each request.
    """

    def __init__(self, samples: Iterable[Sample], recordings: Recordings | None = None) -> None:
        super().__init__()
        self._bundled = _answers_of(samples)
        self._recordings = recordings

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        call = {"method": request.method, "url": request.url}
        body = json.loads(request.body) if request.body else None
        # A recording without a body answers any body.
        answers = self._answers()
        recorded = answers.get(_call_key(call, body)) or answers.get(_call_key(call))
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

    def _answers(self) -> Mapping[_CallKey, Mapping[str, Any]]:
        recorded = self._recordings.samples() if self._recordings else ()
        return {**self._bundled, **_answers_of(recorded)} if recorded else self._bundled


def _answers_of(samples: Iterable[Sample]) -> dict[_CallKey, Mapping[str, Any]]:
    return {
        _call_key(exchange["request"], exchange["request"].get("body")): exchange["response"]
        for sample in samples
        for exchange in sample.exchanges
    }


def _call_key(request: Mapping[str, Any], body: Any = None) -> _CallKey:
    """Return what identifies a call; the order of the body's keys does not matter."""
    return request["method"], request["url"], json.dumps(body, sort_keys=True)
