"""The HTTP surface: one thin blueprint each, over the parts that the factory wired."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from flask import current_app

from app.config import Settings
from app.library.custom_widgets import CustomWidgets
from app.library.dashboard_widgets import DashboardWidgets
from app.library.dashboards import Dashboards
from app.library.saved_widgets import SavedWidgets
from app.library.store import Store
from app.library.tokens import Tokens
from app.metrics import Metrics
from app.verification import KeySource, Verifier
from app.web.library.dialects import Dialect
from app.web.library.limits import Limiter
from app.widgets import Widgets

EXTENSION: Final = "placard"
CACHE_STATUS: Final = "Cache-Status"


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of the widget library."""

    store: Store
    tokens: Tokens
    limiter: Limiter
    dialects: tuple[Dialect, ...]
    saved_widgets: SavedWidgets
    custom_widgets: CustomWidgets
    dashboards: Dashboards
    dashboard_widgets: DashboardWidgets


@dataclass(frozen=True, slots=True)
class Service:
    """One application's parts, kept in `app.extensions`."""

    settings: Settings
    verifier: Verifier
    key_sources: tuple[KeySource, ...]
    widgets: Widgets
    metrics: Metrics
    library: Library | None = None
    description: Mapping[str, Any] = field(default_factory=dict)


def service() -> Service:
    """Return the parts of the application that answers this request."""
    return cast(Service, current_app.extensions[EXTENSION])


def library() -> Library:
    """Return the library of the application that answers this request, on a dialect's address."""
    found = service().library
    assert found is not None
    return found
