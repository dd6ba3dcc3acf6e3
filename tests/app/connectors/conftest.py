"""Makes the tables of each connector's class into cases of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.connectors.contract import CORPORA, ConnectorContract, near_misses_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    suite = metafunc.cls
    if suite is None or not issubclass(suite, ConnectorContract):
        return
    if "asked" in metafunc.fixturenames:
        metafunc.parametrize(("address", "asked"), suite.matches.items(), ids=suite.matches)
    if "near_miss" in metafunc.fixturenames:
        tricks = [*near_misses_of(suite.connector.example), *suite.near_misses]
        metafunc.parametrize("near_miss", tricks, ids=tricks)
    if "payload" in metafunc.fixturenames:
        metafunc.parametrize(("payload", "page"), list(payloads(suite)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases of real payloads where a system has none: a skip would say otherwise."""
    without = [
        item
        for item in items
        if isinstance(item, pytest.Function)
        and item.cls is not None
        and issubclass(item.cls, ConnectorContract)
        and "payload" in item.fixturenames
        and not item.cls.corpora
    ]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


def payloads(suite: type[ConnectorContract]) -> Iterator[Any]:
    """Yield each real payload with its page; without their folder, one skipped case says so."""
    for folder, page in suite.corpora.items():
        if CORPORA is None:
            reason = "PLACARD_CORPORA does not name the folder of real payloads"
            yield pytest.param(None, page, marks=pytest.mark.skip(reason=reason), id=folder)
            continue
        found = sorted((CORPORA / folder).glob("*.json"))
        assert found, f"PLACARD_CORPORA: there are no payloads in {folder}"
        for path in found:
            yield pytest.param(path, page, id=f"{folder}/{path.stem}")
