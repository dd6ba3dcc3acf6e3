"""Prove that installing does not resolve: `python -m tests.fresh_install`.

Each Python from 3.11 to 3.14 on this machine takes a clean clone of the last commit and installs it
with the pip that it bundles, while a folder of made-up wheels offers a higher version of every
package beside the real index. Then exactly what the locks pin must be installed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.locks import DEVELOPMENT, PRODUCTION, ROOT, read_pins, read_project, versions

MINORS = (11, 12, 13, 14)
AT_ONCE = 2
LONGEST = 600  # seconds that one command may take
HIGHER = "9999"
RUNNING = str(Path(sys.executable).resolve())
# Names that no lock holds, and that an installer might reach for by itself.
BESIDES = ("pip", "setuptools", "tomli", "wheel")
DRY_RUN = ("install", "--dry-run", "--no-deps", "--quiet", "--report", "-", "flask")
DESCRIBE = "import ensurepip, platform; print(platform.python_version(), ensurepip.version())"
INSTALLED = """
import json
from importlib.metadata import distributions
from packaging.markers import default_environment
found = {dist.name: dist.version for dist in distributions()}
print(json.dumps([default_environment(), found]))
"""


class NotAsLocked(Exception):
    """An installation is not what the locks pin, or did not come to its end."""


@dataclass(frozen=True)
class Python:
    """A Python of this machine, and the pip that it bundles."""

    executable: str
    version: str
    pip: str


@dataclass(frozen=True)
class Place:
    """A folder, and the environment variables of the commands that run in it."""

    folder: Path
    variables: Mapping[str, str]

    def run(self, *command: str | Path) -> str:
        """Run a command and return what it printed.

        Raises:
            NotAsLocked: It failed, or it took too long.
        """
        ended = self.attempt(*command)
        if ended.returncode:
            printed = "\n".join((ended.stdout + ended.stderr).splitlines()[-20:])
            raise NotAsLocked(f"{' '.join(map(str, command))} failed:\n{printed}")
        return ended.stdout

    def attempt(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command, and return how it ended; its own commands end with it.

        Raises:
            NotAsLocked: It took too long.
        """
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                printed = process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired as late:
                os.killpg(process.pid, signal.SIGKILL)
                raise NotAsLocked(str(late)) from late
        return subprocess.CompletedProcess(command, process.returncode, *printed)


def main() -> int:
    """Try each Python, print a line for each, and return the exit status."""
    pythons = find_pythons()
    for minor in MINORS:
        if not any(python.version.startswith(f"3.{minor}.") for python in pythons):
            click.echo(f"Python 3.{minor}: not on this machine, not tried")
    with TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        variables = tempted(make_wheels(Path(folder, "wheels")))
        tried = partial(try_python, folder=Path(folder), variables=variables, pythons=pythons)
        results = pool.map(tried, pythons)
        return 0 if all(list(results)) else 1


def find_pythons() -> list[Python]:
    """Return each version that works here: the running one, those on PATH, and those of pyenv."""
    found: dict[str, Python] = {}
    for executable in candidates():
        asked = subprocess.run(
            [executable, "-c", DESCRIBE], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            version, pip = asked.stdout.split()
            found.setdefault(version, Python(executable, version, pip))
    return list(found.values())


def candidates() -> Iterator[str]:
    """Yield what may be a Python that Placard runs on."""
    yield RUNNING
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for minor in MINORS:
        for folder in os.get_exec_path():
            if on_path := shutil.which(f"python3.{minor}", path=folder):
                yield on_path
        yield from map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python3")))


def make_wheels(folder: Path) -> Path:
    """Make a wheel of a higher version for each package that is locked or named by one that is."""
    folder.mkdir()
    pinned = {pin.name for pin in read_pins(PRODUCTION, DEVELOPMENT)}
    named = {Requirement(line).name for dist in distributions() for line in dist.requires or ()}
    for name in {canonicalize_name(name) for name in pinned | named | set(BESIDES)}:
        stem = f"{name.replace('-', '_')}-{HIGHER}"
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {HIGHER}\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for file, content in files.items():
                wheel.writestr(f"{stem}.dist-info/{file}", content)
    return folder


def tempted(wheels: Path) -> dict[str, str]:
    """Return this process's environment variables, with a folder of wheels for pip."""
    ours = ("MAKE", "MFLAGS", "COV_", "PYTEST_", "PYTHONPATH", "VIRTUAL_ENV", "PIP_FIND_LINKS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    offered = [os.environ.get("PIP_FIND_LINKS", ""), str(wheels)]
    # Bytecode takes time, and proves nothing; pip reads "0" as "do not compile".
    return kept | {"PIP_FIND_LINKS": " ".join(offered).strip(), "PIP_NO_COMPILE": "0"}


def try_python(
    python: Python, folder: Path, variables: Mapping[str, str], pythons: Sequence[Python]
) -> bool:
    """Install with a Python, tell how that went, and return whether all was as locked."""
    begun = time.monotonic()
    home = Place(folder / python.version, variables)
    home.folder.mkdir()
    try:
        outcome = for_development(python, home, pythons)
        if python is pythons[0]:  # the running one
            outcome += for_production(python, home)
        fine = True
    except NotAsLocked as told:
        outcome, fine = f"FAILED: {told}", False
    took = time.monotonic() - begun
    click.echo(f"Python {python.version} with pip {python.pip}, {took:.0f} s: {outcome}")
    return fine


def for_development(python: Python, home: Place, pythons: Sequence[Python]) -> str:
    """Let make install into a clone where an earlier attempt, by another Python, was cut off."""
    home.run("git", "clone", "--quiet", ROOT, "development")
    clone = Place(home.folder / "development", home.variables)
    clone.run(RUNNING, "-m", "venv", "--without-pip", ".venv")
    clone.run("touch", ".venv/locked", ".venv/run", ".venv/dev")
    clone.run("make", "setup", f"PYTHON={python.executable}")
    compare(python, clone, PRODUCTION)
    clone.run(".venv/bin/placard", "connectors")
    clone.run("make", ".venv/dev", f"PYTHON={python.executable}")
    count = compare(python, clone, PRODUCTION, DEVELOPMENT)
    clone.run(".venv/bin/pytest", "--quiet", "tests/test_locks.py")
    check_when_made_anew(python, clone, pythons)
    return f"{count} packages as locked"


def check_when_made_anew(python: Python, clone: Place, pythons: Sequence[Python]) -> None:
    """Hold make to use the environment as it is, and to make it anew only where it must.

    The last thing that happens to a clone: its Python is gone afterwards.
    """
    for other in pythons:
        same = other.version == python.version
        expect(clone, f"PYTHON={other.executable}", anew=not same)
    expect(clone, anew=False)
    moved = Place(clone.folder.rename(clone.folder.with_name("moved")), clone.variables)
    expect(moved, anew=True)
    back = Place(moved.folder.rename(clone.folder), clone.variables)
    link = clone.folder / ".venv/bin/python"
    link.unlink()
    link.symlink_to("gone")
    expect(back, anew=True)


def expect(clone: Place, *arguments: str, anew: bool) -> None:
    """Ask make whether it would do anything, and hold it to the expected answer."""
    ended = clone.attempt("make", "--question", ".venv/dev", *arguments)
    if ended.returncode != anew:
        raise NotAsLocked(f"make {' '.join(arguments)} in {clone.folder}: expected {anew=}")


def for_production(python: Python, home: Place) -> str:
    """Type what the README says of production into a new environment."""
    home.run("git", "clone", "--quiet", ROOT, "production")
    clone = Place(home.folder / "production", home.variables)
    clone.run(python.executable, "-m", "venv", ".venv")
    binaries = clone.folder / ".venv/bin"
    chosen = clone.run(binaries / "python", "-m", "pip", *DRY_RUN)
    if f'"version": "{HIGHER}"' not in chosen:
        raise NotAsLocked("pip is not tempted by the wheels, so that this proves nothing")
    path = f"{binaries}{os.pathsep}{home.variables['PATH']}"
    shell = Place(clone.folder, {**home.variables, "PATH": path})
    for line in production_lines():
        shell.run("sh", "-c", line)
    shell.run("placard", "connectors")
    return f", and {compare(python, clone, PRODUCTION)} by the README's lines"


def production_lines() -> list[str]:
    """Return the commands that the README gives to install the service."""
    told = (ROOT / "README.md").read_text("utf-8").partition("\n## Production\n")[2]
    return re.findall(r"^    (pip .*)$", told, re.MULTILINE)


def compare(python: Python, clone: Place, *locks: Path) -> int:
    """Compare what is installed with what the locks pin, and return how many packages it is.

    Raises:
        NotAsLocked: Something is missing, is there besides, or has another version.
    """
    environment, found = json.loads(clone.run(".venv/bin/python", "-c", INSTALLED))
    installed: dict[str, str] = {
        canonicalize_name(name): version for name, version in found.items()
    }
    pinned = versions(read_pins(*locks), environment)
    expected = pinned | {"pip": python.pip, "placard": read_project()[0]}
    if installed != expected:
        differing = sorted(dict(installed.items() ^ expected.items()))
        told = [f"{n} {installed.get(n)} (locked: {expected.get(n)})" for n in differing]
        raise NotAsLocked("; ".join(told))
    return len(pinned)


if __name__ == "__main__":
    sys.exit(main())
