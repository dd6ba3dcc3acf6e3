"""The settings: declared once each, read from the environment at the start, and checked.

    settings.py      every setting of the service, one call each, as the dataclass `Settings`
    declaration.py   what a declaration is; the settings that connectors declare
    fields.py        the kinds of value: how each is read, checked and printed
    private_urls.py  among these, addresses that may hold a password
    proxies.py       the proxies that are believed about who sent a request
    secret_files.py  secrets that stand in files: `NAME_FILE`
    toml_files.py    files of TOML, each fault with its line: the credentials, the definitions
    loading.py       environment → `Settings`, or a ConfigurationError that names what is wrong
    checks.py        the rules that hold between several settings
    local.py         the local mode: `.env` and the secrets that it makes
    report.py        name, value, source and meaning, for `placard settings` and README.md here

To add a setting, declare it in `settings.py`, and put what `placard settings --markdown` prints
into README.md.
"""

from app.settings.checks import check_settings
from app.settings.declaration import ConnectorSetting
from app.settings.fields import LONGEST_TIME
from app.settings.loading import load_settings, settings_from_environment
from app.settings.private_urls import MEMORY
from app.settings.proxies import TrustedProxies
from app.settings.settings import (
    BREAKER_FAILURES,
    BREAKER_REST,
    FETCH_PLACES,
    LIBRARY_AUDIENCE,
    MOST_CONCURRENT_CALLS,
    AccessMode,
    Settings,
)

__all__ = [
    "BREAKER_FAILURES",
    "BREAKER_REST",
    "FETCH_PLACES",
    "LIBRARY_AUDIENCE",
    "LONGEST_TIME",
    "MEMORY",
    "MOST_CONCURRENT_CALLS",
    "AccessMode",
    "ConnectorSetting",
    "Settings",
    "TrustedProxies",
    "check_settings",
    "load_settings",
    "settings_from_environment",
]
