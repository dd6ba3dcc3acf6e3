"""The unit of systemd: it is valid, it is closed, and what it starts is what the page installs."""

import re
import subprocess
from pathlib import Path
from shutil import copy
from typing import Final

from app.connectors import connector_settings
from app.settings.report import variable_names
from tests.deploy_page import DEPLOY, PAGE
from tests.processes import BIN

UNIT: Final = (DEPLOY / "placard.service").read_text("utf-8")
SETTINGS: Final = (DEPLOY / "placard.env").read_text("utf-8")
# Of ten; systemd calls what is below 2 well protected.
MOST_EXPOSED: Final = 2.0


def test_systemd_takes_the_unit(systemd_analyze: str, tmp_path: Path) -> None:
    unit = tmp_path / "placard.service"
    unit.write_text(UNIT.replace("/opt/placard/bin/placard", str(BIN / "placard")), "utf-8")
    listening = copy(DEPLOY / "placard.socket", tmp_path)
    ended = subprocess.run(
        [systemd_analyze, "verify", "--man=no", "--recursive-errors=no", str(unit), listening],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_the_unit_leaves_little_of_the_machine_open(systemd_analyze: str) -> None:
    ended = subprocess.run(
        [systemd_analyze, "security", "--offline=yes", "--no-pager", DEPLOY / "placard.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", ended.stdout)
    assert level, ended.stdout + ended.stderr
    assert float(level[1]) < MOST_EXPOSED


def test_there_is_a_socket_for_each_worker() -> None:
    listening = (DEPLOY / "placard.socket").read_text("utf-8")
    assert f"--workers {listening.count('ListenStream=')} " in UNIT


def test_the_unit_lets_the_service_do_what_it_does_at_the_start() -> None:
    """Where it does not, on a machine with two cores, no worker ever began."""
    for call in ("prlimit64", "setrlimit", "sched_setaffinity"):
        assert re.search(rf"^SystemCallFilter=[^~\n]*\b{call}\b", UNIT, re.MULTILINE)


def test_a_stop_gives_the_workers_their_time() -> None:
    assert "KillMode=mixed\n" in UNIT
    assert "TimeoutStopSec=30\n" in UNIT


def test_every_setting_of_the_file_is_one_and_none_holds_a_secret() -> None:
    names = re.findall(r"^(?:# )?([A-Z_]+)=", SETTINGS, re.MULTILINE)
    assert [name for name in names if name not in variable_names(connector_settings())] == []
    for line in SETTINGS.splitlines():
        if re.search(r"SECRETS|DATABASE_URL|CACHE_URL", line):
            assert re.fullmatch(r"[A-Z_]+_FILE=/etc/placard/secrets/\w+", line)


def test_the_page_makes_every_secret_that_the_settings_name() -> None:
    for name in re.findall(r"/etc/placard/secrets/(\w+)", SETTINGS):
        assert re.search(rf">/etc/placard/secrets/{name}\b|for name in [\w ]*\b{name}\b", PAGE)


def test_the_page_s_links_lead_somewhere() -> None:
    files = re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE)
    assert files
    assert [file for file in files if not (DEPLOY / file).is_file()] == []
