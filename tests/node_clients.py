"""The official clients for Node, installed from the lock beside `tests/node/package.json`."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).with_name("node")
INSTALLED: Final = FOLDER / "node_modules"
_FILES: Final = ("package.json", "package-lock.json", ".npmrc")
_SECONDS: Final = 300


def installed_clients() -> Path:
    """Return the folder of the clients' scripts; install what they import, unless that is done.

    Processes of one run wait for each other. Skips where there is no Node.
    """
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool}: apt-get install nodejs npm; half is not tested")
    wanted = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in _FILES)).hexdigest()
    stamp = INSTALLED / ".placard"
    with (FOLDER / "package.json").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text("utf-8") != wanted:
            _install()
            stamp.write_text(wanted, "utf-8")
    return FOLDER


def _install() -> None:
    """Install what the lock pins, by its hashes, from the registry that npm is set to."""
    ended = subprocess.run(
        ["npm", "ci", "--no-progress"],
        cwd=FOLDER, env=os.environ, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    if ended.returncode:
        pytest.fail(f"npm ci in {FOLDER.name}: {ended.stderr}")
