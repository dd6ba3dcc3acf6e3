"""The catalogue: the definitions that are bundled, with the settings that they bring along."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from app.connectors.definitions.connector import DefinedConnector
from app.connectors.definitions.files import lint_definitions, read_bundled
from app.settings import ConnectorSetting, Settings

CATALOGUE: Final = Path(__file__).parent / "catalogue"


def bundled_definitions(settings: Settings) -> tuple[DefinedConnector, ...]:
    """Make the bundled definitions that the settings turn on; offline, with samples, all."""
    made = (connector.with_settings(settings) for connector in catalogue())
    return tuple(each for each in made if each.is_on or settings.offline)


def bundled_settings() -> tuple[ConnectorSetting, ...]:
    """List the settings of all bundled definitions."""
    return tuple(setting for connector in catalogue() for setting in connector.settings)


def edits(paths: Sequence[str]) -> dict[Path, tuple[int, int] | None]:
    """Tell when each file of definitions was written, and its size; None where it is not there."""
    folders = [*map(Path, paths), CATALOGUE]
    files = [file for path in folders for file in ([path] if path.is_file() else path.glob("*"))]
    return {file: _edit(file) for file in files}


def _edit(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@cache
def catalogue() -> tuple[DefinedConnector, ...]:
    """Read the catalogue, which has no faults."""
    return read_bundled(_files())


def catalogue_faults() -> list[str]:
    """List the faults of the catalogue, for the developer who edits it."""
    return [fault for file in _files() for fault in lint_definitions(file)]


def _files() -> list[Path]:
    return sorted(CATALOGUE.glob("*.toml"))
