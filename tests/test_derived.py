"""What every connector does with refusals, failures and odd texts: derived of its open case.

Nobody records these by hand: each is the recorded exchange with another answer at its end.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from app.connectors import Connector, find
from app.testing.recordings import Recording, read_recording, replay_case
from templates_schemas import faults
from tests.cases import FOLDER, case_files, connectors_with

HTML: Final = {"status": 200, "headers": {"Content-Type": "text/html"}, "text": "<p>Hello</p>"}
TEXTS: Final = {
    "texts_too_long": "A text of many words, " * 60,
    "odd_characters": "\u202ea\u0000 <b>&amp;</b> \u200d\U0001f469\u200d\U0001f680\ud83d z\u0335",
    "nothing_to_see": " \u200b\u2066",
}


@cache
def open_case(name: str) -> Recording:
    """Return a connector's open case: the first whose name says so, and that makes a card."""
    paths = [path for path in case_files() if path.parent.name == name]
    cases = [read_recording(path) for path in paths if "_open_" in f"_{path.stem}_"]
    return next(case for case in cases if case.widget["status"] == 200)


@pytest.fixture(
    params=sorted(path.name for path in FOLDER.iterdir() if path.name != "github_commit")
)
def recording(request: pytest.FixtureRequest) -> Recording:
    return open_case(request.param)


def connector_of(recording: Recording) -> Connector:
    return find(recording.resource_url, connectors_with(recording.settings))[0]


def answered(recording: Recording, response: Mapping[str, Any]) -> TestResponse:
    """Ask for the page, where the system's last answer is another."""
    *before, last = recording.exchanges
    return replay_case(replace(recording, exchanges=(*before, {**last, "response": response})))


def refusal(status: int, **headers: str) -> Mapping[str, Any]:
    return {
        "status": status,
        "headers": {"Content-Type": "application/json", **headers},
        "text": "{}",
    }


def test_what_is_missing_is_not_found(recording: Recording) -> None:
    for status in sorted(connector_of(recording).not_found_statuses):
        answer = answered(recording, refusal(status))
        assert answer.status_code == 404
        assert "has no such page" in answer.get_json()["data"]["error"]


def test_what_is_refused_is_forbidden(recording: Recording) -> None:
    for status in sorted(connector_of(recording).forbidden_statuses):
        answer = answered(recording, refusal(status))
        assert answer.status_code == 403
        assert "does not let us see" in answer.get_json()["data"]["error"]


@pytest.mark.parametrize("status", [429, 403])
def test_a_rate_limit_is_told(recording: Recording, status: int) -> None:
    answer = answered(recording, refusal(status, **{"Retry-After": "30"}))
    assert answer.status_code == 500
    assert "asks us to wait" in answer.get_json()["data"]["error"]


def test_a_failure_of_the_system_is_told(recording: Recording) -> None:
    answer = answered(recording, refusal(500))
    assert answer.status_code == 500
    assert "answered with an error" in answer.get_json()["data"]["error"]


def test_an_answer_that_is_not_json_is_not_read(recording: Recording) -> None:
    answer = answered(recording, HTML)
    assert answer.status_code == 500
    assert "cannot read" in answer.get_json()["data"]["error"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_of_any_kind_make_a_valid_card_or_none(recording: Recording, text: str) -> None:
    response = recording.exchanges[-1]["response"]
    answer = answered(recording, {**response, "body": _with(response["body"], text)})
    assert answer.status_code in (200, 404, 500)
    assert answer.status_code != 200 or faults(answer.get_json()) == ()


def _with(value: Any, text: str) -> Any:
    """Put a text in place of every text of a JSON value."""
    if isinstance(value, dict):
        return {key: _with(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with(inner, text) for inner in value]
    return text if isinstance(value, str) else value
