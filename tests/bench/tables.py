"""A bench's result: a table, as Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """# What Placard costs and saves

Written by `make bench`; `make bench ARGS="warm cold"` measures some again, and the other sections
stay as they are. Each section says when, on what and by which command it was measured.
"""
_SECTION = re.compile(r"^## (\w+): .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class Missing(Exception):
    """What a row or a bench needs is not here; the text says what, and how to get it."""


@dataclass(frozen=True)
class Table:
    """The rows of one bench; `notes` say how they were measured."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: str = ""


def skipped(name: str, columns: Sequence[str], why: Missing) -> list[str]:
    """Make the row of what could not be measured."""
    return [name, f"skipped: {why}", *[""] * (len(columns) - 2)]


def section(name: str, title: str, place: str, table: Table) -> str:
    """Write one section of the results."""
    lines = [
        f"## {name}: {title}",
        "",
        f"{place}; `make bench ARGS={name}`.",
        "",
        _line(table.columns),
        _line(["---"] + ["---:"] * (len(table.columns) - 1)),
        *map(_line, table.rows),
        "",
        *([table.notes.strip(), ""] if table.notes else []),
    ]
    return "\n".join(lines) + "\n"


def read_sections(path: Path = RESULTS) -> dict[str, str]:
    """Read what was measured before, by the bench's name."""
    text = path.read_text("utf-8") if path.is_file() else ""
    return {found[1]: found[0] for found in _SECTION.finditer(text)}


def write_sections(sections: Mapping[str, str], order: Iterable[str], path: Path = RESULTS) -> None:
    """Write all sections, in order."""
    told = [sections[name].strip() for name in order if name in sections]
    path.write_text("\n\n".join([HEAD.strip(), *told]) + "\n", "utf-8")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
