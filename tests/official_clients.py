"""Official clients that this environment does not have: for Node, and older ones for Python.

Each is installed from a lock, by its hashes, from the registry that npm or uv is set to.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

NODE: Final = Path(__file__).with_name("node")
PYTHON: Final = Path(__file__).with_name("python")
_SECONDS: Final = 300


def node_folder() -> Path:
    """Return the folder of the scripts for Node, whose imports are installed.

    Skips where there is no Node.
    """
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool}: apt-get install nodejs npm; half is not tested")
    locks = [NODE / name for name in ("package.json", "package-lock.json", ".npmrc")]
    _install_once(NODE / "node_modules", locks, ["npm", "ci", "--no-progress"])
    return NODE


def older_python_packages() -> Path:
    """Return a folder of packages of which this environment has later versions."""
    lock, folder = PYTHON / "requirements.lock", Path(sys.prefix) / "older-clients"
    install = [sys.executable, "-m", "uv", "pip", "install", "--no-deps", "--require-hashes"]
    _install_once(folder, [lock], [*install, "--target", str(folder), "-r", str(lock)])
    return folder


def _install_once(folder: Path, locks: Sequence[Path], command: Sequence[str]) -> None:
    """Install what the locks pin, unless that is done; processes of one run wait for each other."""
    wanted = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    stamp = folder / ".placard"
    with locks[0].open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text("utf-8") == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        ended = subprocess.run(
            command,
            cwd=locks[0].parent, env=os.environ, capture_output=True, text=True, timeout=_SECONDS,
            check=False,
        )  # fmt: skip
        if ended.returncode:
            pytest.fail(f"{' '.join(command)}: {ended.stderr}")
        stamp.write_text(wanted, "utf-8")
