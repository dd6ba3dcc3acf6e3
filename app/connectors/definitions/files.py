"""Reads the files of definitions: each fault names the file, the line and the rule."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from app.connectors.base import Connector
from app.connectors.definitions.connector import DefinedConnector
from app.connectors.definitions.schema import BundledFileSchema, FileSchema
from app.connectors.registry import find
from app.errors import ConfigurationError, MalformedRequest, NoConnector
from app.settings.toml_files import BrokenToml, PlacedFault, load_toml, placed
from templates_schemas.rules import Fault

SETTING: Final = "PLACARD_CONNECTORS_FILE"
_SCHEMA: Final = FileSchema()
_BUNDLED_SCHEMA: Final = BundledFileSchema()
# A file that is not bundled names no settings: its credentials are those that name its connectors.
_BUNDLED_ONLY: Final = ("credential", "hosts_setting", "hosts_base")


def read_definitions(paths: Sequence[str], given_by: str = SETTING) -> tuple[DefinedConnector, ...]:
    """Read every file, and every `*.toml` in a folder; `given_by` tells who named the paths.

    Raises ConfigurationError, which names each fault's file, line and rule.
    """
    files = definition_files(paths, given_by)
    loaded = [load_definitions(file, by_user=True) for file in files]
    if lines := [f"{given_by}: {fault}" for _, faults in loaded for fault in faults]:
        raise ConfigurationError("\n".join(lines))
    return tuple(DefinedConnector(each) for definitions, _ in loaded for each in definitions)


def read_bundled(files: Iterable[Path]) -> tuple[DefinedConnector, ...]:
    """Read files of the catalogue, which have no faults."""
    given = (_BUNDLED_SCHEMA.load(tomllib.loads(file.read_text("utf-8"))) for file in files)
    return tuple(DefinedConnector(each) for loaded in given for each in loaded["connector"])


def definition_files(paths: Sequence[str], given_by: str = SETTING) -> list[Path]:
    """List the files that paths name; raises ConfigurationError for a folder without one."""
    return list(
        dict.fromkeys(file.resolve() for path in paths for file in _files(Path(path), given_by))
    )


def lint_definitions(file: Path) -> list[str]:
    """List what is wrong with a file, as `load_definitions` does."""
    return load_definitions(file)[1]


def load_definitions(
    file: Path, *, by_user: bool = False
) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """Load the definitions of a file; list what is wrong with it.

    Each fault is `file:line: path: what would be right (rule)`; with any, there are no definitions.
    Files `by_user` are not bundled, and have no settings.
    """
    try:
        loaded, faults = check_file(file, by_user=by_user)
    except OSError as error:
        return [], [f"{file}: {error.strerror}"]
    return loaded, [f"{file}:{line}: {fault}" for line, fault in faults]


def check_file(
    file: Path,
    *,
    by_user: bool = False,
    before: Sequence[Connector] = (),
    taken: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Sequence[Mapping[str, Any]], list[PlacedFault]]:
    """Load the definitions of a file, or none and its faults, each with its line.

    The connectors `before` are matched first: their addresses are taken, and so are the names in
    `taken`, each with where it is from. Raises OSError where the file cannot be read.
    """
    try:
        read, text = load_toml(file, _SCHEMA)
    except BrokenToml as broken:
        return [], broken.faults
    loaded: Sequence[Mapping[str, Any]] = read["connector"]
    faults = [*(_faults_of_user(loaded) if by_user else ()), *_clashes(loaded, before, taken)]
    return [] if faults else loaded, placed(faults, text)


def _faults_of_user(loaded: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    for index, each in enumerate(loaded):
        for key in _BUNDLED_ONLY:
            if key in each:
                message = "is for bundled definitions; name this connector in the credentials file"
                yield Fault(f"$.connector[{index}].{key}", "bundled", message)
        if "scope_setting" in each.get("search", {}):
            message = "is for bundled definitions; write the place into the search's url"
            yield Fault(f"$.connector[{index}].search.scope_setting", "bundled", message)


def _clashes(
    loaded: Sequence[Mapping[str, Any]], before: Sequence[Connector], taken: Mapping[str, str]
) -> Iterator[Fault]:
    """Require that no other connector has the same name, and no earlier one serves the example."""
    if not before:
        return
    earlier = [*before]
    for index, each in enumerate(loaded):
        if each["name"] in taken:
            message = f"is the name of another connector, in {taken[each['name']]}"
            yield Fault(f"$.connector[{index}].name", "unique", message)
        with suppress(NoConnector, MalformedRequest):
            found = find(each["example"], earlier)[0]
            message = f"is an address of the connector {found.name}, which is matched before"
            yield Fault(f"$.connector[{index}].example", "unique", message)
        earlier.append(DefinedConnector(each))


def _files(path: Path, given_by: str) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.toml"))
    if not found:
        raise ConfigurationError(f"{given_by}: {path}: there is no *.toml in this folder")
    return found
