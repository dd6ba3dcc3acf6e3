"""The recorded cases of this project's connectors: a folder for each."""

from pathlib import Path
from typing import Final

from app.testing import recordings

FOLDER: Final = Path(__file__).parent / "recorded"


def case_files() -> list[Path]:
    """List the cases of all connectors, without their widgets."""
    return recordings.case_files(FOLDER)
