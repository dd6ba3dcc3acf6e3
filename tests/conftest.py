"""Fixtures that all tests share."""

from collections.abc import Callable, Iterator

import pytest
import responses
from hypothesis import settings as examples

from app import create_app
from app.config import Settings, load_settings
from app.connectors import options
from tests.host import JWT_SECRET, SIGNATURE_SECRET, Host

# How long an example takes says nothing here; all else is as hypothesis has it, also in CI.
examples.register_profile("placard", parent=examples(), deadline=None)
examples.load_profile("placard")

OWN = {option.name for option in options()}
MakeHost = Callable[..., Host]


@pytest.fixture
def settings() -> Settings:
    """The settings of a service in production, with a secret for each kind of proof."""
    return settings_with()


@pytest.fixture
def make_host() -> MakeHost:
    """Make an application with changed settings, and the host that talks to it."""
    return lambda **changes: Host(create_app(settings_with(**changes)).test_client())


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """The host of a service in production."""
    return make_host()


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    """The outside world: only what a test registers answers, and all of it must be asked for."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


def settings_with(**changes: str) -> Settings:
    """Load settings as from an environment: `verify="off"` stands for `PLACARD_VERIFY=off`."""
    given = {
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
    }
    for name, value in changes.items():
        upper = name.upper()
        given[upper if upper in OWN else f"PLACARD_{upper}"] = value
    return load_settings(given, options())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="fail where a test skips: nothing may be missing"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--no-skips"):
        return
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
