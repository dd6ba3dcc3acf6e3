"""Ctrl-C in the terminal of a service: it stops in order, and without a traceback."""

import os
import signal

import pytest

from tests.processes import SOUND, Start


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_the_service_in_order(start: Start, workers: str) -> None:
    with start("serve", "--workers", workers, settings=SOUND) as (process, _):
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
        assert process.wait(20) == 0
        assert "Traceback" not in process.logged()
