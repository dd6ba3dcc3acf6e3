"""The programs of operators, by which these files are tried."""

import shutil

import pytest


def _found(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name}: apt-get install {package}")
    return path


@pytest.fixture(scope="session")
def promtool() -> str:
    """The tool of Prometheus that checks rules."""
    return _found("promtool", "prometheus")


@pytest.fixture(scope="session")
def nginx() -> str:
    return _found("nginx", "nginx")


@pytest.fixture(scope="session")
def caddy() -> str:
    return _found("caddy", "caddy")


@pytest.fixture(scope="session")
def jq() -> str:
    return _found("jq", "jq")


@pytest.fixture(scope="session")
def systemd_analyze() -> str:
    return _found("systemd-analyze", "systemd")
