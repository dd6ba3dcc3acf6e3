"""A service whose cache uses the test's clock."""

import time
from dataclasses import replace

import pytest

from app import create_app
from app.upstream.wiring import build_fetcher
from app.web import EXTENSION, Service
from app.wiring import build_widgets
from tests.app.freshness.answers import AtTime
from tests.clock import Clock
from tests.conftest import settings_with
from tests.host import Host


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def host_at(clock: Clock) -> AtTime:
    """Return a function that makes a service with the test's clock, and its host."""

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
