"""The recorded cases of this project's connectors: a folder for each."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from app.connectors import Connector, all_connectors, connector_settings
from app.settings import load_settings
from app.testing import recordings
from tests.host import JWT_SECRET

FOLDER: Final = Path(__file__).parent / "recorded"


@cache
def case_files() -> tuple[Path, ...]:
    """List the cases of all connectors, without their widgets."""
    return tuple(recordings.case_files(FOLDER))


def connectors_with(settings: Mapping[str, str]) -> tuple[Connector, ...]:
    """Make all connectors with the settings of a case, for all cases that have the same."""
    return _connectors_with(tuple(settings.items()))


@cache
def _connectors_with(settings: tuple[tuple[str, str], ...]) -> tuple[Connector, ...]:
    given = {"PLACARD_JWT_SECRETS": JWT_SECRET, **dict(settings)}
    return all_connectors(load_settings(given, connector_settings()))
