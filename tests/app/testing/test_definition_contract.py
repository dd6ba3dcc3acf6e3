"""The contract of a definition: what it takes of the file, and what it refuses."""

import json
from pathlib import Path

import pytest

from app.devtools.recorder import WrittenAnswer, record_case
from app.testing.contract import settings_of
from app.testing.definitions import DefinitionContract
from tests.app.connectors.test_definitions import INCIDENT, PAGE, STATUS
from tests.cases import FOLDER


def suite_of(**attributes: object) -> type[DefinitionContract]:
    return type("Suite", (DefinitionContract,), attributes)


def test_a_file_with_faults_cannot_be_tested(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text('[[connector]]\nname = "broken"\n')
    with pytest.raises(ValueError, match=r"broken\.toml:1: \$\.connector\[0\]"):
        suite_of(definition=file, resource={})


def test_a_definition_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no definition is named other"):
        suite_of(definition=STATUS, named="other", resource={})


def test_a_resource_that_is_not_recorded_is_asked_for() -> None:
    with pytest.raises(ValueError, match="jira/status-page: no case made a card"):
        suite_of(definition=STATUS, recorded=FOLDER / "jira")


def test_a_suite_without_an_answer_is_told_what_it_lacks() -> None:
    with pytest.raises(TypeError, match="Suite: set `recorded`, a folder of cases, or `resource`"):
        suite_of(definition=STATUS)


def test_its_recorded_cards_are_held(tmp_path: Path) -> None:
    changed = tmp_path / "changed.toml"
    changed.write_text(STATUS.read_text().replace('"incident.name"', '"incident.status"'))
    answer = WrittenAnswer("https://status.example.com/api", json.dumps(INCIDENT).encode())
    settings = settings_of({"PLACARD_CONNECTORS_FILE": str(STATUS)})
    record_case(settings, PAGE, tmp_path / "cases", "open", answer)
    hold_recorded(STATUS, tmp_path / "cases")
    with pytest.raises(AssertionError, match=r'another widget(.|\n)*\+ +"title": "resolved"'):
        hold_recorded(changed, tmp_path / "cases")


def hold_recorded(definition: Path, recorded: Path) -> None:
    suite = suite_of(definition=definition, recorded=recorded)
    suite().test_its_recorded_cases_make_their_widgets(suite.ready())
