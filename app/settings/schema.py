"""The table of settings: the name in the environment, the kind, and what each one means."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from marshmallow import EXCLUDE, Schema, fields as kinds, validate

from app.settings.fields import (
    CacheUrl,
    DatabaseUrl,
    HostPorts,
    OriginMap,
    Origins,
    Pem,
    PublicUrl,
    Secrets,
    Size,
    Words,
)
from templates_schemas import ENVELOPES

JWT_SECRET_MIN_BYTES: Final = 32
SIGNATURE_SECRET_MIN_BYTES: Final = 16
MOST_REQUESTS: Final = 1_000_000


def _setting(
    kind: type[kinds.Field[Any]], name: str, meaning: str, *, secret: bool = False, **options: Any
) -> Any:
    return kind(
        data_key=name,
        metadata={"meaning": meaning, "secret": secret},
        **options,
    )


_FIT_FOR_A_HEADER = validate.Regexp(
    r"[!-~]+\Z", error="must be one word of visible ASCII, as tokens are"
)
LONGEST_DEADLINE: Final = 60.0
LONGEST_TIME: Final = 7 * 86_400.0
MOST_PLACES: Final = 256
MOST_FAILURES: Final = 1_000_000
_DEADLINE = validate.Range(
    0, LONGEST_DEADLINE, min_inclusive=False, error="must be more than 0, and {max:g} at most"
)
_SECONDS = validate.Range(
    0, LONGEST_TIME, min_inclusive=False, error="must be more than 0, and {max:g} at most"
)
_SECONDS_OR_NONE = validate.Range(0, LONGEST_TIME, error="must be 0 (never) to {max:g}")
_WITHOUT_USER = validate.Regexp(r"[^@]*\Z", error="must be without a user and a password")


class SettingsSchema(Schema):
    """Every setting: its name in the environment, its kind, and what it means."""

    class Meta:
        unknown = EXCLUDE

    mode = _setting(
        kinds.String,
        "PLACARD_MODE",
        "`production`, or `local`: samples, printed tokens, looser checks",
        validate=validate.OneOf(("production", "local")),
    )
    offline = _setting(
        kinds.Boolean,
        "PLACARD_OFFLINE",
        "upstreams are answered by the bundled samples; on in `local`, impossible elsewhere",
    )
    verify = _setting(
        kinds.String,
        "PLACARD_VERIFY",
        "`jwt`, `signature`, `either`, or (local only) `off`",
        validate=validate.OneOf(("jwt", "signature", "either", "off")),
    )
    jwt_secrets = _setting(
        Secrets,
        "PLACARD_JWT_SECRETS",
        "HS256 secrets of at least 32 bytes; any of them verifies",
        secret=True,
        shortest=JWT_SECRET_MIN_BYTES,
    )
    jwt_public_key = _setting(
        Pem, "PLACARD_JWT_PUBLIC_KEY", "a public key in PEM: RSA, EC P-256 or Ed25519"
    )
    jwt_jwks_url = _setting(
        kinds.Url,
        "PLACARD_JWT_JWKS_URL",
        "the address of a key set (JWKS)",
        schemes={"https", "http"},
        require_tld=False,
        validate=_WITHOUT_USER,
    )
    jwt_algorithms = _setting(
        Words,
        "PLACARD_JWT_ALGORITHMS",
        "allow-list of algorithms; by default what the keys are made for",
        validate=validate.ContainsOnly(("HS256", "RS256", "ES256", "EdDSA")),
    )
    jwt_audience = _setting(
        kinds.String,
        "PLACARD_JWT_AUDIENCE",
        "the required `aud`",
        validate=validate.Length(min=1),
    )
    jwt_issuer = _setting(
        kinds.String, "PLACARD_JWT_ISSUER", "the required `iss`, matched exactly; unset: any"
    )
    jwt_max_lifetime = _setting(
        kinds.Float,
        "PLACARD_JWT_MAX_LIFETIME",
        "the longest `exp - iat`, in seconds",
        validate=_SECONDS,
        allow_nan=False,
    )
    jwt_require_qsh = _setting(
        kinds.Boolean, "PLACARD_JWT_REQUIRE_QSH", "refuse tokens without `qsh`"
    )
    signature_secrets = _setting(
        Secrets,
        "PLACARD_SIGNATURE_SECRETS",
        "the app's client secrets; any of them verifies",
        secret=True,
        shortest=SIGNATURE_SECRET_MIN_BYTES,
    )
    allowed_origins = _setting(
        Origins, "PLACARD_ALLOWED_ORIGINS", "origins whose pages may read the answers (CORS)"
    )
    allowed_workspaces = _setting(
        Words, "PLACARD_ALLOWED_WORKSPACES", "workspaces served; others get 403; unset: all"
    )
    error_envelope = _setting(
        kinds.String,
        "PLACARD_ERROR_ENVELOPE",
        '`nested`: {"data": {"error": …}}, or `flat`: {"error": …}',
        validate=validate.OneOf(tuple(ENVELOPES)),
    )
    fetch_deadline = _setting(
        kinds.Float,
        "PLACARD_FETCH_DEADLINE",
        "whole upstream time for one request, in seconds",
        validate=_DEADLINE,
        allow_nan=False,
    )
    fetch_places = _setting(
        kinds.Integer,
        "PLACARD_FETCH_PLACES",
        "calls under way to one host, at most; by default half of the threads",
        validate=validate.Range(1, MOST_PLACES, error="must be from {min} to {max}"),
    )
    fetch_total = _setting(
        kinds.Integer,
        "PLACARD_FETCH_TOTAL",
        "calls under way to all hosts, at most; by default all but two of the threads",
        validate=validate.Range(1, MOST_PLACES, error="must be from {min} to {max}"),
    )
    breaker_failures = _setting(
        kinds.Integer,
        "PLACARD_BREAKER_FAILURES",
        "a host that fails so many times in a row is left alone",
        validate=validate.Range(1, MOST_FAILURES, error="must be from {min} to {max}"),
    )
    breaker_rest = _setting(
        kinds.Float,
        "PLACARD_BREAKER_REST",
        "how long it is, in seconds, before one call tries it again",
        validate=_SECONDS,
        allow_nan=False,
    )
    upstreams = _setting(
        OriginMap,
        "PLACARD_UPSTREAMS",
        "`https://api.github.com=http://127.0.0.1:9000`: what would go to the first address "
        "goes to the second, which the address guard then lets through",
    )
    allow_private_hosts = _setting(
        HostPorts,
        "PLACARD_ALLOW_PRIVATE_HOSTS",
        "`host` or `host:port` that the address guard lets through",
    )
    ca_bundle = _setting(
        kinds.String,
        "REQUESTS_CA_BUNDLE",
        "file of the certificate authorities to trust; unset: Mozilla's list",
    )
    cache_url = _setting(
        CacheUrl,
        "PLACARD_CACHE_URL",
        "where cards are kept: `memory://`, the process itself, or `redis://…`, `rediss://…`, "
        "shared by processes and machines",
    )
    cache_bytes = _setting(Size, "PLACARD_CACHE_BYTES", "bound of the in-process cache")
    cache_ttl = _setting(
        kinds.Float,
        "PLACARD_CACHE_TTL",
        "how long a card is answered from the cache, in seconds",
        validate=_SECONDS,
        allow_nan=False,
    )
    cache_failure_ttl = _setting(
        kinds.Float,
        "PLACARD_CACHE_FAILURE_TTL",
        "how long an upstream's failure is, in seconds",
        validate=_SECONDS,
        allow_nan=False,
    )
    cache_stale = _setting(
        kinds.Float,
        "PLACARD_CACHE_STALE",
        "how long after `PLACARD_CACHE_TTL` a card is answered while it is refreshed, in seconds",
        validate=_SECONDS_OR_NONE,
        allow_nan=False,
    )
    cache_stale_if_error = _setting(
        kinds.Float,
        "PLACARD_CACHE_STALE_IF_ERROR",
        "how long after `PLACARD_CACHE_TTL` a card stands in for an upstream that is down, in "
        "seconds",
        validate=_SECONDS_OR_NONE,
        allow_nan=False,
    )
    metrics_folder = _setting(
        kinds.String,
        "PROMETHEUS_MULTIPROC_DIR",
        "where several workers share their counters; `placard serve` sets it",
    )
    connectors_file = _setting(
        Words,
        "PLACARD_CONNECTORS_FILE",
        "TOML files of connectors without code, or folders of them",
    )
    credentials_file = _setting(
        kinds.String,
        "PLACARD_CREDENTIALS_FILE",
        "TOML file of credentials by host and workspace, readable by its owner only",
    )
    library = _setting(
        kinds.Boolean,
        "PLACARD_LIBRARY",
        "keep and serve saved widgets; on in `local` and where PLACARD_DATABASE_URL is set",
    )
    database_url = _setting(
        DatabaseUrl,
        "PLACARD_DATABASE_URL",
        "where the library is kept: `sqlite:///…` or `postgresql+psycopg://…`",
    )
    public_url = _setting(
        PublicUrl,
        "PLACARD_PUBLIC_URL",
        "this service's own address, as others reach it; unset: that of each request",
    )
    token_secrets = _setting(
        Secrets,
        "PLACARD_TOKEN_SECRETS",
        "HS256 secrets of the library's tokens: the first signs, any of them verifies; "
        "unset: PLACARD_JWT_SECRETS",
        secret=True,
        shortest=JWT_SECRET_MIN_BYTES,
    )
    local_token = _setting(
        kinds.String,
        "PLACARD_LOCAL_TOKEN",
        "the library's token of the local mode, which `make run` makes and prints",
        secret=True,
    )
    library_api_keys = _setting(
        Secrets,
        "PLACARD_LIBRARY_API_KEYS",
        "what `DD-API-KEY` must be, where Datadog's clients ask for saved widgets; unset: anything",
        secret=True,
        shortest=SIGNATURE_SECRET_MIN_BYTES,
    )
    library_requests_per_minute = _setting(
        kinds.Integer,
        "PLACARD_LIBRARY_REQUESTS_PER_MINUTE",
        "how many requests each token of the library has in a minute",
        validate=validate.Range(1, MOST_REQUESTS, error="must be {min} to {max}"),
    )


@dataclass(frozen=True, slots=True)
class ConnectorSetting:
    """A setting that a connector brings along: a `token` (secret), a `text`, or `hosts`."""

    name: str
    kind: Literal["token", "text", "hosts"]
    meaning: str

    def field(self) -> kinds.Field[Any]:
        """Return the field that reads it."""
        if self.kind == "hosts":
            read: kinds.Field[Any] = _setting(HostPorts, self.name, self.meaning)
        else:
            secret = self.kind == "token"
            read = _setting(
                kinds.String, self.name, self.meaning, secret=secret, validate=_FIT_FOR_A_HEADER
            )
        return read


def schema_with(declarations: Iterable[ConnectorSetting]) -> Schema:
    """Make the schema of all settings, those of connectors included."""
    of_connectors = {each.name: each.field() for each in declarations}
    return SettingsSchema.from_dict({**of_connectors})()
