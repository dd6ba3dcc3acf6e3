"""No connector without its suite."""

import importlib
from pathlib import Path

from app.connectors import CONNECTORS
from app.connectors.definitions.connector import DefinedConnector
from tests.app.connectors.contract import ConnectorContract


def test_each_connector_has_its_suite() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        importlib.import_module(f"tests.app.connectors.{path.stem}")
    suites = {suite.connector for suite in ConnectorContract.__subclasses__()}
    assert {suite for suite in suites if not issubclass(suite, DefinedConnector)} == set(CONNECTORS)
