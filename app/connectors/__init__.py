"""The connectors, in the order in which they are asked."""

from app.config import Settings
from app.connectors.base import Connector, Match, find
from app.connectors.github import GitHub

__all__ = ["Connector", "Match", "connectors", "find"]


def connectors(settings: Settings) -> tuple[Connector, ...]:
    """List the connectors, each with the settings that are its own."""
    return (GitHub(settings.github_token, settings.github_hosts, settings.github_enterprise_token),)
