"""What the log writes to a terminal, in the local mode."""

import io
import json
import sys

import pytest
import structlog
from hypothesis import given, strategies as st

from app import create_app
from app.telemetry.logs import configure_logs, escape_control_characters
from tests.conftest import settings_with

PATH = "/a%1B%5B31mb%0Dc%C2%9Bd%7Fe%E2%80%AEf"


@pytest.mark.parametrize("mode", ["production", "local"])
def test_control_characters_of_a_path_reach_no_terminal(
    capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    create_app(settings_with(mode=mode)).test_client().get(PATH)

    written = capsys.readouterr().err
    assert "31mb" in written
    assert all(c.isprintable() or c in "\n\x7f" for c in written)


def test_path_in_production_is_json_that_gives_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    create_app(settings_with()).test_client().get(PATH)

    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert line["path"] == "/a\x1b[31mb\rc\x9bd\x7fe\u202ef"


@given(st.text(), st.integers())
def test_only_what_is_not_printable_is_escaped(text: str, number: int) -> None:
    escaped = escape_control_characters(None, "", {"event": text, "number": number})

    assert escaped["number"] == number
    assert escaped["event"].isprintable()
    assert escaped["event"] == text or not text.isprintable()


def test_a_line_goes_to_the_standard_error_of_its_moment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that is run in a process of others leaves its own standard error closed."""
    with io.StringIO() as closed_later, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", closed_later)
        configure_logs(local=False)
    structlog.get_logger("placard").warning("said", by="a later one")
    assert json.loads(capsys.readouterr().err)["by"] == "a later one"


@pytest.mark.parametrize("value", ["\ud800", 2**70, object, "é\x9b31m\u202e"])
def test_what_json_has_no_form_for_is_logged_all_the_same(
    capsys: pytest.CaptureFixture[str], value: object
) -> None:
    configure_logs(local=False)
    structlog.get_logger("placard").info("odd", value=value)
    written = capsys.readouterr().err
    assert written.isascii()
    assert json.loads(written)["event"] == "odd"
