"""The rules that hold between several settings, or between a setting and this machine."""

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from app.errors import ConfigurationError
from app.origins import is_loopback_host
from app.settings.private_urls import MEMORY
from app.settings.settings import LIBRARY_AUDIENCE, Settings


@dataclass(frozen=True, slots=True)
class SettingRule:
    """A rule: the setting to name, when it is broken, and what to say.

    `message` may hold fields of the settings, such as `{settings.verify}`. A rule of `serving` is
    for a service that answers requests; `placard render`, say, needs no secret.
    """

    name: str
    is_broken: Callable[[Settings], bool]
    message: str
    serving: bool = False


_LOCAL_ONLY: Final = "is possible only where PLACARD_MODE is local: `placard --local …`"
CHECKS: Final = (
    SettingRule(
        "PLACARD_VERIFY",
        lambda settings: settings.verify == "off" and not settings.local,
        f"off {_LOCAL_ONLY}",
    ),
    SettingRule(
        "PLACARD_OFFLINE",
        lambda settings: settings.offline and not settings.local,
        f"on {_LOCAL_ONLY}",
    ),
    SettingRule(
        "PLACARD_RECORDINGS",
        lambda settings: settings.recordings is not None and not settings.local,
        _LOCAL_ONLY,
    ),
    SettingRule(
        "PLACARD_RECORDINGS",
        lambda settings: not _is_folder(settings.recordings),
        "is not a folder",
    ),
    SettingRule(
        "PLACARD_JWT_JWKS_URL",
        lambda settings: not settings.local and (settings.jwt_jwks_url or "").startswith("http:"),
        "must be https; http is possible only locally",
    ),
    SettingRule(
        "REQUESTS_CA_BUNDLE",
        lambda settings: not _holds_authorities(settings.ca_bundle),
        "is not a file of certificate authorities in PEM",
    ),
    SettingRule(
        "PROMETHEUS_MULTIPROC_DIR",
        lambda settings: not _is_writable(settings.metrics_folder),
        "is not a folder that can be written to",
    ),
    SettingRule(
        "PLACARD_JWT_SECRETS",
        lambda settings: settings.takes_tokens and not settings.has_token_keys,
        "is missing: PLACARD_VERIFY is {settings.verify}; set it, PLACARD_JWT_PUBLIC_KEY or "
        "PLACARD_JWT_JWKS_URL; `placard --local serve` makes its own",
        serving=True,
    ),
    SettingRule(
        "PLACARD_SIGNATURE_SECRETS",
        lambda settings: settings.takes_signatures and not settings.signature_secrets,
        "is missing: PLACARD_VERIFY is {settings.verify}; set it to the app's client secret",
        serving=True,
    ),
    SettingRule(
        "PLACARD_TOKEN_SECRETS",
        lambda settings: settings.library and not settings.token_secrets,
        "is missing: the library's tokens cannot be verified; set it, or PLACARD_LIBRARY=off",
        serving=True,
    ),
    SettingRule(
        "PLACARD_CACHE_SECRETS",
        lambda settings: settings.cache_url != MEMORY and not settings.cache_signing_secrets,
        "is missing: nothing could sign what is kept in Redis",
        serving=True,
    ),
    SettingRule(
        "PLACARD_TOKEN_SECRETS",
        lambda settings: not settings.local and _shares_secrets(settings),
        "holds a secret of the host's, who could make tokens of the library with it; use others",
    ),
    SettingRule(
        "PLACARD_CONNECTION_KEYS",
        lambda settings: bool(settings.person_modes) and not settings.has_sign_in,
        "is missing: PLACARD_ACCESS wants people's own credentials, and nobody could sign in",
        serving=True,
    ),
    SettingRule(
        "PLACARD_DATABASE_URL",
        lambda settings: (
            settings.needs_database and not settings.local and not settings.names_database
        ),
        "is missing: an empty database would take its place; PLACARD_LIBRARY is on, or "
        "PLACARD_CONNECTION_KEYS is set",
        serving=True,
    ),
    SettingRule(
        "PLACARD_HOST_CLIENT_ID",
        lambda settings: settings.has_sign_in and not settings.local and not _has_client(settings),
        "is missing, or PLACARD_HOST_CLIENT_SECRET: with PLACARD_CONNECTION_KEYS set, people sign "
        "in by the host",
        serving=True,
    ),
    SettingRule(
        "PLACARD_PUBLIC_URL",
        lambda settings: settings.has_sign_in and not settings.local and not _is_safe(settings),
        "must be set, and be https: people come back to it from where they sign in",
        serving=True,
    ),
    SettingRule(
        "PLACARD_HOST_TOKEN_URL",
        lambda settings: not settings.local and settings.host_token_url.startswith("http:"),
        "must be https; http is possible only locally",
    ),
    SettingRule(
        "PLACARD_JWT_AUDIENCE",
        lambda settings: settings.library and settings.jwt_audience == LIBRARY_AUDIENCE,
        f"must not be {LIBRARY_AUDIENCE}, the audience of the library's tokens",
    ),
)


def check_settings(settings: Settings, *, serving: bool = False) -> None:
    """Raise ConfigurationError, one line for each rule that is broken.

    With `serving`, settings that could not verify a request are refused too.
    """
    broken = [
        f"{check.name}: {check.message.format(settings=settings)}"
        for check in CHECKS
        if (serving or not check.serving) and check.is_broken(settings)
    ]
    if broken:
        raise ConfigurationError("\n".join(broken))


def _shares_secrets(settings: Settings) -> bool:
    return bool({*settings.token_secrets} & {*settings.jwt_secrets, *settings.signature_secrets})


def _is_folder(path: str | None) -> bool:
    return path is None or ("\0" not in path and os.path.isdir(path))  # noqa: PTH112 - no error


def _has_client(settings: Settings) -> bool:
    return bool(settings.host_client_id and settings.host_client_secret)


def _is_safe(settings: Settings) -> bool:
    """Tell whether people come back by https, or to this machine."""
    public = urlsplit(settings.public_url or "")
    return public.scheme == "https" or is_loopback_host(public.hostname or "")


def _is_writable(folder: str | None) -> bool:
    if folder is None:
        return True
    # A `.env` file can hold a NUL, which neither the environment nor the system takes.
    return "\0" not in folder and os.access(folder, os.W_OK | os.X_OK)


def _holds_authorities(path: str | None) -> bool:
    if path is None:
        return True
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError):
        return False
    return True
