"""Pytest's fixtures, which this package's README shows; pytest loads them by the entry point.

What they stand on is loaded when a test asks for one: a plugin that cannot be loaded would end all
of pytest, also where nobody tests a connector.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from app.testing.host import Host
    from app.testing.upstream import Upstream

# Its assertions are told with their values, as those of a test are.
pytest.register_assert_rewrite("app.testing.contract")

__all__ = ["host", "make_host", "placard_settings", "replay", "upstream"]


@pytest.fixture
def placard_settings() -> Mapping[str, str]:
    """Settings of all services that these fixtures make, to be overridden in a `conftest.py`."""
    return {}


@pytest.fixture
def make_host(placard_settings: Mapping[str, str]) -> Callable[..., "Host"]:
    """Make a service with settings, such as `make_host(ACME_TOKEN="…")`, and its host."""
    from app.testing.host import host_with

    return lambda **settings: host_with({**placard_settings, **settings})


@pytest.fixture
def host(make_host: Callable[..., "Host"]) -> "Host":
    """Send requests to a service in production, signed as the host signs them."""
    return make_host()


@pytest.fixture
def upstream() -> Iterator["Upstream"]:
    """Run a real server on this machine, which answers and fails as it is told."""
    from app.testing.upstream import Upstream

    with Upstream().running() as running:
        yield running


@pytest.fixture
def replay(placard_settings: Mapping[str, str]) -> Callable[[Path], None]:
    """Replay the recorded cases of a folder, or one file: `replay(folder)`."""
    from app.testing import recordings

    return lambda path: recordings.replay(Path(path), placard_settings)
