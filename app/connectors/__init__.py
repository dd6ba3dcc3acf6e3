"""The connectors, in the order in which an address is matched with them.

base.py        the contract of a connector
registry.py    finds the connector of an address
addresses.py   the addresses that people paste, and what a connector matches of them
resources.py   the base of the schemas, times and counts
javascript.py  the addresses as one expression of JavaScript
searches.py    what a connector says of its system's search
card_parts.py  what several connectors make of their fields
oauth.py       how people sign in to each system
definitions/   connectors without code, in TOML
github/ and a file for each other system
"""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from typing import ClassVar, Final
from urllib.parse import SplitResult

from app.connectors.azure_devops import AzureDevOpsWidget, AzureDevOpsWorkItem
from app.connectors.base import Connector, Match
from app.connectors.datadog import Datadog
from app.connectors.definitions.bundled import (
    bundled_definitions,
    bundled_settings,
    catalogue,
    catalogue_faults,
    edits,
)
from app.connectors.definitions.files import SETTING, read_definitions
from app.connectors.github import GitHub, GitHubCommit, GitHubRepository, GitHubRun
from app.connectors.gitlab import GitLab
from app.connectors.jira import Jira
from app.connectors.oauth import CLIENT_SETTINGS, TENANT
from app.connectors.pagerduty import PagerDuty
from app.connectors.registry import ConnectorRegistry, find
from app.connectors.sentry import Sentry
from app.connectors.spaceone import SpaceONE
from app.connectors.trello import Trello
from app.connectors.zendesk import Zendesk
from app.errors import BrokenDefinition, ConfigurationError, MalformedRequest, NoConnector
from app.origins import Server
from app.settings import ConnectorSetting, Settings, settings_from_environment

__all__ = [
    "CONNECTORS",
    "Connector",
    "ConnectorRegistry",
    "EditedRegistry",
    "Match",
    "all_connectors",
    "bundled_definitions",
    "catalogue",
    "coded_connectors",
    "connector_settings",
    "find",
    "installed",
    "service_settings",
    "switched_off",
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
    """List the settings of all connectors, those of other packages included, each name once."""
    coded = (setting for kind in (*CONNECTORS, *installed()) for setting in kind.settings)
    named: dict[str, ConnectorSetting] = {}
    for setting in (*coded, *bundled_settings(), *CLIENT_SETTINGS, TENANT):
        named.setdefault(setting.name, setting)
    return tuple(named.values())


def service_settings() -> Settings:
    """Load the settings of this process, those of connectors too; raises ConfigurationError."""
    return settings_from_environment(connector_settings())


@cache
def installed() -> tuple[type[Connector], ...]:
    """Load the connectors of other packages, by the entry-point group `placard.connectors`.

    Raises ConfigurationError, naming the entry point, where one is not a connector.
    """
    return tuple(_loaded(entry) for entry in sorted(entry_points(group=GROUP)))


def coded_connectors(settings: Settings) -> tuple[Connector, ...]:
    """Make the connectors that are written in code, each with its own settings."""
    return tuple(connector(settings) for connector in (*CONNECTORS, *installed()))


def all_connectors(settings: Settings) -> tuple[Connector, ...]:
    """Make all connectors; definitions come last, so that connectors in code match first.

    A definition of PLACARD_CONNECTORS_FILE replaces a bundled one of its name, and one of
    `--definition` replaces both. Raises ConfigurationError where two have one name, or a definition
    cannot be used.
    """
    overrides = read_definitions(settings.tried_definitions, "--definition")
    replaced = {connector.name for connector in overrides}
    from_settings = read_definitions(settings.connectors_file)
    kept = (connector for connector in from_settings if connector.name not in replaced)
    user_defined = (*overrides, *kept)
    active: tuple[Connector, ...] = (*coded_connectors(settings), *user_defined)
    names = [connector.name for connector in active]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{SETTING}: more than one connector has the name {twice[0]}")
    bundled = (each for each in bundled_definitions(settings) if each.name not in names)
    return (*active, *bundled)


def switched_off(address: str, settings: Settings) -> Connector | None:
    """Return the bundled definition that would serve an address, were one of its settings given."""
    on = {connector.name for connector in bundled_definitions(settings)}
    off = (connector for connector in catalogue() if connector.name not in on)
    try:
        return find(address, off)[0]
    except (NoConnector, MalformedRequest):
        return None


class EditedRegistry(ConnectorRegistry):
    """A registry that reads the definitions again where a file was edited: for the local mode."""

    may_change: ClassVar[bool] = True

    def __init__(
        self, settings: Settings, connectors: Iterable[Connector], home: SplitResult | None = None
    ) -> None:
        self._settings = settings
        self._own_url = home
        self._edits = edits(settings.connectors_file)
        self._current = ConnectorRegistry(connectors, home)

    def find(self, address: str) -> tuple[Connector, Match]:
        """Find an address with the definitions as they are now.

        Raises NoConnector, MalformedRequest, or BrokenDefinition where a file cannot be used.
        """
        return self._reloaded().find(address)

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """All connectors, with the definitions as they are now; raises BrokenDefinition."""
        return self._reloaded().connectors

    def searched_servers(self, connector: Connector, hosts: Iterable[str]) -> tuple[Server, ...]:
        """List the servers of a connector that may be searched; `hosts` have a credential."""
        return self._current.searched_servers(connector, hosts)

    def _reloaded(self) -> ConnectorRegistry:
        seen = edits(self._settings.connectors_file)
        if seen != self._edits:
            catalogue.cache_clear()
            if faults := catalogue_faults():
                raise BrokenDefinition("\n".join(faults))
            try:
                self._current = ConnectorRegistry(all_connectors(self._settings), self._own_url)
            except ConfigurationError as error:
                raise BrokenDefinition(error.detail) from error
            self._edits = seen
        return self._current


def _loaded(entry: EntryPoint) -> type[Connector]:
    try:
        found = entry.load()
    except Exception as error:
        # Another package's code may raise anything: it stops the start, with the reason.
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"{GROUP}: {entry.name}: {reason}") from error
    if not (isinstance(found, type) and issubclass(found, Connector)) or isabstract(found):
        raise ConfigurationError(f"{GROUP}: {entry.name}: {entry.value} is not a Connector")
    return found
