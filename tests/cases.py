"""The recorded cases of this project's connectors: a folder for each."""

from functools import cache
from pathlib import Path
from typing import Final

from app.testing import recordings

FOLDER: Final = Path(__file__).parent / "recorded"


@cache
def case_files() -> tuple[Path, ...]:
    """List the cases of all connectors, without their widgets."""
    return tuple(recordings.case_files(FOLDER))
