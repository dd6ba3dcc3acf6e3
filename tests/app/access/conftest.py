from collections.abc import Iterator

import pytest

from tests.app.access.world import World, world


@pytest.fixture
def everybody(database_url: str) -> Iterator[World]:
    """Two people and their systems, in the mode `viewer`, once on each kind of database."""
    with world(database_url) as made:
        yield made


@pytest.fixture
def all_on_sqlite(sqlite_url: str) -> Iterator[World]:
    """The same on SQLite."""
    with world(sqlite_url) as made:
        yield made
