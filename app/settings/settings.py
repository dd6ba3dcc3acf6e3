"""The settings: read from the environment once, at start, and checked; see `placard settings`.

Nothing else reads the environment. Lists are comma-separated, times are seconds.
"""

import ipaddress
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from marshmallow import ValidationError
from marshmallow.fields import Field

from app.errors import ConfigurationError
from app.origins import host_of
from app.settings.fields import MEMORY, password_in
from app.settings.local import environment_of
from app.settings.schema import ConnectorSetting, schema_with
from templates_schemas import EnvelopeForm
from templates_schemas.rules import faults_in

Mode = Literal["production", "local"]
Verify = Literal["jwt", "signature", "either", "off"]

FETCH_PLACES: Final = 8  # where nothing tells how many threads there are
BREAKER_FAILURES: Final = 5
BREAKER_REST: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings; `load_settings` makes it. Secrets stay out of its repr."""

    mode: Mode = "production"
    offline: bool = False
    verify: Verify = "jwt"
    jwt_secrets: tuple[str, ...] = field(default=(), repr=False)
    jwt_public_key: str | None = None
    jwt_jwks_url: str | None = None
    jwt_algorithms: tuple[str, ...] = ()
    jwt_audience: str = "placard"
    jwt_issuer: str | None = None
    jwt_max_lifetime: float = 600.0
    jwt_require_qsh: bool = False
    signature_secrets: tuple[str, ...] = field(default=(), repr=False)
    allowed_origins: tuple[str, ...] = ("https://app.asana.com",)
    allowed_workspaces: tuple[str, ...] = ()
    error_envelope: EnvelopeForm = "nested"
    fetch_deadline: float = 5.0
    fetch_places: int | None = None
    fetch_total: int | None = None
    breaker_failures: int = BREAKER_FAILURES
    breaker_rest: float = BREAKER_REST
    upstreams: Mapping[str, str] = field(default_factory=dict)
    allow_private_hosts: tuple[str, ...] = ()
    ca_bundle: str | None = None
    cache_url: str = field(default=MEMORY, repr=False)
    cache_bytes: int = 64 << 20
    cache_ttl: float = 60.0
    cache_failure_ttl: float = 10.0
    cache_stale: float = 300.0
    cache_stale_if_error: float = 3600.0
    metrics_folder: str | None = None
    connectors_file: tuple[str, ...] = ()
    credentials_file: str | None = None
    library: bool = False
    database_url: str = field(default="sqlite:///placard.db", repr=False)
    public_url: str | None = None
    token_secrets: tuple[str, ...] = field(default=(), repr=False)
    local_token: str | None = field(default=None, repr=False)
    library_api_keys: tuple[str, ...] = field(default=(), repr=False)
    library_requests_per_minute: int = 600
    connector_declarations: tuple[ConnectorSetting, ...] = ()
    connector_settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def local(self) -> bool:
        """Whether this is the local development mode."""
        return self.mode == "local"

    @property
    def takes_tokens(self) -> bool:
        """Whether a JWT may prove a request."""
        return self.verify in ("jwt", "either")

    @property
    def takes_signatures(self) -> bool:
        """Whether the host's signature may prove a request."""
        return self.verify in ("signature", "either")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, so that it can be kept out of what is written down."""
        passwords = (password_in(url) for url in (self.cache_url, self.database_url))
        spelled = [word for given in passwords if given for word in (given, unquote(given))]
        held = tuple(
            secret
            for kind, value in self.held()
            if kind.metadata["secret"] and value
            for secret in ([value] if isinstance(value, str) else value)
        )
        return (*held, *dict.fromkeys(spelled))

    @property
    def public_hosts(self) -> frozenset[str]:
        """The host of this service's own address, where it is known and the library is on."""
        if not self.library or self.public_url is None:
            return frozenset()
        return frozenset({host_of(urlsplit(self.public_url))})

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """The secrets of the library's tokens: the first signs, any of them verifies."""
        return self.token_secrets or self.jwt_secrets

    def held(self) -> Iterator[tuple[Field[Any], Any]]:
        """Yield every setting with its value, those of connectors included."""
        for name, kind in schema_with(self.connector_declarations).fields.items():
            yield (
                kind,
                self.connector_settings[name]
                if name in self.connector_settings
                else getattr(self, name),
            )

    def faults_of_verification(self) -> list[str]:
        """Say what keeps a service with these settings from verifying its requests."""
        known = (self._jwt_fault(), self._signature_fault(), self._library_fault())
        return [fault for fault in known if fault]

    def _jwt_fault(self) -> str | None:
        keys = self.jwt_secrets or self.jwt_public_key or self.jwt_jwks_url
        if self.takes_tokens and not keys:
            return (
                "PLACARD_JWT_SECRETS: is missing: PLACARD_VERIFY is "
                f"{self.verify}; set it, PLACARD_JWT_PUBLIC_KEY or PLACARD_JWT_JWKS_URL"
            )
        return None

    def _signature_fault(self) -> str | None:
        if self.takes_signatures and not self.signature_secrets:
            return (
                "PLACARD_SIGNATURE_SECRETS: is missing: PLACARD_VERIFY is "
                f"{self.verify}; set it to the app's client secret"
            )
        return None

    def _library_fault(self) -> str | None:
        if self.library and not self.signing_secrets:
            return (
                "PLACARD_TOKEN_SECRETS: is missing: the library's tokens cannot be verified; "
                "set it, or PLACARD_LIBRARY=off"
            )
        return None


def settings_from_environment(declarations: Sequence[ConnectorSetting] = ()) -> Settings:
    """Load the settings of this process; raises ConfigurationError as `load_settings` does."""
    return load_settings(environment_of(os.environ), declarations)


def load_settings(
    environment: Mapping[str, str], declarations: Sequence[ConnectorSetting] = ()
) -> Settings:
    """Check all settings and return them; `declarations` are those of the connectors.

    Raises ConfigurationError, which names each setting that is wrong and what would be right.
    """
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    try:
        loaded = schema_with(declarations).load(given)
    except ValidationError as error:
        faults = [str(fault).removeprefix("$.") for fault in faults_in(error)]
        raise ConfigurationError("\n".join(sorted(faults))) from None
    local = loaded.get("mode") == "local"
    of_connectors = {each.name: loaded.pop(each.name, None) for each in declarations}
    library = local or "database_url" in loaded
    given_too = {"offline": local, "library": library} | loaded
    settings = Settings(
        **given_too, connector_declarations=tuple(declarations), connector_settings=of_connectors
    )
    if faults := _contradictions(settings):
        raise ConfigurationError("\n".join(faults))
    return settings


def is_loopback(host: str) -> bool:
    """Tell whether a host to listen on is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _contradictions(settings: Settings) -> list[str]:
    faults = []
    if settings.verify == "off" and not settings.local:
        faults.append("PLACARD_VERIFY: off is possible only where PLACARD_MODE is local")
    if settings.offline and not settings.local:
        faults.append("PLACARD_OFFLINE: on is possible only where PLACARD_MODE is local")
    if settings.jwt_jwks_url and not settings.local and settings.jwt_jwks_url.startswith("http:"):
        faults.append("PLACARD_JWT_JWKS_URL: must be https; http is possible only locally")
    if settings.ca_bundle and not _holds_authorities(settings.ca_bundle):
        faults.append("REQUESTS_CA_BUNDLE: is no file of certificate authorities in PEM")
    if settings.metrics_folder and not _can_be_written_to(settings.metrics_folder):
        faults.append("PROMETHEUS_MULTIPROC_DIR: is no folder that can be written to")
    return faults


def _can_be_written_to(folder: str) -> bool:
    # A file of settings may hold what the environment cannot, and the system does not take.
    return "\0" not in folder and os.access(folder, os.W_OK | os.X_OK)


def _holds_authorities(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError):
        return False
    return True
