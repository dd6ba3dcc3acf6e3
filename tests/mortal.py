"""Servers that tests and benches start end with the process that started them, however it ends."""

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path


def mortal(command: Sequence[str | Path], end: signal.Signals) -> list[str | Path]:
    """Let a command get a signal when the thread that started it is gone; see setpriv(1)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", end.name, *command] if setpriv else list(command)
