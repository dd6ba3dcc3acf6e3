"""Every recorded case, replayed strictly through the front door."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from app.connectors import all_connectors, connector_settings
from app.devtools.recorder import SCRUBBED
from app.testing.recordings import WIDGET, Recording, read_recording, replay, replay_case
from templates_schemas import faults
from tests.cases import FOLDER, case_files
from tests.conftest import settings_with

CONNECTORS: Final = [connector.name for connector in all_connectors(settings_with(mode="local"))]
# Words in the names of cases; each connector has at least one case of each. Refusals, failures and
# odd texts are derived of the open one: see `test_derived.py`.
REQUIRED_KINDS: Final = ("open", "closed")
# What these show neither opens nor closes: a commit only is.
STATELESS: Final = {"github_commit"}


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """Every case, for what is seen without replaying it."""
    return [read_recording(path) for path in case_files()]


@pytest.fixture
def missing() -> Recording:
    """A recording of one call, which sends no credential."""
    return read_recording(FOLDER / "github" / "missing.json")


@pytest.fixture
def with_token() -> Recording:
    return read_recording(FOLDER / "github" / "with_token.json")


@pytest.fixture
def with_body() -> Recording:
    return read_recording(FOLDER / "spaceone" / "open.json")


@pytest.mark.parametrize("connector", CONNECTORS)
def test_each_recording_makes_exactly_its_widget(connector: str) -> None:
    replay(FOLDER / connector)


def test_every_recorded_widget_is_what_the_host_accepts(recordings: list[Recording]) -> None:
    for recording in recordings:
        body = recording.widget["body"]
        if recording.widget["status"] == 200:
            assert faults(body) == (), recording.name
        else:
            assert recording.widget["status"] in (400, 401, 403, 404, 500), recording.name
            assert list(body) == ["data"], recording.name
            assert list(body["data"]) == ["error"], recording.name


def test_every_recording_says_where_it_comes_from(recordings: list[Recording]) -> None:
    known = ("recorded 20", "written from https://")
    assert [each.name for each in recordings if not each.source.startswith(known)] == []


def test_recordings_hold_only_credentials_that_are_made_up(recordings: list[Recording]) -> None:
    tokens = {option.name for option in connector_settings() if option.kind == "token"}
    real = [
        (recording.name, name)
        for recording in recordings
        for name, value in recording.settings.items()
        if name in tokens and "made_up" not in value and value != SCRUBBED
    ]
    assert real == []


def test_every_file_is_a_case_with_its_widget() -> None:
    expected = {path.with_suffix(suffix) for path in case_files() for suffix in (".json", WIDGET)}
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == expected


def test_every_connector_has_a_folder_and_every_folder_a_connector() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(CONNECTORS)


@pytest.mark.parametrize("connector", CONNECTORS)
def test_connector_has_a_case_of_each_required_kind(connector: str) -> None:
    names = " ".join(f"_{path.stem}_" for path in (FOLDER / connector).glob("*.json"))
    needless = {"open", "closed"} if connector in STATELESS else set()
    missing = {kind for kind in REQUIRED_KINDS if f"_{kind}_" not in names}
    assert missing <= needless


def test_replay_refuses_a_recorded_call_that_is_not_made(missing: Recording) -> None:
    extra = {
        "request": {"method": "GET", "url": "https://api.github.com/rate_limit", "headers": {}},
        "response": {"status": 200, "headers": {}, "text": "{}"},
    }
    with pytest.raises(AssertionError, match="rate_limit"):
        replay_case(replace(missing, exchanges=(*missing.exchanges, extra)))


def test_replay_refuses_a_call_that_is_not_recorded(missing: Recording) -> None:
    with pytest.raises(AssertionError, match="issues/404"):
        replay_case(replace(missing, exchanges=()))


def test_replay_refuses_another_address(missing: Recording) -> None:
    with pytest.raises(AssertionError, match=r"issues/404\?page=1"):
        replay_case(_with_request(missing, url=f"{missing.exchanges[0]['request']['url']}?page=1"))


def test_replay_refuses_another_method(missing: Recording) -> None:
    with pytest.raises(AssertionError, match="HEAD"):
        replay_case(_with_request(missing, method="HEAD"))


def test_replay_refuses_another_header(missing: Recording) -> None:
    with pytest.raises(AssertionError, match="text/html"):
        replay_case(_with_request(missing, headers={"Accept": "text/html"}))


def test_replay_refuses_another_body(with_body: Recording) -> None:
    with pytest.raises(AssertionError, match="custom-widget-other"):
        replay_case(_with_request(with_body, body={"custom_widget_id": "custom-widget-other"}))


def test_replay_refuses_a_recorded_body_that_is_not_sent(missing: Recording) -> None:
    with pytest.raises(AssertionError, match="another body"):
        replay_case(_with_request(missing, body={}))


def test_replay_refuses_a_credential_that_is_not_recorded(with_token: Recording) -> None:
    with pytest.raises(AssertionError, match=r"[+] .*authorization"):
        replay_case(_with_request(with_token, headers={}))


def test_replay_refuses_a_recorded_credential_that_is_not_sent(with_token: Recording) -> None:
    with pytest.raises(AssertionError, match="Bearer"):
        replay_case(replace(with_token, settings={}))


def test_replay_takes_any_credential_for_one_that_is_scrubbed(with_token: Recording) -> None:
    recorded = with_token.exchanges[0]["request"]["headers"]
    scrubbed = _with_request(with_token, headers={**recorded, "Authorization": "scrubbed"})
    assert replay_case(scrubbed).status_code == 200
    with pytest.raises(AssertionError, match=r"- .*authorization"):
        replay_case(replace(scrubbed, settings={}))


def test_case_without_widget_cannot_be_read(tmp_path: Path) -> None:
    case = tmp_path / "open.json"
    case.write_bytes((FOLDER / "github" / "missing.json").read_bytes())
    with pytest.raises(FileNotFoundError, match=r"open\.widget\.json"):
        read_recording(case)


def _with_request(recording: Recording, **changes: Any) -> Recording:
    exchange: Mapping[str, Any] = recording.exchanges[0]
    changed = {**exchange, "request": exchange["request"] | changes}
    return replace(recording, exchanges=(changed,))
