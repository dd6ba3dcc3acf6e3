"""`[connector.search]`: the requests of a search, and the results of its answer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError

from app.connectors.definitions.expressions import ExpressionError, evaluate
from app.connectors.definitions.templates import filled_request, filled_url
from app.connectors.searches import Found, Search, SearchQuery
from app.origins import Server, host_of, is_named
from app.upstream.messages import UpstreamRequest

SCOPE: Final = "scope"
# What a search is filled with; the workspace only where one was proven.
SEARCHED_WITH: Final = frozenset({"query", "words", "workspace", SCOPE})
# What `part()` may name in the expressions of a finding.
FOUND_WITH: Final = frozenset({SCOPE, "host"})
SHOWN: Final = ("title", "address", "subtitle", "icon_url")
MOST_SCOPES: Final = 5


class DefinedSearch:
    """The search of one definition; `scopes` are the values of its setting, if it has one."""

    def __init__(self, definition: Mapping[str, Any], scopes: str | None) -> None:
        search: Mapping[str, Any] = definition["search"]
        headers = definition["request"]["headers"] | search["headers"]
        self._search = {**search, "headers": headers}
        given = [scope.strip() for scope in (scopes or "").split(",")]
        self._scopes = [scope for scope in given if scope][:MOST_SCOPES]

    @property
    def host(self) -> str | None:
        """The only host that is searched; None where each server is searched."""
        url = urlsplit(self._search["url"].partition("{")[0])
        return host_of(url) if url.scheme else None

    def searches(self, query: SearchQuery, server: Server, api_url: str) -> Iterator[Search]:
        """Yield the requests for a server whose API has the address `api_url`."""
        parts = {"query": query.text, "words": query.words}
        if query.workspace is not None:
            parts["workspace"] = query.workspace
        scoped = "scope_setting" in self._search
        for scope in self._scopes if scoped else [""]:
            request = self._request({**parts, SCOPE: scope}, server, api_url)
            if request is not None:
                yield Search(request, server, self._search["by_title"], scope)

    def _request(
        self, parts: Mapping[str, str], server: Server, api_url: str
    ) -> UpstreamRequest | None:
        others = self._search["urls"].items()
        of_host = (url for name, url in others if is_named(server.host, (name,)))
        template = next(of_host, self._search["url"])
        if "{workspace}" in template and "workspace" not in parts:
            return None
        url = filled_url(template if self.host else f"{api_url}{template}", parts)
        return filled_request(self._search, url, parts)

    def found(self, document: Any, search: Search, pages: Server) -> Iterator[Found]:
        """Yield the results of an answer, which are on `pages` where their address is a path.

        A result without an address is left out.

        Raises ValidationError where the answer has no list of results.
        """
        try:
            items = evaluate(self._search["results"], document)
        except ExpressionError as error:
            raise ValidationError(str(error)) from error
        if items is not None and not isinstance(items, list):
            raise ValidationError("has no list of findings")
        parts = {SCOPE: search.scope, "host": search.server.host}
        for item in items or ():
            title, address, subtitle, icon = (self._text(key, item, parts) for key in SHOWN)
            if address:
                url = f"{pages.url}{address}" if address.startswith("/") else address
                yield Found(title, url, subtitle, icon or None)

    def _text(self, key: str, item: Any, parts: Mapping[str, str]) -> str:
        if key not in self._search:
            return ""
        try:
            value = evaluate(self._search[key], item, parts)
        except ExpressionError:
            return ""
        return value if isinstance(value, str) else ""
