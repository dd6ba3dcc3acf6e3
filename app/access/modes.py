"""Whose credential fetches a card: the access mode of each connector."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from app.errors import ConfigurationError
from app.origins import host_of, is_named
from app.settings import AccessMode, Settings

PREFIX: Final = "PLACARD_ACCESS_"


class AccessModes:
    """The mode of each connector, by its name: its own, that of the longest prefix, or the default.

    `PLACARD_ACCESS_GITHUB` is for `github_commit` too, unless that has a mode of its own. Raises
    ConfigurationError for the name of no connector.
    """

    def __init__(self, settings: Settings, names: Collection[str]) -> None:
        self._default: AccessMode = settings.access or "shared"
        self._modes = settings.access_of
        self._pages = tuple(page.partition("/")[::2] for page in settings.shared_only)
        plain = sorted({_plain(name) for name in names})
        for prefix in self._modes:
            if not any(_begins_with(name, prefix) for name in plain):
                raise ConfigurationError(_unknown(prefix, plain))

    def of(self, name: str) -> AccessMode:
        """Return the mode of a connector."""
        fitting = [prefix for prefix in self._modes if _begins_with(_plain(name), prefix)]
        return self._modes[max(fitting, key=len)] if fitting else self._default

    @property
    def are_narrowed(self) -> bool:
        """Whether a shared credential is for some pages only."""
        return bool(self._pages)

    def may_share(self, address: str) -> bool:
        """Tell whether a shared credential may be used for a page, by its canonical address."""
        url = urlsplit(address.casefold())
        host, path = host_of(url), url.path.strip("/") + "/"
        return any(
            is_named(host, (pattern,)) and path.startswith(f"{below}/" if below else "")
            for pattern, below in self._pages
        )


def _plain(name: str) -> str:
    """Write a connector's name as a variable can."""
    return name.replace("-", "_")


def _begins_with(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}_")


def _unknown(prefix: str, names: Collection[str]) -> str:
    meant = get_close_matches(prefix, names, n=1)
    hint = f"; did you mean {PREFIX}{meant[0].upper()}?" if meant else ""
    return f"{PREFIX}{prefix.upper()}: no connector has this name{hint}"
