"""A table that one test goes through: a test for each of its thousands of rows would cost more."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest


@dataclass
class Rows:
    """What came of the rows: `with row("a name"):` checks one, and lets the others go on."""

    failures: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: object) -> Iterator[None]:
        try:
            yield
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - whatever it is, it is told
            self.failures[str(name)] = traceback.format_exc()


@contextmanager
def table() -> Iterator[Rows]:
    """Check rows for the length of a block; fail at its end with each that does not hold."""
    rows = Rows()
    yield rows
    if rows.failures:
        told = (f"{name}: {why}" for name, why in rows.failures.items())
        pytest.fail(f"{', '.join(rows.failures)}\n\n{chr(10).join(told)}", pytrace=False)
