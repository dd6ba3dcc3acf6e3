"""What `placard render` asks for a card: the story, and the library where the address is ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from app import create_app
from app.connectors import all_connectors, find
from app.devtools.recorder import WrittenAnswer, answering
from app.origins import host_of, is_loopback_host
from app.settings import MEMORY, Settings
from app.telemetry.metrics import Metrics
from app.upstream.samples import SampleAdapter
from app.upstream.wiring import build_fetcher
from app.web import EXTENSION
from app.widgets import Widgets
from app.wiring import build_widgets


@contextmanager
def widgets_for(
    url: str, settings: Settings, answer: WrittenAnswer | None = None
) -> Iterator[Widgets]:
    """Yield what makes the card of an address, as it is now: a shared cache may hold an older one.

    What is saved in this service's own library is read there, as the service does. An `answer`
    stands in for the system's. Raises NoConnector and MalformedRequest where there is one.
    """
    settings = replace(settings, cache_url=MEMORY)
    own_settings = _own_settings(settings, url)
    if own_settings is None or answer is not None:
        adapter = None if answer is None else _answering(settings, url, answer)
        yield build_widgets(settings, build_fetcher(settings, adapter=adapter), Metrics())
        return
    from app.library.http.context import EXTENSION as LIBRARY  # noqa: PLC0415 - needs a database

    app = create_app(replace(own_settings, log_level="warning"))
    try:
        yield app.extensions[EXTENSION].widgets
    finally:
        app.extensions[LIBRARY].store.close()


def _answering(settings: Settings, url: str, answer: WrittenAnswer) -> SampleAdapter:
    connector, match = find(url, all_connectors(settings))
    return answering(connector.request_for(match), answer)


def _own_settings(settings: Settings, url: str) -> Settings | None:
    """Return the settings of the service that has an address, if that is this one; else None.

    In the local mode whatever answers on this machine is, on whatever port.
    """
    try:
        target = urlsplit(url)
        host = host_of(target)
    except ValueError:
        return None  # which is for the story to say
    if settings.local and settings.public_url is None and is_loopback_host(target.hostname or ""):
        settings = replace(settings, public_url=f"{target.scheme}://{target.netloc}")
    return settings if host in settings.public_hosts else None
