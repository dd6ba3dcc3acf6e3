"""The settings: declared, read from the environment once at the start, and checked."""

from app.settings.schema import ConnectorSetting
from app.settings.settings import (
    BREAKER_FAILURES,
    BREAKER_REST,
    FETCH_PLACES,
    Settings,
    is_loopback,
    load_settings,
    settings_from_environment,
)

__all__ = [
    "BREAKER_FAILURES",
    "BREAKER_REST",
    "FETCH_PLACES",
    "ConnectorSetting",
    "Settings",
    "is_loopback",
    "load_settings",
    "settings_from_environment",
]
