"""The connectors, in the order in which they are asked.

base.py        the contract of a connector, and the registry that finds one for an address
card_parts.py  what several connectors make of their fields
definitions/   connectors without code, in TOML
github/ and a file for each other system
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from typing import Final

from app.connectors.azure_devops import AzureDevOpsWidget, AzureDevOpsWorkItem
from app.connectors.base import Connector, ConnectorRegistry, Match, find
from app.connectors.datadog import Datadog
from app.connectors.definitions.files import SETTING, read_definitions
from app.connectors.github import GitHub, GitHubCommit, GitHubRepository, GitHubRun
from app.connectors.gitlab import GitLab
from app.connectors.jira import Jira
from app.connectors.pagerduty import PagerDuty
from app.connectors.sentry import Sentry
from app.connectors.spaceone import SpaceONE
from app.connectors.trello import Trello
from app.connectors.zendesk import Zendesk
from app.errors import ConfigurationError
from app.settings import ConnectorSetting, Settings

__all__ = [
    "CONNECTORS",
    "Connector",
    "ConnectorRegistry",
    "Match",
    "all_connectors",
    "coded_connectors",
    "connector_settings",
    "find",
    "installed",
]

GROUP: Final = "placard.connectors"
CONNECTORS: Final[tuple[type[Connector], ...]] = (
    AzureDevOpsWidget,
    AzureDevOpsWorkItem,
    Datadog,
    GitHub,
    GitHubCommit,
    GitHubRun,
    GitHubRepository,
    GitLab,
    Jira,
    PagerDuty,
    Sentry,
    SpaceONE,
    Trello,
    Zendesk,
)


def connector_settings() -> tuple[ConnectorSetting, ...]:
    """List the settings of all connectors, those of other packages included."""
    return tuple(
        dict.fromkeys(
            setting for connector in (*CONNECTORS, *installed()) for setting in connector.settings
        )
    )


@cache
def installed() -> tuple[type[Connector], ...]:
    """Load the connectors of other packages, by the entry-point group `placard.connectors`.

    Raises ConfigurationError, naming the entry point, where one is no connector.
    """
    return tuple(_loaded(entry) for entry in sorted(entry_points(group=GROUP)))


def coded_connectors(settings: Settings) -> tuple[Connector, ...]:
    """Make the connectors that are code, each with the settings that are its own."""
    return tuple(connector(settings) for connector in (*CONNECTORS, *installed()))


def all_connectors(settings: Settings) -> tuple[Connector, ...]:
    """Make all connectors; definitions come last, so that they take no address from another.

    Raises ConfigurationError where two have one name, or a definition cannot be used.
    """
    made = (*coded_connectors(settings), *read_definitions(settings.connectors_file))
    names = [connector.name for connector in made]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{SETTING}: more than one connector has the name {twice[0]}")
    return made


def _loaded(entry: EntryPoint) -> type[Connector]:
    try:
        found = entry.load()
    except Exception as error:
        # Whatever another package's code raises: the start is stopped, and told why.
        told = f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"{GROUP}: {entry.name}: {told}") from error
    if not (isinstance(found, type) and issubclass(found, Connector)) or isabstract(found):
        raise ConfigurationError(f"{GROUP}: {entry.name}: {entry.value} is no Connector")
    return found
