"""Makes the parts of the widget library from the settings, and mounts its dialects."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from flask import Flask

from app.database.connections import MOST_CONNECTIONS
from app.database.store import Store
from app.library.azure_devops.dialect import azure_devops_dialect
from app.library.core.tokens import TokenStore
from app.library.datadog.dialect import DIALECT as DATADOG
from app.library.http.context import EXTENSION, Library
from app.library.http.dialect import Dialect, Dispatcher, init_dialect
from app.library.http.loopback import make_loopback
from app.library.http.rate_limit import Limiter
from app.library.http.thread_share import ThreadShare
from app.library.http.token_slots import TokenSlots
from app.library.spaceone.dialect import DIALECT as SPACEONE
from app.library.surface import LibrarySurface
from app.settings import Settings
from app.upstream.client import Loopback
from app.upstream.concurrency import ConcurrencyLimit

# Add a dialect here. Azure DevOps takes every path with `_apis` that none of these has.
WITH_OWN_PATHS: Final[tuple[Dialect, ...]] = (DATADOG, SPACEONE)
AZURE_DEVOPS: Final = azure_devops_dialect(other.paths for other in WITH_OWN_PATHS)
DIALECTS: Final = (*WITH_OWN_PATHS, AZURE_DEVOPS)
_OPERATIONS: Final = [operation for dialect in DIALECTS for operation in dialect.operations]
# The scopes that a token may have: those that any operation asks for.
SCOPES: Final = tuple(sorted({scope for each in _OPERATIONS for scope in each.scopes}))
# In one process, for one token and for all. A search keeps a processor busy, which cards need too;
# a large answer takes up to its largest size in memory, until its client has read it.
SEARCHES: Final = ConcurrencyLimit(per_origin=2, total=3)
LARGE_ANSWERS: Final = ConcurrencyLimit(per_origin=4, total=8)


def build_library(settings: Settings) -> Library:
    """Make the library; its database may be down, and is then prepared when it is back."""
    store = Store(settings.database_url)
    store.prepare_now_or_later()
    return Library(
        settings=settings,
        store=store,
        tokens=TokenStore(store, settings.token_secrets, SCOPES),
        limiter=Limiter(
            settings.library_requests_per_minute,
            settings.cache_url,
            settings.metrics_folder,
            settings.ca_bundle,
            settings.sentinel_password,
        ),
        searches=TokenSlots(SEARCHES),
        large_answers=TokenSlots(LARGE_ANSWERS),
    )


def mount_library(
    host: Flask, settings: Settings, make_application: Callable[[str], Flask]
) -> LibrarySurface:
    """Put the dialects before a host's application, each as an application that is made of a name.

    The library stands in the host's `extensions` too, for whoever closes its store.
    """
    library = host.extensions[EXTENSION] = build_library(settings)
    share = ThreadShare(settings.library_threads)
    mounted = []
    for dialect in DIALECTS:
        app = make_application(dialect.blueprint.import_name)
        init_dialect(app, dialect, library)
        mounted.append((dialect.paths, share.wrap(app.wsgi_app)))
    host.wsgi_app = Dispatcher(host.wsgi_app, mounted)  # type: ignore[method-assign]
    answer = make_loopback(host, urlsplit(settings.public_url or "").path)
    return LibrarySurface(
        sections=tuple(dialect.section for dialect in DIALECTS),
        fault=library.store.fault,
        connections=lambda: library.store.connections,
        most_connections=MOST_CONNECTIONS,
        loopback=next((Loopback(own_host, answer) for own_host in settings.public_hosts), None),
    )
