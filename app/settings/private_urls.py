"""The addresses of the cache and of the database, which may hold a password."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from marshmallow import ValidationError, fields

from app.settings.fields import HOST_PORT, MASK

MEMORY: Final = "memory://"
_DATABASE: Final = re.compile(
    r"sqlite:///[^?#]+|postgresql\+psycopg://[^/?#]*/[^/?#]+(?:\?[^#]*)?", re.ASCII | re.DOTALL
)


# At the end of the address of a cluster's server.
CLUSTER: Final = "?cluster=true"
SENTINEL_PORT: Final = 26379
_HOST_PORTS: Final = rf"(?:{HOST_PORT.pattern})(?:,(?:{HOST_PORT.pattern}))*"
SENTINEL: Final = re.compile(
    r"redis(?P<tls>s?)\+sentinel://(?:(?P<user>[^/?#@:,]*):(?P<password>[^/?#@]+)@)?"
    rf"(?P<hosts>{_HOST_PORTS})/(?P<service>[\w.-]+)(?:/(?P<database>\d{{1,3}}))?",
    re.ASCII | re.IGNORECASE,
)


class PrivateUrl(fields.Field[str]):
    """An address that may hold a password: no message shows it, and it is printed with a mask."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        password = password_in(value)
        return str(value).replace(f":{password}@", f":{MASK}@") if password else str(value)


class CacheUrl(PrivateUrl):
    """`memory://`, or one of Redis; `app.cache.redis_servers` lists the forms."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if value != MEMORY and not _is_redis(value):
            raise ValidationError(
                "must be memory://, or redis://host:port/0 (rediss:// with TLS), "
                "redis://host:port?cluster=true, or redis+sentinel://host:port,host:port/service, "
                "its password percent-encoded and nothing behind the database"
            )
        return str(value)


def database_location(url: str) -> str:
    """Say where a database is, without its user and password: `127.0.0.1:5432`, or a file."""
    target = urlsplit(url)
    if target.hostname:
        return f"{target.hostname}:{target.port or 5432}"
    folder = dict(parse_qsl(target.query)).get("host")
    return folder or target.path.removeprefix("/")


class DatabaseUrl(PrivateUrl):
    """`sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            url = urlsplit(value)
            valid = _DATABASE.fullmatch(value) and ":memory:" not in value
            _ = url.port
        except ValueError:
            valid = None
        if not valid:
            raise ValidationError(
                "is not the address of a database such as sqlite:///placard.db or "
                "postgresql+psycopg://user:password@host/placard"
            )
        if "password" in url.query.lower():
            raise ValidationError("has a password in its query; it belongs before the `@`")
        return str(value)


def password_in(url: str) -> str:
    """Return the password in an address, as it is written there; empty where there is none."""
    _, scheme_end, rest = url.partition("://")
    userinfo, at, _ = rest.rpartition("@")
    return userinfo.partition(":")[2] if scheme_end and at else ""


def _has_port_or_none(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").port != 0
    except ValueError:
        return False


def _is_redis(text: str) -> bool:
    if (sentinels := SENTINEL.fullmatch(text)) is not None:
        return all(map(_has_port_or_none, sentinels["hosts"].split(",")))
    try:
        url = urlsplit(text.removesuffix(CLUSTER))
        userinfo, at, host = url.netloc.lower().rpartition("@")
        _ = url.port
    except ValueError:
        return False
    return bool(
        url.scheme in ("redis", "rediss")
        and HOST_PORT.fullmatch(host)
        # A cluster has one database.
        and re.fullmatch("/?0?" if text.endswith(CLUSTER) else r"(?:/\d{0,3})?", url.path, re.ASCII)
        and not (url.query or url.fragment)
        # A word without a colon is a user's name to Redis, and would be printed unmasked.
        and (not at or userinfo.partition(":")[2])
    )
