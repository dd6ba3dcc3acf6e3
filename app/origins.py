"""An address's host and origin, in one form, and the names that a host goes by."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import idna

_LABEL = re.compile(r"[a-z0-9-]+", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a system runs: a host (with its port), the path that all its pages have, the scheme.

    `https://git.example.com/gitlab` is the host `git.example.com` with the base `/gitlab`.
    """

    host: str
    base: str = ""
    scheme: str = "https"

    @property
    def url(self) -> str:
        """The address of the system's root, without a slash at its end."""
        return f"{self.scheme}://{self.host}{self.base}"


def server_of(text: str) -> Server:
    """Read `host[:port][/path]`, https unless `http://` stands before it.

    Raises ValueError where it holds anything else.
    """
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not `host`, `host:port` or `host/path`")
    return Server(host_of(parts), parts.path.rstrip("/"), parts.scheme)


def ascii_host(host: str) -> str:
    """Write an international host as DNS holds it: `bücher.example` is `xn--bcher-kva.example`.

    Implements RFC 5891. Raises ValueError where a label is not valid.
    """
    if host.isascii():
        return host.lower()
    labels = unicodedata.normalize("NFC", host.lower()).split(".")
    return ".".join(
        label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels
    )


def host_of(parts: SplitResult) -> str:
    """Return `host`, or `host:port` where the port is not the scheme's own, in lower case.

    An international host is in the form that DNS holds. Raises ValueError where the host or the
    port is not valid.
    """
    host = ascii_host(parts.hostname or "")
    shown = f"[{host}]" if ":" in host else host
    default_port = DEFAULT_PORTS.get(parts.scheme)
    return shown if parts.port in (None, default_port) else f"{shown}:{parts.port}"


def is_named(host: str, names: Iterable[str]) -> bool:
    """Tell whether a host is among names; `*.example.com` names each child of example.com."""
    wanted = names_of(host)
    return any(name in wanted for name in names)


def names_of(host: str) -> tuple[str, ...]:
    """List the names that a host goes by: its own, and `*.example.com` where it is a child."""
    if "*" in host:
        return ()
    child, _, parent = host.partition(".")
    return (host, f"*.{parent}") if _LABEL.fullmatch(child) else (host,)


def origin_of(url: str | SplitResult) -> str:
    """Return `scheme://host:port` of an address, in lower case and with the port spelled out.

    Raises ValueError where the host or the port is not valid.
    """
    parts = urlsplit(url) if isinstance(url, str) else url
    scheme = parts.scheme.lower()
    host = ascii_host(parts.hostname or "")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{parts.port or DEFAULT_PORTS.get(scheme, 0)}"


def name_in_host_header(value: str) -> str:
    """Return the host's name in a header `Host`, without its port; empty where it has none."""
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


def is_loopback_host(host: str) -> bool:
    """Tell whether a host, by name or IP address, is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Address:
    """An address, read once: `host` is as `host_of` gives it, `origin` as `origin_of` does."""

    url: str
    parts: SplitResult
    host: str
    origin: str


def read_url(url: str) -> Address:
    """Read an address; raises ValueError where it is not valid."""
    parts = urlsplit(url)
    return Address(url, parts, host_of(parts), origin_of(parts))
