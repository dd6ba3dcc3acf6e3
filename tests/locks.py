"""What the lock files pin, and whether that is all that pyproject.toml asks for."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PRODUCTION = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "tests/requirements.lock"
Environment = Mapping[str, str]  # the values of environment markers, as `packaging` names them


@dataclass(frozen=True)
class Release:
    """What a distribution's metadata says of itself."""

    requirements: tuple[Requirement, ...]
    pythons: SpecifierSet


# A release by name and version, or None where its metadata is not at hand.
FindRelease = Callable[[str, str], Release | None]


@dataclass
class Walk:
    """What was met on the way from the roots through all requirements."""

    pins: Mapping[str, str]
    environment: Environment
    reached: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def read_pins(*locks: Path) -> list[Requirement]:
    """Read the pins of lock files, each with its marker, without their hashes."""
    lines = [line for lock in locks for line in lock.read_text("utf-8").splitlines()]
    return [Requirement(line.removesuffix("\\")) for line in lines if line[:1].isalnum()]


def versions(pins: Iterable[Requirement], environment: Environment) -> dict[str, str]:
    """Return the version of each package that the pins install in an environment."""
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if applies(pin, environment)
    }


def read_project() -> tuple[str, list[Requirement], list[Requirement]]:
    """Return the project's version, and what it needs in production and in development."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, groups = told["project"], told["dependency-groups"]
    production = [Requirement(line) for line in project["dependencies"] + groups["build"]]
    return project["version"], production, [Requirement(line) for line in groups["dev"]]


def walk(
    roots: Iterable[Requirement],
    pins: Mapping[str, str],
    environment: Environment,
    find_release: FindRelease,
) -> Walk:
    """Follow requirements from the roots: tell which pins are needed, and what is not met."""
    met = Walk(pins, environment)
    waiting = [("pyproject.toml", root) for root in roots if applies(root, environment)]
    seen = set()
    while waiting:
        by, wanted = waiting.pop()
        if (by, str(wanted)) not in seen:
            seen.add((by, str(wanted)))
            waiting += _follow(met, by, wanted, find_release)
    return met


def applies(requirement: Requirement, environment: Environment, extra: str = "") -> bool:
    """Tell whether a requirement counts in an environment, for an extra of who requires it."""
    return requirement.marker is None or requirement.marker.evaluate(
        {**environment, "extra": extra}
    )


def _follow(
    met: Walk, by: str, wanted: Requirement, find_release: FindRelease
) -> Iterator[tuple[str, Requirement]]:
    name = canonicalize_name(wanted.name)
    version = met.pins.get(name)
    if version is None or not wanted.specifier.contains(version, prereleases=True):
        met.faults.append(f"{by} needs {wanted}, and {version or 'nothing'} is pinned")
        return
    met.reached.add(name)
    release = find_release(name, version)
    if release is None:
        return
    if not release.pythons.contains(met.environment["python_full_version"]):
        met.faults.append(f"{name} {version} is for Python {release.pythons} only")
    for extra in ("", *wanted.extras):
        for further in release.requirements:
            if applies(further, met.environment, extra):
                yield f"{name} {version}", further
