"""An address's host and origin, in one form, and the names that a host goes by."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_LABEL = re.compile(r"[a-z0-9-]+", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}


def host_of(parts: SplitResult) -> str:
    """Return `host`, or `host:port` where the port is not the scheme's own, in lower case.

    Raises ValueError where the port is none.
    """
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    own = DEFAULT_PORTS.get(parts.scheme)
    return shown if parts.port in (None, own) else f"{shown}:{parts.port}"


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

    Raises ValueError where the port is none.
    """
    parts = urlsplit(url) if isinstance(url, str) else url
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{parts.port or DEFAULT_PORTS.get(scheme, 0)}"


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
