"""Strict replay of a folder: what is told of each difference."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from tests.cases import FOLDER

Replay = Callable[[Path], None]
OPEN = FOLDER / "github" / "open_issue.json"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case of one call in a folder of its own."""
    source = FOLDER / "github" / "missing.json"
    copy(source.with_suffix(".widget.json"), tmp_path)
    return Path(copy(source, tmp_path))


def change(file: Path, make: Callable[[Any], None]) -> None:
    told = json.loads(file.read_text())
    make(told)
    file.write_text(json.dumps(told))


def extra_exchange(told: dict[str, Any]) -> None:
    request: Mapping[str, Any] = {"method": "GET", "url": "https://a.example/", "headers": {}}
    told["exchanges"].append(
        {"request": request, "response": {"status": 200, "headers": {}, "text": ""}}
    )


def test_cases_that_are_as_recorded_pass(replay: Replay, case: Path) -> None:
    replay(case.parent)
    replay(case)


def test_a_recording_that_is_not_used_is_named(replay: Replay, case: Path) -> None:
    change(case, extra_exchange)
    with pytest.raises(AssertionError, match=r"recorded, and not made: GET https://a\.example/"):
        replay(case.parent)


def test_a_call_that_is_not_recorded_is_named(replay: Replay, case: Path) -> None:
    change(case, lambda told: told["exchanges"].clear())
    with pytest.raises(AssertionError, match=r"made, and not recorded: GET https://api\.github\."):
        replay(case.parent)


def test_another_widget_is_shown_by_its_lines(replay: Replay, case: Path) -> None:
    change(case.with_suffix(".widget.json"), lambda told: told.update(status=200))
    with pytest.raises(AssertionError) as raised:
        replay(case.parent)
    assert "another widget (- recorded, + made)" in str(raised.value)
    assert '-  "status": 200\n+  "status": 404' in str(raised.value)


def test_a_folder_without_a_case_is_no_success(replay: Replay, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="holds no case"):
        replay(tmp_path)
