"""The kinds of value that a setting can have, as marshmallow fields over the text given."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from marshmallow import ValidationError, fields

from app.origins import host_of, origin_of

_DATABASE: Final = re.compile(
    r"sqlite:///[^?#]+|postgresql\+psycopg://[^/?#]*/[^/?#]+(?:\?[^#]*)?", re.ASCII | re.DOTALL
)
_ADDRESS: Final = re.compile(r"(?P<origin>https?://[^/?#@]+)(?P<path>(?:/[\w.~%-]+)*)", re.ASCII)
_BYTES: Final = re.compile(r"(\d{1,15}) ?(KiB|MiB|GiB)?", re.ASCII)
_UNITS: Final = {None: 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
MEMORY: Final = "memory://"
_HOST_PORT: Final = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?", re.ASCII)


class Words(fields.Field[tuple[str, ...]]):
    """A comma-separated list; blanks around a word do not count, empty words are dropped."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        words = tuple(self.word(word.strip()) for word in value.split(",") if word.strip())
        if not words:
            # What was meant to hold something must not mean what an unset one means: all.
            raise ValidationError("holds commas, but no word")
        return words

    def word(self, word: str) -> str:
        """Check one word and return it, or raise ValidationError."""
        return word


class Secrets(Words):
    """Secrets, each of at least `shortest` bytes."""

    def __init__(self, *, shortest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shortest = shortest

    def word(self, word: str) -> str:
        """Check one secret."""
        length = len(word.encode())
        if length < self.shortest:
            raise ValidationError(
                f"a secret has {length} bytes; each needs at least {self.shortest}"
            )
        return word


class Origins(Words):
    """Origins such as `https://app.asana.com`; `*` is none."""

    def word(self, word: str) -> str:
        """Check one origin."""
        return _origin(word)


class HostPorts(Words):
    """`host` or `host:port`."""

    def word(self, word: str) -> str:
        """Check one host."""
        if not _HOST_PORT.fullmatch(word.lower()):
            raise ValidationError(f"{word!r} is no `host` or `host:port`")
        return word.lower()


class OriginMap(fields.Field[dict[str, str]]):
    """`origin=origin` pairs: what would go to the first goes to the second."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        pairs = [pair.strip() for pair in value.split(",") if pair.strip()]
        return dict(self._pair(pair) for pair in pairs)

    @staticmethod
    def _pair(pair: str) -> tuple[str, str]:
        first, found, second = pair.partition("=")
        if not found:
            raise ValidationError(f"{pair!r} is no `https://first=https://second`")
        return origin_of(_origin(first.strip())), _origin(second.strip())


class Size(fields.Field[int]):
    """A number of bytes, such as `67108864` or `64 MiB`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        found = _BYTES.fullmatch(value.strip())
        if not found or not int(found[1]):
            raise ValidationError("is no size such as `67108864` or `64 MiB`")
        return int(found[1]) * _UNITS[found[2]]


class CacheUrl(fields.Field[str]):
    """`memory://`, or `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        # The value holds a password: no message may hold any of it.
        given = str(value)
        if given != MEMORY and not _is_redis(given):
            raise ValidationError(
                "must be memory://, or redis://host:port/0 (rediss:// with TLS), "
                "its password percent-encoded and nothing behind the database"
            )
        return given


class DatabaseUrl(fields.Field[str]):
    """`sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        # What was given is never told again: it may hold a password.
        try:
            parts = urlsplit(value)
            sound = _DATABASE.fullmatch(value) and ":memory:" not in value
            _ = parts.port
        except ValueError:
            sound = None
        if not sound:
            raise ValidationError(
                "is no address of a database such as sqlite:///placard.db or "
                "postgresql+psycopg://user:password@host/placard"
            )
        if "password" in parts.query.lower():
            raise ValidationError("has a password in its query; it belongs before the `@`")
        return str(value)


class PublicUrl(fields.Field[str]):
    """The absolute address of a service, which may have a path, without a slash at its end."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        found = _ADDRESS.fullmatch(value.rstrip("/"))
        if not found:
            raise ValidationError("is no address such as https://placard.example.com")
        return _origin(found["origin"]) + found["path"]


class Pem(fields.Field[str]):
    r"""A public key in PEM; `\n` may stand for a line's end."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        pem: str = value.replace("\\n", "\n")
        try:
            load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValidationError("is no public key in PEM") from error
        return pem


def password_in(url: str) -> str:
    """Return the password in an address, as it is written there; empty where there is none."""
    _, found, rest = url.partition("://")
    user, at, _ = rest.rpartition("@")
    return user.partition(":")[2] if found and at else ""


def _is_redis(text: str) -> bool:
    try:
        parts = urlsplit(text)
        user, at, host = parts.netloc.lower().rpartition("@")
        _ = parts.port
    except ValueError:
        return False
    return bool(
        parts.scheme in ("redis", "rediss")
        and _HOST_PORT.fullmatch(host)
        and re.fullmatch(r"(?:/\d{0,3})?", parts.path, re.ASCII)
        and not (parts.query or parts.fragment)
        # Redis would take a lone word for a user's name, and we would show it as one.
        and (not at or user.partition(":")[2])
    )


def _origin(text: str) -> str:
    """Return a checked `scheme://host[:port]`, in lower case."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and _HOST_PORT.fullmatch(parts.netloc.lower())
        _ = parts.port
    except ValueError:
        raise ValidationError(f"{text!r} is no origin such as https://app.asana.com") from None
    if not whole or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValidationError(f"{text!r} is no origin such as https://app.asana.com")
    # As browsers write it: without the scheme's own port.
    return f"{parts.scheme}://{host_of(parts)}"
