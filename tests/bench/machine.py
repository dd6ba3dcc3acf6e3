"""The machine that measures: what it is, and what it has."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.tables import Missing

SERVER_CORE, CLIENT_CORE = "0", "1"
_DEBIAN = {"wrk": "wrk", "taskset": "util-linux", "redis-server": "redis-server", "npm": "npm"}


def need(*commands: str) -> None:
    """Raise Missing, saying what to install, unless all commands are here."""
    for command in commands:
        if shutil.which(command) is None:
            raise Missing(f"`{command}` is not here (Debian: apt-get install {_DEBIAN[command]})")


def need_two_cores() -> None:
    """Raise Missing where a server and its load would share one core."""
    if len(os.sched_getaffinity(0)) < 2:
        raise Missing("needs two cores, one for the server and one for the load")


def described() -> str:
    """Tell the day, the machine, how busy it has been, and the versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("flask", "granian", "pyjwt"))
    others = [f"{name} {told}" for name in ("node", "wrk") if (told := _version(name))]
    parts = [f"{datetime.now(UTC):%Y-%m-%d}", f"{os.cpu_count()} cores of {_processor()}"]
    parts.append(f"load average {os.getloadavg()[2]:.1f} (others' work too)")
    python = f"Python {platform.python_version()}"
    return "; ".join([*parts, ", ".join([python, packages, *others])])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _version(command: str) -> str:
    """Ask a command for its version; it may say it with a failing status."""
    if shutil.which(command) is None:
        return ""
    told = subprocess.run([command, "-v"], capture_output=True, text=True, timeout=10, check=False)
    words = (told.stdout + told.stderr).split()
    return next((word.rpartition("/")[2].lstrip("v") for word in words if word[-1].isdigit()), "")
