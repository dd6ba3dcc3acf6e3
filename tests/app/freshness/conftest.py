"""A service whose cache reads the clock of the test."""

import time
from dataclasses import replace

import pytest

from app import create_app
from app.web import EXTENSION, Service
from app.wiring import build_fetcher, build_widgets
from tests.app.cache.parts import Clock
from tests.app.freshness.parts import AtTime
from tests.conftest import settings_with
from tests.host import Host


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def host_at(clock: Clock) -> AtTime:
    """Make the host of a service whose cache reads the clock of the test."""

    def make(**changes: str) -> Host:
        settings = settings_with(**changes)
        app = create_app(settings)
        service: Service = app.extensions[EXTENSION]
        widgets = build_widgets(settings, build_fetcher(settings), service.metrics, clock)
        app.extensions[EXTENSION] = replace(service, widgets=widgets)
        return Host(app.test_client())

    return make


@pytest.fixture
def host(host_at: AtTime) -> Host:
    return host_at()
