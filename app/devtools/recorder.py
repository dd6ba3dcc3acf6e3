"""A test case made of a live answer, with every credential scrubbed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.connectors import Connector, all_connectors, find
from app.errors import ConfigurationError, PlacardError
from app.settings import MEMORY, Settings
from app.settings.fields import MASK
from app.settings.report import setting_lines
from app.telemetry.metrics import Metrics
from app.upstream.client import Exchange
from app.upstream.credentials import read_credentials_file
from app.upstream.messages import UpstreamRequest
from app.upstream.samples import Sample, SampleAdapter
from app.upstream.wiring import build_fetcher
from app.widgets import Widgets
from app.wiring import build_widgets
from templates_schemas import envelope

SCRUBBED: Final = "scrubbed"
SHORTEST_SECRET: Final = 6
# Headers of an answer that say something a connector or the client acts on; no others are kept.
KEPT_HEADERS: Final = frozenset(
    {
        "content-type",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    }
)
_SECRET_KEY: Final = re.compile(
    r"token|secret|passw|credential|signature|api[_-]?key|private[_-]?key", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """An answer that was written by hand, from a page of the system's documentation."""

    page: str
    body: bytes
    status: int = 200


@dataclass(frozen=True, slots=True)
class RecordedCase:
    """The files of a case and of the widget that it makes, and why that is none, if it is none."""

    case: Path
    widget: Path
    error: PlacardError | None


def record_case(
    settings: Settings, url: str, folder: Path, name: str, written: WrittenAnswer | None = None
) -> RecordedCase:
    """Ask for `url`, and write the case and the widget that it makes.

    A `written` answer stands in for the system's. Raises PlacardError where no connector serves the
    address, or nothing came back that could be recorded.
    """
    secrets = _secrets(settings)
    exchanges: list[Exchange] = []
    connector, match = find(url, all_connectors(settings))
    # What others have kept would be an answer without an exchange.
    alone = replace(settings, cache_url=MEMORY)
    adapter = answering(connector.request_for(match), written) if written else None
    fetcher = build_fetcher(settings, exchanges.append, adapter=adapter)
    answer, failure = _answer_for(url, build_widgets(alone, fetcher, Metrics()))
    if failure and not exchanges:
        raise failure
    case = {
        "source": f"written from {written.page}" if written else f"recorded {_today()}",
        "resource_url": url,
        "settings": _settings_of(settings, connector),
        "exchanges": [_exchange(exchange) for exchange in exchanges],
    }
    files = folder / connector.name
    files.mkdir(parents=True, exist_ok=True)
    made = RecordedCase(files / f"{name}.json", files / f"{name}.widget.json", failure)
    for path, content in ((made.case, case), (made.widget, answer)):
        _write(path, content, secrets)
    return made


def _answer_for(url: str, widgets: Widgets) -> tuple[dict[str, Any], PlacardError | None]:
    """Return what the host is answered for an address, and why that is not a card."""
    try:
        return {"status": 200, "body": json.loads(widgets.widget_for(url).body)}, None
    except PlacardError as error:
        return {"status": error.status, "body": envelope(error.sentence, "nested")}, error


def _write(path: Path, content: Mapping[str, Any], secrets: tuple[str, ...]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    # A lone surrogate is not valid in UTF-8; its escape is JSON.
    path.write_bytes((_without(secrets, text) + "\n").encode(errors="backslashreplace"))


def sample_of(case: Path, folder: Path) -> Path:
    """Write a recorded case as a sample of the offline mode: the same, without credentials."""
    document = json.loads(case.read_text("utf-8"))
    document.pop("settings", None)
    for exchange in document["exchanges"]:
        headers = exchange["request"]["headers"]
        exchange["request"]["headers"] = {
            name: value for name, value in headers.items() if value != SCRUBBED
        }
    path = folder / case.parent.name / case.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return path


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def answering(request: UpstreamRequest, written: WrittenAnswer) -> SampleAdapter:
    """Make the transport that gives a written answer to a request, without the network."""
    exchange = {
        "request": {"method": request.method, "url": request.url},
        "response": {
            "status": written.status,
            "headers": {"Content-Type": "application/json"},
            "text": written.body.decode("utf-8", "replace"),
        },
    }
    return SampleAdapter([Sample("written", written.page, request.url, (exchange,))])


def _settings_of(settings: Settings, connector: Connector) -> dict[str, str]:
    """Name the settings that the replay needs: the connector's own, their secrets scrubbed."""
    lines = setting_lines(settings, {})
    names = {setting.name for setting in connector.settings}
    lines_set = (line for line in lines if line.name in names and line.value)
    return {line.name: SCRUBBED if line.value == MASK else line.value for line in lines_set}


def _exchange(exchange: Exchange) -> dict[str, Any]:
    response = exchange.response
    kept = {
        name: _unsigned(value) if name == "location" else value
        for name, value in response.headers.items()
        if name in KEPT_HEADERS
    }
    return {
        "request": {
            "method": exchange.method,
            "url": _unsigned(exchange.url),
            "headers": {**scrub(exchange.headers), **dict.fromkeys(exchange.proven_by, SCRUBBED)},
            **({} if exchange.body is None else {"body": json.loads(exchange.body)}),
        },
        "response": {"status": response.status, "headers": kept} | _body(response.body),
    }


def _body(body: bytes) -> dict[str, Any]:
    try:
        return {"body": scrub(json.loads(body))}
    except ValueError:
        return {"text": body.decode("utf-8", "replace")}


def scrub(value: Any) -> Any:
    """Replace what stands under a key that names a secret, at any depth."""
    if isinstance(value, Mapping):
        return {
            key: SCRUBBED if inner and _SECRET_KEY.search(key) else scrub(inner)
            for key, inner in value.items()
        }
    return [scrub(inner) for inner in value] if isinstance(value, list) else value


def _unsigned(url: str) -> str:
    """Scrub the values of an address's query that stand under a key that names a secret."""
    target = urlsplit(url)
    if not _SECRET_KEY.search(target.query):
        return url
    pairs = parse_qsl(target.query, keep_blank_values=True)
    kept = [(key, SCRUBBED if _SECRET_KEY.search(key) else value) for key, value in pairs]
    return target._replace(query=urlencode(kept)).geturl()


def _secrets(settings: Settings) -> tuple[str, ...]:
    """List the secrets of the settings and of the credentials file, with and without a scheme.

    Raises ConfigurationError where one is too short to be scrubbed.
    """
    file = settings.credentials_file
    given = read_credentials_file(Path(file)).credentials if file else ()
    values = [value for known in given for value in known.headers.values()]
    found = (*settings.secrets, *values, *(value.rpartition(" ")[2] for value in values))
    if any(len(secret) < SHORTEST_SECRET for secret in found):
        message = f"a secret of the settings has fewer than {SHORTEST_SECRET} characters"
        raise ConfigurationError(f"{message}: to scrub it would spoil the case's other texts")
    return found


def _without(secrets: tuple[str, ...], text: str) -> str:
    """Replace the settings' own secrets, wherever an upstream may have echoed them."""
    for secret in secrets:
        text = text.replace(secret, SCRUBBED).replace(json.dumps(secret)[1:-1], SCRUBBED)
    return text
