"""The contract of a definition: what it takes of the file, and what it refuses."""

from pathlib import Path

import pytest

from app.testing.definitions import DefinitionContract
from tests.app.connectors.test_definitions import STATUS
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
