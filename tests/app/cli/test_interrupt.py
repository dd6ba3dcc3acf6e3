"""Ctrl-C in a terminal: a service stops in order, and nothing shows a traceback."""

import os
import signal
import sys
from pathlib import Path
from shutil import copy
from subprocess import PIPE, Popen

import pytest

from tests.mortal import mortal
from tests.processes import ROOT, SOUND, Start
from tests.waiting import PATIENCE


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_the_service_in_order(start_anew: Start, workers: str) -> None:
    with start_anew("serve", "--workers", workers, settings=SOUND) as (process, _):
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
        assert process.wait(PATIENCE) == 0
        assert "Traceback" not in process.logged()


# As in a terminal, whether or not the tests themselves run where Ctrl-C is ignored.
IN_A_TERMINAL = """import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("app", run_name="__main__")"""


def test_ctrl_c_while_the_command_line_loads_ends_it_in_silence(tmp_path: Path) -> None:
    """What is loaded here never ends, so that the moment is sure."""
    (tmp_path / "app").mkdir()
    for module in ("__init__.py", "__main__.py"):
        copy(ROOT / "app" / module, tmp_path / "app")
    (tmp_path / "app/cli.py").write_text(
        "import time\nprint('loading', flush=True)\ntime.sleep(60)"
    )
    command = mortal([sys.executable, "-c", IN_A_TERMINAL], signal.SIGTERM)
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == -signal.SIGINT
