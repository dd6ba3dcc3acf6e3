"""Make the story and lookup: the connectors, who may see what they show, and the credentials.

Each of the rooms below has a module `wiring` of its own, which makes what is the room's.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.access import Access, AccessModes, ColdFetchBudget, Providers, providers_of, why_nobody
from app.cache.backend import CacheBackend
from app.cache.memory_backend import SMALLEST_CARD
from app.cache.wiring import build_backend, build_cache
from app.connectors import Connector, ConnectorRegistry, EditedRegistry, all_connectors, catalogue
from app.errors import ConfigurationError
from app.lookup.kept import KeptLists
from app.lookup.lookup import Lookup
from app.lookup.samples import SampleSearch
from app.lookup.search import Searches
from app.lookup.together import Together
from app.resolver import RESOLVED_KEPT, Resolver
from app.settings import FETCH_PLACES, MEMORY, Settings
from app.telemetry.metrics import Metrics
from app.upstream.client import Fetcher
from app.upstream.credentials import (
    SETTING,
    Credentials,
    CredentialsFile,
    HostCredential,
    header_pairs,
    read_credentials_file,
)
from app.upstream.samples import bundled_samples
from app.widgets import Widgets
from templates_schemas.hints import did_you_mean

if TYPE_CHECKING:
    # It needs the database.
    from app.access.wiring import PeopleParts


def build_widgets(
    settings: Settings,
    fetcher: Fetcher,
    metrics: Metrics,
    clock: Callable[[], float] = time.time,
    people: "PeopleParts | None" = None,
    backend: CacheBackend | None = None,
) -> Widgets:
    """Make the story, with its connectors and its cache; `clock` is in epoch seconds.

    Without `people`, nobody is known: a mode that wants a person's credential shows nothing.
    """
    connectors = all_connectors(settings)
    longest_ttl = max((connector.ttl or 0.0 for connector in connectors), default=0.0)
    backend = backend or build_backend(settings, metrics, clock)
    cache = build_cache(settings, backend, metrics, clock, longest_ttl)
    access = _access(settings, connectors, people)
    # With Redis a process keeps few cards of its own, and those for a second.
    in_memory = settings.cache_url == MEMORY
    known_addresses = settings.cache_bytes // SMALLEST_CARD if in_memory else RESOLVED_KEPT
    resolver = Resolver(_registry(settings, connectors), access, known_addresses)
    budget = ColdFetchBudget(settings.cold_fetches_per_minute)
    return Widgets(resolver, fetcher, cache, budget, metrics)


def build_lookup(
    settings: Settings,
    widgets: Widgets,
    search_fetcher: Fetcher,
    metrics: Metrics,
    backend: CacheBackend,
) -> Lookup:
    """Make what finds resources for the story, over the backend of its cache.

    Searches have a client of their own: their failures and limits are not those of cards.
    """
    kept = KeptLists(backend)
    budget = ColdFetchBudget(settings.cold_fetches_per_minute)
    searches = Searches(widgets.resolver, search_fetcher, budget, kept, metrics)
    together = Together(settings.fetch_places or FETCH_PLACES)
    samples = SampleSearch(widgets, bundled_samples()) if settings.offline else None
    return Lookup(widgets, searches, kept, metrics, together, samples)


def _registry(settings: Settings, connectors: Sequence[Connector]) -> ConnectorRegistry:
    home = urlsplit(settings.public_url) if settings.library and settings.public_url else None
    # Who writes a definition sees each change at once.
    kind = partial(EditedRegistry, settings) if settings.local else ConnectorRegistry
    return kind(connectors, home)


def _access(
    settings: Settings, connectors: Sequence[Connector], people: "PeopleParts | None"
) -> Access:
    names = {connector.name for connector in (*connectors, *catalogue())}
    credentials = _credentials(settings, connectors, _credentials_file(settings).credentials)
    providers, kept = (people.providers, people.known) if people else (Providers(), None)
    return Access(AccessModes(settings, names), credentials, providers, kept)


def build_people(
    settings: Settings, fetcher: Fetcher, backend: CacheBackend
) -> "PeopleParts | None":
    """Make what is kept of people, where they can sign in."""
    if not settings.has_sign_in:
        return None
    # Only here: where nobody can sign in, and without the library, no database is loaded.
    from app.access import wiring  # noqa: PLC0415

    connectors = all_connectors(settings)
    providers = providers_of(settings, _credentials_file(settings).clients, connectors)
    on_removed = KeptLists(backend).forget_account
    return wiring.build_people(settings, providers, fetcher, on_removed)


def unreachable_systems(settings: Settings, people: "PeopleParts") -> dict[str, str]:
    """Map the systems whose access mode wants people's own accounts, without a sign-in, to why."""
    connectors = all_connectors(settings)
    modes = AccessModes(settings, {connector.name for connector in (*connectors, *catalogue())})
    wanting = [connector for connector in connectors if modes.of(connector.name) != "shared"]
    reached = {each.label for each in wanting if people.providers.reach(each)}
    return {each.label: why_nobody(each) for each in wanting if each.label not in reached}


def _credentials_file(settings: Settings) -> CredentialsFile:
    file = settings.credentials_file
    return read_credentials_file(Path(file)) if file else CredentialsFile()


def _credentials(
    settings: Settings, connectors: Sequence[Connector], given: Sequence[HostCredential]
) -> Credentials:
    """List the file's credentials, then each connector's own.

    What the file gives to no connector by name is for those that are trusted with it.
    """
    trusted = [connector for connector in connectors if connector.is_trusted]
    names = frozenset(connector.name for connector in trusted)
    every_name = {connector.name for connector in connectors}
    faults = [
        f"{SETTING}: {each.location}: no connector is named {name}{did_you_mean(name, every_name)}"
        for each in given
        for name in (each.connectors or frozenset()) - every_name
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))
    of_connectors = (
        replace(credential, connectors=frozenset({connector.name}))
        for connector in trusted
        for credential in connector.credentials
    )
    return Credentials(
        [
            *(replace(each, connectors=each.connectors or names) for each in given),
            *of_connectors,
            *_local_credentials(settings),
        ]
    )


def _local_credentials(settings: Settings) -> Iterator[HostCredential]:
    """Let the local mode show what is saved in its own library, by the token that it printed."""
    if settings.local and settings.local_token:
        token = settings.local_token
        headers = {"Authorization": f"Bearer {token}", "DD-APPLICATION-KEY": token}
        for host in settings.public_hosts:
            yield header_pairs(host, "PLACARD_LOCAL_TOKEN", headers)
