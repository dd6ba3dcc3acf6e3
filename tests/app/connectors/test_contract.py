"""No connector without its suite."""

from app.connectors import CONNECTORS
from app.connectors.definitions.connector import DefinedConnector
from tests.app.connectors.suites import suites


def test_each_connector_has_its_suite() -> None:
    found = {suite.connector for suite in suites()}
    assert {each for each in found if not issubclass(each, DefinedConnector)} == set(CONNECTORS)
