"""Every setting of the service: its name in the environment, its kind, its default, its meaning.

Nothing else reads the environment. Lists are comma-separated, times are seconds. The declarations
stand in one file, though a long one, so that all settings are seen at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args
from urllib.parse import unquote, urlsplit

from marshmallow.fields import Field, String

from app.origins import host_of
from app.settings.declaration import ConnectorSetting, Declaration, setting
from app.settings.fields import (
    ByConnector,
    ByteSize,
    Choice,
    FernetKeys,
    HeaderWord,
    HostPorts,
    HttpUrl,
    OriginList,
    OriginMap,
    Pages,
    Pem,
    PositiveInteger,
    PublicUrl,
    Seconds,
    Secret,
    Secrets,
    Switch,
    WordList,
)
from app.settings.private_urls import MEMORY, CacheUrl, DatabaseUrl, password_in
from app.settings.proxies import Proxies, TrustedProxies
from templates_schemas import EnvelopeForm

Mode = Literal["production", "local"]
Verify = Literal["jwt", "signature", "either", "off"]
LogLevel = Literal["debug", "info", "warning", "error"]
FalseProofStatus = Literal["401", "400"]
AccessMode = Literal["shared", "attached", "viewer"]

ACCESS_MODE: Final[Field[AccessMode | None]] = Choice[Any](*get_args(AccessMode))
MOST_CONCURRENT_CALLS: Final = 256
FETCH_PLACES: Final = 8  # where nothing tells how many threads there are
BREAKER_FAILURES: Final = 5
BREAKER_REST: Final = 10.0  # seconds
# The `aud` of the library's tokens; that of the host's is a setting.
LIBRARY_AUDIENCE: Final = "placard-library"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings; `load_settings` makes it. Secrets stay out of its repr."""

    # One row for a setting: name, kind, default, meaning, and what holds where it is unset.
    # fmt: off
    mode: Mode = setting(
        "PLACARD_MODE", Choice[Mode](*get_args(Mode)), "production",
        "`production`, or `local`: preview, samples, printed tokens, this machine only")
    offline: bool = setting(
        "PLACARD_OFFLINE", Switch(), False,
        "the bundled samples answer in place of the upstreams (`local` only)",
        unset="on in `local`")
    recordings: str | None = setting(
        "PLACARD_RECORDINGS", String(), None,
        "a folder of recorded cases that answer offline, before the samples (`local` only)")
    verify: Verify = setting(
        "PLACARD_VERIFY", Choice[Verify](*get_args(Verify)), "jwt",
        "how a request proves that it is the host's: `jwt`, `signature`, `either`, or (`local` "
        "only) `off`")
    jwt_secrets: tuple[str, ...] = setting(
        "PLACARD_JWT_SECRETS", Secrets(shortest=32), (),
        "HS256 secrets of at least 32 bytes; any of them verifies")
    jwt_public_key: str | None = setting(
        "PLACARD_JWT_PUBLIC_KEY", Pem(), None, "a public key in PEM: RSA, EC P-256 or Ed25519")
    jwt_jwks_url: str | None = setting(
        "PLACARD_JWT_JWKS_URL", HttpUrl(), None, "the address of a key set (JWKS)")
    jwt_algorithms: tuple[str, ...] = setting(
        "PLACARD_JWT_ALGORITHMS", WordList("HS256", "RS256", "ES256", "EdDSA"), (),
        "allow-list: HS256, RS256, ES256, EdDSA", unset="by the keys")
    jwt_audience: str = setting(
        "PLACARD_JWT_AUDIENCE", String(), "placard", "the required `aud`")
    jwt_issuer: str | None = setting(
        "PLACARD_JWT_ISSUER", String(), None, "the required `iss`, matched exactly", unset="any")
    jwt_max_lifetime: float = setting(
        "PLACARD_JWT_MAX_LIFETIME", Seconds(), 600.0, "the longest `exp - iat`")
    jwt_require_qsh: bool = setting(
        "PLACARD_JWT_REQUIRE_QSH", Switch(), False,
        "refuse tokens that are not bound to one request")
    signature_secrets: tuple[str, ...] = setting(
        "PLACARD_SIGNATURE_SECRETS", Secrets(shortest=16), (),
        "the app's client secrets, of at least 16 bytes; any of them verifies")
    allowed_origins: tuple[str, ...] = setting(
        "PLACARD_ALLOWED_ORIGINS", OriginList(), ("https://app.asana.com",),
        "origins whose pages may read the answers (CORS)")
    allowed_workspaces: tuple[str, ...] = setting(
        "PLACARD_ALLOWED_WORKSPACES", WordList(), (),
        "workspaces that are served; others get 403", unset="all")
    access: AccessMode | None = setting(
        "PLACARD_ACCESS", ACCESS_MODE, None,
        "whose credential fetches a card: `shared` (the service's), `attached` (that of the person "
        "who attached the page), `viewer` (the viewer's own)", unset="`shared`")
    access_of: Mapping[str, AccessMode] = setting(
        "PLACARD_ACCESS_<CONNECTOR>", ByConnector[AccessMode](*get_args(AccessMode)), {},
        "the same for one connector, and for all whose names begin with it: "
        "`PLACARD_ACCESS_GITHUB`", unset="`PLACARD_ACCESS`")
    shared_only: tuple[str, ...] = setting(
        "PLACARD_SHARED_ONLY", Pages(), (),
        "the only pages that a shared credential is used for, such as `github.com/acme/*`; others "
        "are fetched without one", unset="all")
    cold_fetches_per_minute: int = setting(
        "PLACARD_COLD_FETCHES_PER_MINUTE", PositiveInteger(), 60,
        "cards that one person in one workspace can have fetched in a minute, in each process, and "
        "texts that systems are searched for; a page that is refused or not found counts twice")
    error_envelope: EnvelopeForm = setting(
        "PLACARD_ERROR_ENVELOPE", Choice[EnvelopeForm](*get_args(EnvelopeForm)), "nested",
        '`nested`: `{"data": {"error": …}}`; `flat`: `{"error": …}`; `both` in one body')
    false_proof_status: FalseProofStatus = setting(
        "PLACARD_FALSE_PROOF_STATUS", Choice[FalseProofStatus](*get_args(FalseProofStatus)), "401",
        "the status for a request whose proof is not valid; `400` for a host that takes a 401 as "
        "a request to sign in")
    fetch_deadline: float = setting(
        "PLACARD_FETCH_DEADLINE", Seconds(longest=60.0), 5.0,
        "how long one request may wait for upstreams, in total")
    fetch_places: int | None = setting(
        "PLACARD_FETCH_PLACES", PositiveInteger(most=MOST_CONCURRENT_CALLS), None,
        "concurrent calls to one host, at most", unset="half of the threads")
    fetch_total: int | None = setting(
        "PLACARD_FETCH_TOTAL", PositiveInteger(most=MOST_CONCURRENT_CALLS), None,
        "concurrent calls to all hosts, at most", unset="all but 2 of the threads")
    breaker_failures: int = setting(
        "PLACARD_BREAKER_FAILURES", PositiveInteger(), BREAKER_FAILURES,
        "after so many failures in a row, a host is not called for a while")
    breaker_rest: float = setting(
        "PLACARD_BREAKER_REST", Seconds(), BREAKER_REST,
        "how long that is, before one call tries the host again")
    upstreams: Mapping[str, str] = setting(
        "PLACARD_UPSTREAMS", OriginMap(), {},
        "`https://api.github.com=http://127.0.0.1:9000`: the second answers for the first, and the "
        "address guard lets it through")
    cleartext_hosts: tuple[str, ...] = setting(
        "PLACARD_CLEARTEXT_HOSTS", HostPorts(), (),
        "hosts of `PLACARD_UPSTREAMS` that get credentials by http, which everyone on the way can "
        "read", unset="this machine only")
    allow_private_hosts: tuple[str, ...] = setting(
        "PLACARD_ALLOW_PRIVATE_HOSTS", HostPorts(), (),
        "`host` or `host:port` that the address guard lets through")
    ca_bundle: str | None = setting(
        "REQUESTS_CA_BUNDLE", String(), None,
        "file of the certificate authorities to trust", unset="Mozilla's list")
    cache_url: str = setting(
        "PLACARD_CACHE_URL", CacheUrl(), MEMORY,
        "`memory://`: this process; shared: `redis://:password@host:6379/0` (`rediss://`), "
        "`redis://host:6379?cluster=true`, `redis+sentinel://host:26379,host:26379/service` "
        "(`rediss+sentinel://`)")
    sentinel_password: str | None = setting(
        "PLACARD_SENTINEL_PASSWORD", Secret(), None,
        "what the Sentinels themselves want; the password in the address is that of Redis",
        unset="nothing")
    cache_secrets: tuple[str, ...] = setting(
        "PLACARD_CACHE_SECRETS", Secrets(shortest=32), (),
        "secrets that sign what is kept in Redis: the first signs, any verifies",
        unset="the other secrets")
    cache_bytes: int = setting(
        "PLACARD_CACHE_BYTES", ByteSize(), 64 << 20, "the largest size of the in-process cache")
    cache_ttl: float = setting(
        "PLACARD_CACHE_TTL", Seconds(), 60.0, "how long a card is fresh")
    cache_failure_ttl: float = setting(
        "PLACARD_CACHE_FAILURE_TTL", Seconds(), 10.0, "how long an upstream's failure is kept")
    cache_stale: float = setting(
        "PLACARD_CACHE_STALE", Seconds(or_never=True), 300.0,
        "how long after `PLACARD_CACHE_TTL` a card is answered while it is refreshed")
    cache_stale_if_error: float = setting(
        "PLACARD_CACHE_STALE_IF_ERROR", Seconds(or_never=True), 3600.0,
        "how long after `PLACARD_CACHE_TTL` a card is answered in place of a timeout, a 5xx or a "
        "rate limit")
    threads: int | None = setting(
        "PLACARD_THREADS", PositiveInteger(most=10_000), None,
        "threads of each worker that answer requests", unset="64 with `placard serve`")
    log_level: LogLevel = setting(
        "PLACARD_LOG_LEVEL", Choice[LogLevel](*get_args(LogLevel)), "info",
        "the lowest level that is logged: `debug` (probes too), `info`, `warning` or `error`")
    traces: bool = setting(
        "PLACARD_TRACES", Switch(), False,
        "send traces by OpenTelemetry (the extra `otel`) to `OTEL_EXPORTER_OTLP_ENDPOINT`")
    trusted_proxies: TrustedProxies | None = setting(
        "PLACARD_TRUSTED_PROXIES", Proxies(), None,
        "how many proxies stand before the service (`1`), or their networks (`10.0.0.0/8`): the "
        "log then has the client's address, of `X-Forwarded-For`", unset="no address is logged")
    metrics_port: int | None = setting(
        "PLACARD_METRICS_PORT", PositiveInteger(most=65_535), None,
        "a separate port for `/metrics`, which the service then does not answer")
    metrics_folder: str | None = setting(
        "PROMETHEUS_MULTIPROC_DIR", String(), None,
        "the folder where workers share their counters: of metrics, and of the library's requests",
        unset="`placard serve` sets it")
    connectors_file: tuple[str, ...] = setting(
        "PLACARD_CONNECTORS_FILE", WordList(), (),
        "TOML files of connectors without code, or folders of them")
    credentials_file: str | None = setting(
        "PLACARD_CREDENTIALS_FILE", String(), None,
        "TOML file of credentials by host and workspace: its owner's with mode 600, or root's with "
        "640 for the service's group")
    connection_keys: tuple[str, ...] = setting(
        "PLACARD_CONNECTION_KEYS", FernetKeys(), (),
        "Fernet keys of people's connections: the first encrypts, any decrypts; sign-in is on "
        "where they are set", unset="in `local`: made")
    host_client_id: str | None = setting(
        "PLACARD_HOST_CLIENT_ID", HeaderWord(), None,
        "this app's OAuth client at the host, with which people sign in")
    host_client_secret: str | None = setting(
        "PLACARD_HOST_CLIENT_SECRET", Secret(), None, "its secret")
    host_authorize_url: str = setting(
        "PLACARD_HOST_AUTHORIZE_URL", HttpUrl(), "https://app.asana.com/-/oauth_authorize",
        "the host's page that asks people whether this app may know them")
    host_token_url: str = setting(
        "PLACARD_HOST_TOKEN_URL", HttpUrl(), "https://app.asana.com/-/oauth_token",
        "the host's address for tokens; `data.gid` of its answer is the person")
    library: bool = setting(
        "PLACARD_LIBRARY", Switch(), False, "keep and serve saved widgets",
        unset="on in `local` and with `PLACARD_DATABASE_URL`")
    database_url: str = setting(
        "PLACARD_DATABASE_URL", DatabaseUrl(), "sqlite:///placard.db",
        "where saved widgets and people's connections are kept: `sqlite:///…` or "
        "`postgresql+psycopg://…`; in production it has no default")
    public_url: str | None = setting(
        "PLACARD_PUBLIC_URL", PublicUrl(), None,
        "this service's address, as others reach it", unset="that of each request")
    docs: bool = setting(
        "PLACARD_DOCS", Switch(), False,
        "serve `/docs` and `/openapi.json`, to everyone who reaches the service",
        unset="on in `local`, always")
    token_secrets: tuple[str, ...] = setting(
        "PLACARD_TOKEN_SECRETS", Secrets(shortest=32), (),
        "HS256 secrets of the library's tokens, not for the host: the first signs, any verifies",
        unset="in `local`: made")
    local_token: str | None = setting(
        "PLACARD_LOCAL_TOKEN", Secret(), None,
        "the library's token in the `local` mode; `make run` makes and prints it")
    library_api_keys: tuple[str, ...] = setting(
        "PLACARD_LIBRARY_API_KEYS", Secrets(shortest=16), (),
        "values of `DD-API-KEY` that may ask for saved widgets", unset="any")
    library_threads: int | None = setting(
        "PLACARD_LIBRARY_THREADS", PositiveInteger(most=MOST_CONCURRENT_CALLS), None,
        "requests of the library in progress in one process, at most; more get 429",
        unset="half of the threads")
    library_requests_per_minute: int = setting(
        "PLACARD_LIBRARY_REQUESTS_PER_MINUTE", PositiveInteger(), 600,
        "requests of each token of the library, at most: over all workers, and with Redis over all "
        "machines; without it each machine grants as many")
    # fmt: on
    connector_declarations: tuple[ConnectorSetting, ...] = ()
    connector_settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    # Whether `database_url` is given, and not its default.
    names_database: bool = field(default=True, compare=False)
    # A file that is tried: its definitions stand in for those of their names in `connectors_file`.
    tried_definitions: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether this is the local development mode."""
        return self.mode == "local"

    @property
    def has_sign_in(self) -> bool:
        """Whether people can sign in, and connect their accounts."""
        return bool(self.connection_keys)

    @property
    def needs_database(self) -> bool:
        """Whether anything is kept in the database."""
        return self.library or self.has_sign_in

    @property
    def person_modes(self) -> Mapping[str, AccessMode]:
        """Map each setting that wants a person's own credential to its mode."""
        given: dict[str, AccessMode] = {
            f"PLACARD_ACCESS_{name.upper()}": mode for name, mode in self.access_of.items()
        }
        if self.access is not None:
            given["PLACARD_ACCESS"] = self.access
        return {name: mode for name, mode in given.items() if mode != "shared"}

    @property
    def takes_tokens(self) -> bool:
        """Whether a JWT may prove a request."""
        return self.verify in ("jwt", "either")

    @property
    def takes_signatures(self) -> bool:
        """Whether the host's signature may prove a request."""
        return self.verify in ("signature", "either")

    @property
    def has_token_keys(self) -> bool:
        """Whether there is a key that could verify a JWT."""
        return bool(self.jwt_secrets or self.jwt_public_key or self.jwt_jwks_url)

    @property
    def cache_signing_secrets(self) -> tuple[str, ...]:
        """The secrets that sign what is kept in Redis: the first signs, any of them verifies."""
        others = (*self.jwt_secrets, *self.signature_secrets, *self.token_secrets)
        return self.cache_secrets or others

    @property
    def public_hosts(self) -> frozenset[str]:
        """The host of `public_url`, where that is set and the library is on; else no host."""
        if not self.library or self.public_url is None:
            return frozenset()
        return frozenset({host_of(urlsplit(self.public_url))})

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, so that it can be kept out of what is written down."""
        secrets = tuple(
            secret
            for declaration, value in self.values()
            if declaration.secret and value
            for secret in ([value] if isinstance(value, str) else value)
        )
        passwords = filter(None, map(password_in, (self.cache_url, self.database_url)))
        spellings = [text for password in passwords for text in (password, unquote(password))]
        return (*secrets, *dict.fromkeys(spellings))

    def values(self) -> Iterator[tuple[Declaration, Any]]:
        """Yield every setting with its value, those that connectors declare included."""
        for attribute, declaration in DECLARATIONS.items():
            yield declaration, getattr(self, attribute)
        for each in self.connector_declarations:
            yield each.declaration, self.connector_settings[each.name]


DECLARATIONS: Final[Mapping[str, Declaration]] = {
    each.name: each.metadata[Declaration]
    for each in fields(Settings)
    if Declaration in each.metadata
}


def declarations_with(connector_settings: Iterable[ConnectorSetting]) -> list[Declaration]:
    """List the declarations of all settings, those of connectors included."""
    return [*DECLARATIONS.values(), *(each.declaration for each in connector_settings)]
