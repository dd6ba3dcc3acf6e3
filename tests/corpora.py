"""Real payloads, which are no part of the project: tests look at them where they are named.

Tests of them are marked `corpora`. They are not collected unless `PLACARD_CORPORA` names a folder.
"""

import os
from pathlib import Path
from typing import Final

NAMED: Final = os.environ.get("PLACARD_CORPORA", "")


def real_payloads(folder: str) -> list[Path]:
    """List the payloads of a folder of the corpora, or none where no corpora are named."""
    if not NAMED:
        return []
    found = sorted((Path(NAMED) / folder).glob("*.json"))
    if not found:
        raise FileNotFoundError(f"PLACARD_CORPORA: there is no JSON in {Path(NAMED) / folder}")
    return found
