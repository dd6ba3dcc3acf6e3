"""What a connector is: it knows one system's addresses, requests and resources."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError

from app.connectors.addresses import (
    Match,
    ResourceUrl,
    json_in_base64,
    one_of,
    read_address,
    servers_of,
)
from app.connectors.javascript import PagePattern, translated
from app.connectors.oauth import OAuthSystem
from app.connectors.resources import Count, Resource, Timestamp, shape_of
from app.connectors.searches import Found, Search, SearchQuery
from app.origins import Server, host_of, is_named
from app.settings import ConnectorSetting, Settings
from app.telemetry.trace import is_recording, step
from app.upstream.credentials import HostCredential
from app.upstream.excerpt import Shape
from app.upstream.messages import UpstreamRequest
from app.upstream.verdict import AnswerRules, Outcome
from templates_schemas import SummaryWithDetails
from templates_schemas.rules import faults_in

# A connector needs these too: it imports all of them from here.
__all__ = [
    "Connector",
    "Count",
    "Found",
    "Match",
    "Resource",
    "ResourceUrl",
    "Search",
    "SearchQuery",
    "Timestamp",
    "json_in_base64",
    "one_of",
    "read_address",
    "servers_of",
    "shape_of",
]

# How many of the values that were left out of one answer the trace records.
MOST_RECORDED: Final = 20


class Connector(ABC):
    """One system. In code it does no I/O, reads no clock, catches nothing and logs nothing.

    `hosts` are those that its addresses have; `*.example.com` names each child of example.com.
    `servers` are those that a setting names, some with a path before all of their pages. `path` is
    the pattern of its addresses, with named groups: of the path alone, or of the path with what
    follows it: the `query_parameters` that are given, as `?name=value&name=value` in this order,
    and `#fragment` where `reads_fragment` is true.
    `not_found_statuses` say that there is no such resource, `forbidden_statuses` that our
    credential may not see it. `settings` declares this connector's settings, whose values are in
    `Settings.connector_settings` by name; `credentials` is made of them where a token is all.
    `ttl` is how long its cards are fresh, in seconds, where that differs from PLACARD_CACHE_TTL.
    `revision` is a part of the cache key: another one makes all cards anew. One that `is_trusted`
    may be given credentials that do not name it. One that `searches_anonymously` is
    searched without a credential too. `oauth` is how people sign in, where the table of oauth.py
    does not say it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    example: ClassVar[str]
    settings: ClassVar[tuple[ConnectorSetting, ...]] = ()
    path: ClassVar[re.Pattern[str]]
    query_parameters: ClassVar[tuple[str, ...]] = ()
    reads_fragment: ClassVar[bool] = False
    schema: ClassVar[type[Schema]]
    search_schema: ClassVar[type[Schema]] = Resource
    not_found_statuses: ClassVar[frozenset[int]] = frozenset({404, 410, 451})
    forbidden_statuses: ClassVar[frozenset[int]] = frozenset({401, 403})
    ttl: ClassVar[float | None] = None
    revision: str = ""
    is_trusted: bool = True
    searches_anonymously: bool = False
    hosts: frozenset[str]
    servers: tuple[Server, ...] = ()
    credentials: tuple[HostCredential, ...] = ()
    oauth: OAuthSystem | None = None

    @abstractmethod
    def __init__(self, settings: Settings) -> None:
        """Read this connector's settings."""

    def match(self, address: ResourceUrl) -> Match | None:
        """Match the host first, then the path; None where the connector does not serve it."""
        # With a user name before the host, addresses deceive.
        if address.has_user or not is_named(address.host, self.hosts):
            return None
        named = [server for server in self.servers if server.host == address.host]
        for server in named or [Server(address.host)]:
            below = address.below(server.base)
            match = below and self.match_below(server, below)
            if match:
                return match
        return None

    def match_below(self, server: Server, address: ResourceUrl) -> Match | None:
        """Match what follows the base of a server."""
        found = self._find(address)
        if found is None:
            return None
        parameters = {name: part for name, part in found.groupdict().items() if part}
        return Match(server, parameters, address.path)

    def _find(self, address: ResourceUrl) -> re.Match[str] | None:
        """Match the path alone, else with what follows it."""
        given = [name for name in self.query_parameters if name in address.query]
        query = "&".join(f"{name}={address.query[name]}" for name in given)
        fragment = address.fragment if self.reads_fragment else ""
        rest = f"?{query}" * bool(query) + f"#{fragment}" * bool(fragment)
        found = self.path.fullmatch(address.path)
        return found or (self.path.fullmatch(address.path + rest) if rest else None)

    def canonical(self, match: Match) -> str:
        """Return the one address of the resource, whatever form of it was given.

        A page's own tabs, its query and its fragment are left out.
        """
        return match.server.url + match.path.rstrip("/")

    def page_patterns(self) -> Iterator[PagePattern]:
        """Write the addresses for the host's console; a little wider than `match` is."""
        any_case = bool(self.path.flags & re.IGNORECASE)
        path = translated(self.path.pattern, self.query_parameters, any_case=any_case)
        yield PagePattern(self.hosts, path)

    def verdict(self, document: Any) -> Outcome | None:  # noqa: ARG002 - for a system that needs it
        """Return the outcome where the document of a 200 describes a failure; None is a success."""
        return None

    def refusal(self, document: Any) -> Outcome | None:
        """Return the outcome that the document of any other answer describes, such as "missing".

        None leaves the decision to the status. It is not called where the headers decide, nor for a
        403 whose text describes a rate limit: `app/upstream/verdict.py` does both for every system.
        """
        return self.verdict(document)

    @cached_property
    def answer_rules(self) -> AnswerRules:
        """What the answers of this system mean."""
        kind = type(self)
        reads = kind.verdict is not Connector.verdict
        return AnswerRules(
            self.not_found_statuses,
            self.forbidden_statuses,
            verdict=self.verdict if reads else None,
            refusal=self.refusal if reads or kind.refusal is not Connector.refusal else None,
            shown=self.shown,
        )

    @property
    def shown(self) -> Shape | None:
        """The keys that are read of an answer; of a large one, only these are kept."""
        return shape_of(self.schema()) if issubclass(self.schema, Resource) else None

    def load(self, document: Any) -> Any:
        """Load an upstream's JSON with the schema; the trace records the values that were left out.

        Raises ValidationError where the document cannot do without a value that does not load.
        """
        return _loaded(self._loader, document)

    @cached_property
    def _loader(self) -> Schema:
        # Made once: a schema copies all of its fields, and keeps nothing of what it loads.
        return self.schema()

    @abstractmethod
    def request_for(self, match: Match) -> UpstreamRequest:
        """Return the request for a resource."""

    def request_for_person(self, match: Match) -> UpstreamRequest:
        """Return the request that carries a person's access token, where it differs."""
        return self.request_for(match)

    @abstractmethod
    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Make a card of a resource that `schema` loaded."""

    @property
    def search_servers(self) -> tuple[Server, ...]:
        """The servers that are searched, beside those that a credential names."""
        return self.servers

    def search_for(self, query: SearchQuery, server: Server) -> Iterable[Search]:  # noqa: ARG002
        """Return the requests that search a server; none where this system cannot be searched."""
        return ()

    def search_for_person(self, query: SearchQuery, server: Server) -> Iterable[Search]:
        """Say how to search with the access token of a person, where that is something else."""
        return self.search_for(query, server)

    def found(self, document: Any, search: Search) -> Iterable[Found]:
        """List what the answer of a search has found, in its order.

        Raises ValidationError where the document is not what the system documents.
        """
        # Some systems answer with a bare list.
        listed = {"items": document} if isinstance(document, list) else document
        return self.results(_loaded(self._search_loader, listed), search)

    @cached_property
    def _search_loader(self) -> Schema:
        return self.search_schema()

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterable[Found]:  # noqa: ARG002
        """Return the results of an answer that `search_schema` loaded."""
        return ()

    def short_forms(self, text: str, recent: Sequence[Match]) -> Iterable[str]:  # noqa: ARG002
        """List the addresses that a short form such as `ACME-12` may mean.

        `recent` are the addresses of this connector that were attached lately.
        """
        return ()

    def secure_icon(self, url: str, match: Match) -> str | None:
        """Return an icon's address with https, which the system's own hosts have; else None.

        A host's page is https, and shows no icons of http.
        """
        target = urlsplit(url)
        if target.scheme == "https":
            return url
        secure = target._replace(scheme="https", netloc=target.netloc.removesuffix(":80"))
        try:
            host = host_of(secure)
        except ValueError:
            return None
        has_https = match.server.scheme == "https" or host != match.host
        return secure.geturl() if has_https and is_named(host, self.hosts) else None


def _loaded(loader: Schema, document: Any) -> Any:
    """Load a document; the trace records the values that were left out."""
    try:
        return loader.load(document)
    except ValidationError as error:
        if error.valid_data is None:
            raise
        if is_recording():
            for fault in faults_in(error)[:MOST_RECORDED]:
                with step("dropped", part=fault.path, why=fault.message):
                    pass
        return error.valid_data
