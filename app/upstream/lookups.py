"""Values in a URL that another request returns, such as the id of an Atlassian site."""

import re
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from threading import Lock
from typing import Any, Final

from cachetools import TTLCache, cachedmethod

from app.errors import UpstreamUnreadable
from app.origins import host_of, read_url
from app.upstream.messages import UpstreamRequest, UrlLookup

KEPT: Final = 1024
KEPT_SECONDS: Final = 86_400.0
_FIT_FOR_A_PATH: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


class UrlLookups:
    """Requests each value once, without a credential, and keeps it in this process for a day.

    `document_of` asks for a request's document; what it raises is raised by `resolve`.
    """

    def __init__(self, document_of: Callable[[UpstreamRequest], Any]) -> None:
        self._document_of = document_of
        self._lock = Lock()
        self._kept: TTLCache[UrlLookup, str] = TTLCache(KEPT, KEPT_SECONDS)

    def resolve(self, request: UpstreamRequest) -> UpstreamRequest:
        """Put the value into the request's address, where it needs one.

        Raises UpstreamUnreadable where the document does not have it.
        """
        lookup = request.lookup
        if lookup is None:
            return request
        url = request.url.replace(lookup.placeholder, self._value(lookup))
        return replace(request, url=url, lookup=None)

    @cachedmethod(attrgetter("_kept"), lock=attrgetter("_lock"))
    def _value(self, lookup: UrlLookup) -> str:
        host = host_of(read_url(lookup.url).parts)
        document = self._document_of(UpstreamRequest(lookup.url, hosts=frozenset({host})))
        value = document.get(lookup.name) if isinstance(document, dict) else None
        if not isinstance(value, str) or not _FIT_FOR_A_PATH.fullmatch(value):
            raise UpstreamUnreadable(f"$.{lookup.name}: is not an id")
        return value
