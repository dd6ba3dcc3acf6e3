"""What `placard render` asks for a card: the story, and the library where the address is ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from app import create_app
from app.origins import host_of, is_loopback_host
from app.settings import MEMORY, Settings
from app.telemetry.metrics import Metrics
from app.web import EXTENSION
from app.widgets import Widgets
from app.wiring import build_fetcher, build_widgets


@contextmanager
def widgets_for(url: str, settings: Settings) -> Iterator[Widgets]:
    """Yield what makes the card of an address, as it is now: a shared cache may hold an older one.

    What is saved in this service's own library is read there, as the service does.
    """
    settings = replace(_with_own_address(settings, url), cache_url=MEMORY)
    if not _is_own(url, settings):
        yield build_widgets(settings, build_fetcher(settings), Metrics())
        return
    from app.library.http.context import EXTENSION as LIBRARY  # noqa: PLC0415 - needs a database

    app = create_app(settings)
    try:
        yield app.extensions[EXTENSION].widgets
    finally:
        app.extensions[LIBRARY].store.close()


def _with_own_address(settings: Settings, url: str) -> Settings:
    """In the local mode, whatever answers on this machine is this service, on whatever port."""
    parts = urlsplit(url)
    if settings.local and settings.public_url is None and is_loopback_host(parts.hostname or ""):
        return replace(settings, public_url=f"{parts.scheme}://{parts.netloc}")
    return settings


def _is_own(url: str, settings: Settings) -> bool:
    try:
        return host_of(urlsplit(url)) in settings.public_hosts
    except ValueError:
        return False  # which is for the story to say
