"""How many connections a worker may hold, by what the system allows."""

import resource

import pytest

from app.cli.connections import FEWEST_CONNECTIONS, MOST_CONNECTIONS, provide_connections
from app.errors import ConfigurationError

INFINITY = resource.RLIM_INFINITY


class System:
    """A system with limits of its own, which `resource` asks and sets."""

    def __init__(self, soft: int, hard: int, most: int = 1 << 20) -> None:
        self.limits, self._most = (soft, hard), most

    def getrlimit(self, kind: int) -> tuple[int, int]:
        assert kind == resource.RLIMIT_NOFILE
        return self.limits

    def setrlimit(self, kind: int, limits: tuple[int, int]) -> None:
        assert kind == resource.RLIMIT_NOFILE
        if limits[0] > self._most:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


def on(monkeypatch: pytest.MonkeyPatch, system: System) -> System:
    monkeypatch.setattr(resource, "getrlimit", system.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", system.setrlimit)
    return system


@pytest.mark.parametrize("hard", [INFINITY, 1 << 20])
def test_soft_limit_is_raised_to_what_is_needed(monkeypatch: pytest.MonkeyPatch, hard: int) -> None:
    system = on(monkeypatch, System(1024, hard))

    assert provide_connections(64) == MOST_CONNECTIONS
    assert system.limits[0] > MOST_CONNECTIONS + 64
    assert system.limits[1] == hard


def test_limit_that_is_high_enough_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    system = on(monkeypatch, System(100_000, 100_000))

    assert provide_connections(64) == MOST_CONNECTIONS
    assert system.limits == (100_000, 100_000)


def test_fewer_connections_are_held_where_the_system_allows_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = on(monkeypatch, System(1024, 4096))

    held = provide_connections(64)

    assert system.limits == (4096, 4096)
    assert FEWEST_CONNECTIONS <= held < 4096 - 64


@pytest.mark.parametrize(
    "system", [System(256, 1024), System(256, INFINITY, most=1024)], ids=["hard", "told too late"]
)
def test_too_few_descriptors_refuse_the_start(
    monkeypatch: pytest.MonkeyPatch, system: System
) -> None:
    on(monkeypatch, system)

    with pytest.raises(ConfigurationError, match=r"^--threads: 64 threads need \d+ file desc"):
        provide_connections(64)
