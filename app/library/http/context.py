"""The library's parts, as the views of its dialects find them."""

from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.widget_store import DashboardWidgets
from app.library.core.store import Store
from app.library.core.tokens import Tokens
from app.library.datadog.store import SavedWidgets
from app.library.http.dialect import Dialect
from app.library.http.rate_limit import Limiter
from app.library.spaceone.store import CustomWidgets
from app.settings import Settings

EXTENSION: Final = "placard.library"
# Set in the environment of a request that the service makes of itself; no header can set it.
LOOPBACK: Final = "placard.loopback"


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of the widget library."""

    settings: Settings
    store: Store
    tokens: Tokens
    limiter: Limiter
    dialects: tuple[Dialect, ...]
    saved_widgets: SavedWidgets
    custom_widgets: CustomWidgets
    dashboards: Dashboards
    dashboard_widgets: DashboardWidgets


def library() -> Library:
    """Return the library of the application that answers this request."""
    return cast(Library, current_app.extensions[EXTENSION])
