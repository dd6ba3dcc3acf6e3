"""What a connector says of its system's search: what to ask, which server, what was found."""

import re
from dataclasses import dataclass
from typing import Final

from app.origins import Server
from app.upstream.messages import UpstreamRequest

# How many resources one system is asked for.
MOST_FOUND: Final = 10
_NO_WORD: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What a person typed, cleaned, and the workspace that was proven, if any was."""

    text: str
    workspace: str | None = None

    @property
    def words(self) -> str:
        """The words alone, apart by one blank: no quote, no operator of any query language."""
        return _NO_WORD.sub(" ", self.text).strip(" .-")


@dataclass(frozen=True, slots=True)
class Search:
    """One search: what to ask, and the server whose pages show what it finds.

    Of a system that can only list, the titles are searched here: `by_title`. `scope` is the place
    that is searched, where a setting names some.
    """

    request: UpstreamRequest
    server: Server
    by_title: bool = False
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that a search has found, by the address of its page."""

    title: str
    address: str
    subtitle: str = ""
    icon_url: str | None = None
