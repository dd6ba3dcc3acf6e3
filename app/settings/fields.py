"""The kinds of value that a setting can have: how each is read from a text, checked and printed.

They are marshmallow fields. A field reads what it has printed, but for secrets, and passwords in
addresses, which are printed as masks.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from marshmallow import ValidationError, fields, validate

from app.origins import host_of, origin_of, server_of

_ADDRESS: Final = re.compile(r"(?P<origin>https?://[^/?#@]+)(?P<path>(?:/[\w.~%-]+)*)", re.ASCII)
_BYTES: Final = re.compile(r"(\d{1,15}) ?(KiB|MiB|GiB)?", re.ASCII)
_UNITS: Final = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}
MASK: Final = "********"
LONGEST_TIME: Final = 7 * 86_400.0  # seconds
HOST_PORT: Final = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?", re.ASCII)
_SERVER: Final = re.compile(HOST_PORT.pattern + r"(?:/[\w.~-]+)*", re.ASCII)
_Option = TypeVar("_Option", bound=str)


class Choice(fields.Field[_Option]):
    """One of several words."""

    def __init__(self, *options: _Option) -> None:
        super().__init__(validate=validate.OneOf(options))


class Switch(fields.Boolean):
    """`on` or `off`, or what marshmallow takes for these: `true`, `1`, `no`, …."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return "on" if value else "off"


class Seconds(fields.Float):
    """A time in seconds, more than 0; 0 means never where `or_never` allows it."""

    def __init__(self, *, longest: float = LONGEST_TIME, or_never: bool = False) -> None:
        bounds = "0 (never) to {max:g}" if or_never else "more than 0, and {max:g} at most"
        within = validate.Range(0, longest, min_inclusive=or_never, error=f"must be {bounds}")
        super().__init__(validate=within, allow_nan=False)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return str(value).removesuffix(".0")


class PositiveInteger(fields.Integer):
    """A number from 1 to `most`."""

    def __init__(self, *, most: int = 1_000_000) -> None:
        bounds = validate.Range(1, most, error="must be from {min} to {max}")
        super().__init__(validate=bounds)


class Masked:
    """A value that is printed as a mask, whoever prints it."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return ", ".join([MASK] * (len(value) if isinstance(value, tuple) else bool(value)))


class Secret(Masked, fields.String):
    """A secret."""


class HeaderWord(fields.String):
    """A text that an HTTP header can carry: one word of visible ASCII."""

    def __init__(self) -> None:
        error = "must be one word of visible ASCII, as tokens are"
        super().__init__(validate=validate.Regexp(r"[!-~]+\Z", error=error))


class Token(Masked, HeaderWord):
    """A secret that goes into a header."""


class WordList(fields.Field[tuple[str, ...]]):
    """A comma-separated list, of `options` where these are given.

    Blanks around a word do not count, and empty words are dropped.
    """

    def __init__(self, *options: str) -> None:
        super().__init__(validate=[validate.ContainsOnly(options)] if options else None)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        words = tuple(self.word(word.strip()) for word in value.split(",") if word.strip())
        if not words:
            # Unset means "all" for some lists; a list of commas must not.
            raise ValidationError("holds commas, but no word")
        return words

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return ", ".join(value)

    def word(self, word: str) -> str:
        """Check one word and return it, or raise ValidationError."""
        return word


class Secrets(Masked, WordList):
    """Secrets, each of at least `shortest` bytes."""

    def __init__(self, *, shortest: int) -> None:
        super().__init__()
        self.shortest = shortest

    def word(self, word: str) -> str:
        length = len(word.encode())
        if length < self.shortest:
            raise ValidationError(
                f"a secret has {length} bytes; each needs at least {self.shortest}"
            )
        return word


class Pages(WordList):
    """Parts of systems, such as `github.com/acme/*`: a host, and a path with all that is below."""

    def word(self, word: str) -> str:
        """Check one part, and write it in one form."""
        part = word.casefold().removesuffix("*").rstrip("/")
        host, slash, path = part.partition("/")
        if not slash or not HOST_PORT.fullmatch(host.removeprefix("*.")) or "*" in path:
            raise ValidationError(f"{word!r} is not `host/path` or `host/path/*`")
        return part


class ByConnector(fields.Field[Mapping[str, _Option]]):
    """One of several words for each connector, by its name; each has a variable of its own."""

    def __init__(self, *options: _Option) -> None:
        super().__init__()
        self.options = options

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return ", ".join(f"{name}={option}" for name, option in value.items())

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Mapping[str, _Option]:
        for name, option in value.items():
            if option not in self.options:
                raise ValidationError(f"for {name} it must be one of: {', '.join(self.options)}")
        return dict(value)


class FernetKeys(Secrets):
    """Keys as `cryptography.fernet.Fernet.generate_key` makes them."""

    def __init__(self) -> None:
        super().__init__(shortest=44)

    def word(self, word: str) -> str:
        try:
            Fernet(super().word(word))
        except ValueError:
            raise ValidationError("a key is not 32 bytes in URL-safe base64") from None
        return word


class OriginList(WordList):
    """Origins such as `https://app.asana.com`; `*` is not one."""

    def word(self, word: str) -> str:
        return _origin(word)


class HostPorts(WordList):
    """`host` or `host:port`."""

    def word(self, word: str) -> str:
        if not HOST_PORT.fullmatch(word.lower()):
            raise ValidationError(f"{word!r} is not `host` or `host:port`")
        return word.lower()


class Servers(WordList):
    """`host`, `host:port` or `host/path`, where a system runs; with `http://` before it, http.

    An international host is taken in either form, and held as DNS has it.
    """

    def word(self, word: str) -> str:
        """Check one server, and write it in one form."""
        try:
            server = server_of(word)
        except ValueError:
            server = None
        if server is None or not _SERVER.fullmatch(f"{server.host}{server.base}"):
            raise ValidationError(f"{word!r} is not `host`, `host:port` or `host/path`")
        return server.url.removeprefix("https://")


class OriginMap(fields.Field[Mapping[str, str]]):
    """`origin=origin` pairs, comma-separated."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return ", ".join(f"{first}={second}" for first, second in value.items())

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        if "@" in value:
            # Nothing of it is shown: a password may hold what separates the parts.
            raise ValidationError("must be without users and passwords")
        pairs = [pair.strip() for pair in value.split(",") if pair.strip()]
        return dict(self._pair(pair) for pair in pairs)

    @staticmethod
    def _pair(pair: str) -> tuple[str, str]:
        first, separator, second = pair.partition("=")
        if not separator:
            raise ValidationError(f"{pair!r} is not `https://first=https://second`")
        return origin_of(_origin(first.strip())), _origin(second.strip())


class ByteSize(fields.Field[int]):
    """A number of bytes, such as `67108864` or `64 MiB`."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        for unit, size in _UNITS.items():
            if value % size == 0:
                return f"{value // size} {unit}"
        return str(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        match = _BYTES.fullmatch(value.strip())
        if not match or not int(match[1]):
            raise ValidationError("is not a size such as `67108864` or `64 MiB`")
        return int(match[1]) * _UNITS.get(match[2], 1)


class HttpUrl(fields.Url):
    """An address, https or http."""

    def __init__(self) -> None:
        no_user = validate.Regexp(r"[^@]*\Z", error="must be without a user and a password")
        super().__init__(schemes={"https", "http"}, require_tld=False, validate=no_user)


class PublicUrl(fields.Field[str]):
    """The absolute address of a service, which may have a path, without a slash at its end."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        match = _ADDRESS.fullmatch(value.rstrip("/"))
        if not match:
            raise ValidationError("is not an address such as https://placard.example.com")
        return _origin(match["origin"]) + match["path"]


class Pem(fields.Field[str]):
    r"""A public key in PEM; `\n` may stand for the end of a line."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        pem: str = value.replace("\\n", "\n")
        try:
            load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValidationError("is not a public key in PEM") from error
        return pem


def _origin(text: str) -> str:
    """Return a checked `scheme://host[:port]`, in lower case, as browsers write it."""
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and HOST_PORT.fullmatch(url.netloc.lower())
        _ = url.port
    except ValueError:
        valid = None
    if not valid or url.path not in ("", "/") or url.query or url.fragment:
        shown = text.rpartition("@")[2]
        raise ValidationError(f"{shown!r} is not an origin such as https://app.asana.com")
    return f"{url.scheme}://{host_of(url)}"
