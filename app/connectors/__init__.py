"""The connectors, in the order in which they are asked."""

from typing import Final

from app.config import Settings
from app.connectors.base import Connector, Match, find
from app.connectors.github import GitHub
from app.setting_table import Option

__all__ = ["CONNECTORS", "OPTIONS", "Connector", "Match", "connectors", "find"]

CONNECTORS: Final[tuple[type[Connector], ...]] = (GitHub,)
OPTIONS: Final[tuple[Option, ...]] = tuple(
    dict.fromkeys(option for connector in CONNECTORS for option in connector.options)
)


def connectors(settings: Settings) -> tuple[Connector, ...]:
    """Make the connectors, each with the settings that are its own."""
    return tuple(connector(settings) for connector in CONNECTORS)
