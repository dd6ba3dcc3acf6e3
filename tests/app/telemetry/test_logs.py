"""What the log writes: of ourselves and of other libraries, and to a terminal."""

import io
import json
import logging
import logging.config
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given, strategies as st

from app import create_app
from app.telemetry.logs import configure_logs, escape_control_characters, log_unhandled, other_lines
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


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 1)]
)
def test_less_than_the_level_is_not_logged(
    capsys: pytest.CaptureFixture[str], level: str, lines: int
) -> None:
    client = create_app(settings_with(log_level=level)).test_client()
    capsys.readouterr()
    client.get("/healthz")
    client.get("/nowhere")
    structlog.get_logger("placard").error("said")
    assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.fixture
def _other_logging() -> Iterator[None]:
    """Leave logging as it was."""
    root, own = logging.getLogger(), logging.getLogger("_granian")
    kept = (root.level, root.handlers[:], own.level, own.handlers[:], own.propagate)
    yield
    root.level, root.handlers[:], own.level, own.handlers[:], own.propagate = kept


@pytest.mark.usefixtures("_other_logging")
def test_lines_of_other_libraries_have_the_form_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(other_lines(local=False, level="info"))
    logging.getLogger("_granian").info("Listening at: %s", "http://127.0.0.1:8080")
    logging.getLogger("sqlalchemy.pool").info("not told")
    logging.getLogger("sqlalchemy.pool").error("it broke", exc_info=ValueError("hunter2"))
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert {key: first[key] for key in ("event", "level", "logger")} == {
        "event": "Listening at: http://127.0.0.1:8080",
        "level": "info",
        "logger": "_granian",
    }
    assert "timestamp" in first
    assert (second["exception"], second["level"]) == ("ValueError", "error")
    assert "hunter2" not in json.dumps(second)


@pytest.mark.usefixtures("_other_logging")
def test_lines_of_other_libraries_are_for_people_in_the_local_mode(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.config.dictConfig(other_lines(local=True, level="error"))
    logging.getLogger("_granian").error("a\x1b[31m")
    written = capsys.readouterr().err
    assert "a\\x1b[31m" in written
    assert not written.startswith("{")


def test_thread_that_ends_with_an_exception_leaves_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    configure_logs(local=False)
    log_unhandled()

    def fail() -> None:
        raise ValueError("hunter2")

    thread = threading.Thread(target=fail, name="placard-some")
    thread.start()
    thread.join()
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["thread"], line["exception"]) == (
        "thread_ended",
        "placard-some",
        "ValueError",
    )
    assert "hunter2" not in json.dumps(line)
