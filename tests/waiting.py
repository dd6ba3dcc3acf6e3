"""Waiting for what another thread or process does, however busy the machine is."""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import pytest
import requests

# In seconds: a bound for what happens in a moment, unless it never does.
PATIENCE: Final = 60.0
# As long as nothing happens, waiting takes little of what the others need.
_PAUSE: Final = 0.02


class Process(Protocol):
    """A process that may end by itself."""

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""


def wait_until(happened: Callable[[], Any], told: Callable[[], str] | None = None) -> None:
    """Return as soon as something has happened; fail, with what is told, where it does not."""
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            pytest.fail(told() if told else "it did not happen")
        time.sleep(_PAUSE)


def wait_for_answer(address: str, process: Process, log: Callable[[], str]) -> None:
    """Return as soon as a process answers with success; fail with its log where it does not."""

    def is_up() -> bool:
        assert process.poll() is None, log()
        try:
            return requests.get(address, timeout=PATIENCE).ok
        except requests.RequestException:
            return False

    wait_until(is_up, log)
