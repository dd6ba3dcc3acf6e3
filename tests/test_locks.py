"""The lock files hold all that is installed, on each Python and system that Placard runs on."""

import re
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.locks import (
    DEVELOPMENT,
    PRODUCTION,
    ROOT,
    Environment,
    Release,
    Walk,
    read_pins,
    read_project,
    versions,
    walk,
)

HERE = {name: str(value) for name, value in default_environment().items()}
PYTHONS = ("3.11.0", "3.11.15", "3.12.0", "3.13.0", "3.14.0")
SYSTEMS = {
    "linux": ("Linux", "posix", "x86_64"),
    "darwin": ("Darwin", "posix", "arm64"),
    "win32": ("Windows", "nt", "AMD64"),
}
_, PRODUCTION_ROOTS, DEVELOPMENT_ROOTS = read_project()
LOCKS = {
    "production": ((PRODUCTION,), PRODUCTION_ROOTS),
    "development": ((PRODUCTION, DEVELOPMENT), PRODUCTION_ROOTS + DEVELOPMENT_ROOTS),
}


def environment(python: str, platform: str) -> dict[str, str]:
    """Return the markers' values on CPython of a version, on a system."""
    system, os_name, machine = SYSTEMS[platform]
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": system,
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": platform,
    }


ENVIRONMENTS = {
    f"{python}-{platform}": environment(python, platform)
    for python in PYTHONS
    for platform in SYSTEMS
}


@cache
def installed(name: str, version: str) -> Release | None:
    """Return what an installed release says; others are looked at by the Python that has them."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    requirements = tuple(Requirement(line) for line in found.requires or ())
    pythons = SpecifierSet(",".join(found.metadata.get_all("Requires-Python") or ()))
    return Release(requirements, pythons) if found.version == version else None


def walked(locks: str, environment: Environment) -> Walk:
    files, roots = LOCKS[locks]
    return walk(roots, versions(read_pins(*files), environment), environment, installed)


@pytest.mark.parametrize("locks", LOCKS)
@pytest.mark.parametrize("where", ENVIRONMENTS)
def test_the_locks_pin_all_that_is_required(locks: str, where: str) -> None:
    assert walked(locks, ENVIRONMENTS[where]).faults == []


@pytest.mark.parametrize("locks", LOCKS)
def test_the_locks_pin_nothing_that_is_not_required(locks: str) -> None:
    pins, _ = LOCKS[locks]
    reached = {name for known in ENVIRONMENTS.values() for name in walked(locks, known).reached}
    assert {pin.name for pin in read_pins(*pins)} == reached


def test_what_is_installed_here_is_what_the_locks_pin() -> None:
    pins = versions(read_pins(PRODUCTION, DEVELOPMENT), HERE)
    assert [name for name, version in pins.items() if installed(name, version) is None] == []


def test_both_locks_pin_the_same_versions() -> None:
    for known in ENVIRONMENTS.values():
        production = versions(read_pins(PRODUCTION), known)
        development = versions(read_pins(DEVELOPMENT), known)
        assert {n: v for n, v in production.items() if development.get(n, v) != v} == {}


MADE_UP = {
    "outer": Release((Requirement('inner>=2; extra == "fast"'),), SpecifierSet(">=3.11")),
    "inner": Release((Requirement('old; python_version < "3.12"'),), SpecifierSet(">=3.11")),
    "old": Release((), SpecifierSet("<3.14")),
}


@pytest.mark.parametrize(
    ("root", "pins", "python", "fault"),
    [
        ("outer", {"outer": "1"}, "3.12.0", None),
        ("outer[fast]", {"outer": "1", "inner": "2"}, "3.12.0", None),
        ("outer", {}, "3.12.0", "pyproject.toml needs outer, and nothing is pinned"),
        ("outer>1", {"outer": "1"}, "3.12.0", "pyproject.toml needs outer>1, and 1 is pinned"),
        ("outer[fast]", {"outer": "1"}, "3.12.0", "outer 1 needs inner>=2; extra == "),
        ("outer[fast]", {"outer": "1", "inner": "1"}, "3.12.0", "and 1 is pinned"),
        ("inner", {"inner": "2"}, "3.11.0", "inner 2 needs old; python_version"),
        ("old", {"old": "1"}, "3.14.0", "old 1 is for Python <3.14 only"),
    ],
)
def test_what_a_lock_lacks_is_noticed(
    root: str, pins: dict[str, str], python: str, fault: str | None
) -> None:
    known = environment(python, "linux")
    faults = walk([Requirement(root)], pins, known, lambda name, _: MADE_UP[name]).faults
    assert len(faults) == (fault is not None)
    assert all(fault and fault in told for told in faults)


@pytest.mark.parametrize("path", ["Makefile", "README.md", "CONTRIBUTING.md", ".ci/run"])
def test_no_command_that_is_told_resolves_what_it_installs(path: str) -> None:
    lines = (ROOT / path).read_text("utf-8").splitlines()
    installing = [line for line in lines if re.search(r"(\bpip|\$\(PIP\)) install\b", line)]
    assert [line for line in installing if "--no-deps" not in line] == []


def test_what_the_extras_name_is_pinned_for_the_tests() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    named = {line for extra in extras.values() for line in extra}
    assert sorted(named - {str(root) for root in DEVELOPMENT_ROOTS}) == []
