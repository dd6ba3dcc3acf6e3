"""The lines of `app/deploy/README.md`, by the section and the paragraph before them."""

import re
from pathlib import Path
from typing import Final

DEPLOY: Final = Path(__file__).parents[1] / "app/deploy"
PAGE: Final = (DEPLOY / "README.md").read_text("utf-8")


def section(title: str) -> str:
    """The text of a section."""
    found = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, f"there is no section {title}"
    return found


def blocks(title: str) -> list[str]:
    """The blocks of lines in a section, in their order."""
    found = re.findall(r"(?:^    .*\n)+", section(title) + "\n", re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]
