"""The wheel: it is complete, it runs by itself, and packages of one's own stand on it.

It is built of a copy of the tree and installed in an empty environment, where the packages that it
needs are lent by this one.
"""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message
from functools import partial
from pathlib import Path
from shutil import copy, copytree
from typing import Final
from zipfile import ZipFile

import pytest
import requests
from click import Context

from app.cli import main
from app.testing.faults import FAULTS
from app.testing.host import Host
from app.testing.proofs import PROOFS
from tests.host import ISSUE
from tests.loaded import Loaded
from tests.processes import ROOT, LoadedAnew, running
from tests.waiting import PATIENCE

pytestmark = pytest.mark.server
FOLDERS: Final = ("app", "templates_schemas")
MODULES: Final = ("wsgi.py",)
# Bytecode, and what the preview's assets are made of.
LEFT_OUT: Final = frozenset({"__pycache__", "vendor"})
GUIDE: Final = (ROOT / "app/testing/README.md").read_text("utf-8")
NONE: Final[Mapping[str, str]] = {}
# The guide's tests have hypothesis try what it always tries, and as much as it likes.
FEW_EXAMPLES: Final = """
from hypothesis import settings
settings.register_profile("few", max_examples=10, derandomize=True)
settings.load_profile("few")
"""


def run(*command: str | Path, cwd: Path, variables: Mapping[str, str] = NONE) -> str:
    """Run a command to its end, with nothing of this environment but the paths."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is made of, with bytecode beside the code, as after a run."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "LICENSE", *MODULES):
        copy(ROOT / name, tree)
    for name in FOLDERS:
        copytree(ROOT / name, tree / name)
    return tree


def files_of(tree: Path) -> set[str]:
    found = {path for name in FOLDERS for path in (tree / name).rglob("*") if path.is_file()}
    plain = {path for path in found if not LEFT_OUT.intersection(path.parts)}
    return {str(path.relative_to(tree)) for path in plain} | set(MODULES)


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir")
    run(sys.executable, "-m", "pip", "wheel", *options, folder, tree, cwd=tree)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheel; what that needs, this environment lends."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    binaries = folder / "bin"
    options = ("--no-deps", "--no-compile", "--no-index", "--quiet", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "--python", binaries / "python")
    run(*pip, "install", *options, wheel, cwd=folder)
    (site,) = folder.glob("lib/python3.*/site-packages")
    # Only appended to the path: the `.pth` of this project's own installation is not read.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "few_examples.py").write_text(FEW_EXAMPLES)
    lend_bytecode(tree, site)
    for name in ("pip", "pytest"):
        (binaries / name).write_text(f'#!/bin/sh\nexec "{binaries}/python" -m {name} "$@"\n')
        (binaries / name).chmod(0o755)
    return binaries


def lend_bytecode(tree: Path, site: Path) -> None:
    """Lay the bytecode of the same code beside it: to compile all takes longer than any test."""
    for name in FOLDERS:
        for cached in (tree / name).rglob("*.pyc"):
            source = cached.parents[1] / f"{cached.name.partition('.')[0]}.py"
            target = site / source.relative_to(tree)
            if target.exists() and source.read_bytes() == target.read_bytes():
                os.utime(target, ns=(0, source.stat().st_mtime_ns))
                (target.parent / "__pycache__").mkdir(exist_ok=True)
                copy(cached, target.parent / "__pycache__")


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(opened.read(name))


def test_the_wheel_has_all_that_lies_in_its_folders(wheel: Path, tree: Path) -> None:
    assert any(tree.rglob("*.pyc")), "without bytecode this proves less"
    with ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert packed == files_of(tree)


def test_the_wheel_says_that_it_is_typed(wheel: Path) -> None:
    with ZipFile(wheel) as opened:
        assert {f"{name}/py.typed" for name in FOLDERS} <= set(opened.namelist())


def test_the_index_page_has_whole_links_that_lead_to_files_of_the_release(
    metadata: Message,
) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    links = re.findall(r"\]\(([^)\s]+)\)", str(metadata.get_payload()))
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL") or ())
    release = re.compile(f"{re.escape(urls['Source'])}/(blob|raw)/v{metadata['Version']}/(.*)")
    assert len(links) > 5
    for link in links:
        found = release.fullmatch(link)
        assert found, f"{link} does not match {release.pattern}"
        assert (ROOT / found[2]).is_file(), link
        assert found[1] == ("raw" if link.endswith(".png") else "blob"), link


def test_the_index_page_names_commands_that_there_are(metadata: Message) -> None:
    named = set(re.findall(r"placard (?:--local )?([a-z]+)", str(metadata.get_payload())))
    assert named >= {"serve", "render", "connectors"}
    assert named <= set(main.list_commands(Context(main)))


def test_the_index_is_told_what_it_sorts_by(metadata: Message) -> None:
    assert {"Source", "Changelog", "Documentation", "Issues"} <= {
        line.split(", ")[0] for line in metadata.get_all("Project-URL") or ()
    }
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or ())
    assert metadata["Keywords"]
    assert metadata["License-Expression"] == "MIT"


def test_the_service_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    command = ("--local", "serve", "--threads", "4")
    launch = partial(LoadedAnew, binaries=installed)
    with running(*command, settings={}, cwd=tmp_path, launch=launch) as (_, base):
        for page in ("/preview", "/docs", "/openapi.json", "/readyz"):
            assert requests.get(f"{base}{page}", timeout=PATIENCE).status_code == 200, page
        signed = run(installed / "placard", "--local", "sign", ISSUE, "--base", base, cwd=tmp_path)
        *_, header, url = shlex.split(signed)
        name, _, proof = header.partition(": ")
        card = requests.get(url, headers={name: proof}, timeout=PATIENCE)
    assert card.json()["metadata"]["subtitle"] == "pallets/flask #1"


def sections() -> dict[str, str]:
    """The parts of the guide, by their headings."""
    parts = re.split(r"^## (.*)$", GUIDE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def type_in(section: str, folder: Path) -> list[str]:
    """Write the files that a section of the guide shows; return the commands that it gives."""
    shown = re.findall(
        r"^`([\w./]+)`[^\n]*\n\n```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL
    )
    assert len(shown) >= 3
    for name, text in shown:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def follow(section: str, folder: Path, *binaries: Path) -> str:
    """Do what a section of the guide shows, then list the connectors; return what is printed."""
    variables = {
        "PATH": os.pathsep.join([*map(str, binaries), os.environ["PATH"]]),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTEST_PLUGINS": "few_examples",
        # It is lent too, and takes half a second.
        "PYTEST_ADDOPTS": "-p no:schemathesis",
    }
    (commands,) = type_in(sections()[section], folder)
    listing = "placard --local connectors\n"
    script = commands.removesuffix(listing) + listing
    printed = run("sh", "-e", "-c", script, cwd=folder, variables=variables)
    assert re.search(r"^=+ \d+ passed in ", printed, re.MULTILINE), printed
    assert "│" in printed, "no card was drawn"
    assert [file.name for file in sorted(folder.glob("tests/recorded/*/*"))] == [
        "open.json",
        "open.widget.json",
    ]
    return printed


def test_a_package_as_the_guide_shows_it_is_installed_and_tested(
    installed: Path, tmp_path: Path
) -> None:
    printed = follow("In code, as a package", tmp_path, installed)
    assert re.search("^acme_desk: ", printed, re.MULTILINE), printed


def test_a_definition_as_the_guide_shows_it_is_served_and_tested(
    installed: Path, loaded_placard: Loaded, tmp_path: Path
) -> None:
    """The commands are those of the checkout, which are loaded; pytest's are of the wheel."""
    printed = follow("As a definition", tmp_path, loaded_placard.command.parent, installed)
    assert re.search("^harbour: ", printed, re.MULTILINE), printed


def test_the_guide_names_each_fault_and_each_proof() -> None:
    assert [name for name in FAULTS if f"`{name}`" not in sections()["Faults"]] == []
    assert [name for name in PROOFS if f"`{name}`" not in sections()["The fixtures"]] == []
    shown = re.findall(r"`([^`]+)`", sections()["Faults"].partition("|---|---|")[2])
    assert [name for name in shown if name not in FAULTS] == []


def test_the_guide_names_what_the_host_can_do() -> None:
    shown = {name for name in vars(Host) if f"host.{name}(" in GUIDE}
    assert shown == {"ask", "attach", "send", "suggest"}
