"""The suites of all connectors."""

import importlib
from pathlib import Path

from app.testing.contract import ConnectorContract


def suites() -> list[type[ConnectorContract]]:
    """List the suites of all connectors, after a look into every module of tests here."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        text = path.read_text("utf-8")
        if "ConnectorContract)" in text or "DefinitionContract)" in text:
            importlib.import_module(f"tests.app.connectors.{path.stem}")
    found = all_subclasses(ConnectorContract)
    return [each for each in found if each.__module__.startswith(f"{__package__}.")]


def all_subclasses(suite: type[ConnectorContract]) -> list[type[ConnectorContract]]:
    """List the suites that have a connector of their own."""
    found = [each for inner in suite.__subclasses__() for each in (inner, *all_subclasses(inner))]
    return [each for each in found if hasattr(each, "connector")]
