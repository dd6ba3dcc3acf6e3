"""What a connector says of its system's search: what to ask, which server, what was found."""

import re
from dataclasses import dataclass
from typing import Any, Final

from app.origins import Server
from app.upstream.messages import UpstreamRequest

# How many resources one system is asked for; and of one that sends more, how many are looked at.
MOST_FOUND: Final = 10
MOST_READ: Final = 100
# So deep within an answer stands the list of what was found.
_DEEPEST_LIST: Final = 6
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


def beginning_of(document: Any, depth: int = _DEEPEST_LIST) -> Any:
    """Return a document with the first `MOST_READ` elements of its lists: the rest costs time."""
    if isinstance(document, list):
        document = document[:MOST_READ]
        return [beginning_of(each, depth - 1) for each in document] if depth else document
    if isinstance(document, dict) and depth:
        return {key: beginning_of(each, depth - 1) for key, each in document.items()}
    return document


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that a search has found, by the address of its page."""

    title: str
    address: str
    subtitle: str = ""
    icon_url: str | None = None
