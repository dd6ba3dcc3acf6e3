"""Which systems are searched, and one search: asked, judged, read, and kept for a while."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from marshmallow import ValidationError

from app.access import ColdFetchBudget, Connection, Provider
from app.cache.single_flight import SingleFlight
from app.connectors import Connector
from app.connectors.searches import Found, Search, SearchQuery, beginning_of
from app.errors import BudgetSpent, MalformedRequest, NoConnector, PlacardError, UpstreamUnreadable
from app.failures import document_of, raise_for_verdict, with_sentence
from app.lookup.kept import KeptLists
from app.lookup.together import EACH
from app.resolver import Resolver, key_of
from app.telemetry.metrics import Metrics
from app.upstream.client import Fetcher
from app.upstream.concurrency import ConcurrencyLimit
from app.upstream.lookups import UrlLookups
from app.upstream.messages import ANONYMOUS, UpstreamRequest, UpstreamResponse
from app.upstream.verdict import Verdict
from app.verification import Viewer
from templates_schemas.lookup import ITEMS_MAX, TypeaheadItem
from templates_schemas.rules import faults_in
from templates_schemas.text import clean, is_web_url

MOST_SEARCHES: Final = 32
TOO_MANY: Final = "Too many searches in a minute; try again in a moment."


@dataclass(frozen=True, slots=True)
class SystemSearch:
    """One search of one system, with the credential that it carries; `key` names all of that.

    That of a person is a `connection`, at a `provider`. Whether the viewer `may_ask` is asked of
    all searches for a text together.
    """

    connector: Connector
    search: Search
    key: str
    may_ask: Callable[[], bool]
    provider: Provider | None = None
    connection: Connection | None = None

    @property
    def origin(self) -> str:
        """The origin that is asked."""
        return self.search.request.address.origin


class Searches:
    """Searches the systems that can be searched and that there is a credential for.

    The fetcher and the budget are its own: that a search is slow or limited, or that somebody types
    for long, is not to keep cards away. A text that any system is asked about takes one of it.
    """

    def __init__(
        self,
        resolver: Resolver,
        fetcher: Fetcher,
        budget: ColdFetchBudget,
        kept: KeptLists,
        metrics: Metrics,
    ) -> None:
        self._registry = resolver.registry
        self._access = resolver.access
        self._fetcher = fetcher
        self._budget = budget
        self._kept = kept
        self._metrics = metrics
        self._lookups = UrlLookups(partial(document_of, fetcher))
        self._flights: SingleFlight[list[TypeaheadItem]] = SingleFlight(
            fetcher.deadline, ConcurrencyLimit(per_origin=EACH)
        )

    def planned(self, query: SearchQuery, viewer: Viewer) -> list[SystemSearch]:
        """List the searches for a text, each once, in the order of the connectors."""
        found = {planned.key: planned for planned in self._planned(query, viewer)}
        return list(found.values())[:MOST_SEARCHES]

    def _planned(self, query: SearchQuery, viewer: Viewer) -> Iterator[SystemSearch]:
        if not query.words:
            return
        may_ask = self._budget.one_for_all(viewer)
        for connector in self._registry.connectors:
            hosts = self._access.hosts(connector, viewer)
            for server in self._registry.searched_servers(connector, hosts):
                for search in self._access.search_of(connector)(query, server):
                    planned = self._with_credential(connector, search, viewer, may_ask)
                    if planned is not None:
                        yield planned

    def _with_credential(
        self, connector: Connector, search: Search, viewer: Viewer, may_ask: Callable[[], bool]
    ) -> SystemSearch | None:
        request = search.request
        proof = self._access.for_search(connector, request, viewer)
        if proof is None:
            return None
        credential, provider, connection = proof
        if credential is ANONYMOUS and not connector.searches_anonymously:
            return None
        # What a 200 means for one resource, and what is shown of it, says nothing of a list.
        rules = replace(connector.answer_rules, verdict=None, shown=None)
        request = replace(request, credential=credential, rules=rules)
        key = f"{search.server.url}\n{key_of(connector, request)}"
        authorized = replace(search, request=request)
        return SystemSearch(connector, authorized, key, may_ask, provider, connection)

    def items(self, planned: SystemSearch, query: SearchQuery) -> list[TypeaheadItem]:
        """Return what a search finds, or has found lately; raises a PlacardError.

        That is BudgetSpent where nothing is kept, and the viewer has no search left.
        """
        items = self._kept.found(planned.key)
        if items is None:
            if not planned.may_ask():
                raise BudgetSpent(sentence=TOO_MANY)
            items, _ = self._flights.run(planned.key, planned.origin, lambda _: self._ask(planned))
        return list(_titled(items, query)) if planned.search.by_title else items

    def _ask(self, planned: SystemSearch) -> list[TypeaheadItem]:
        verdict: Verdict | None = None
        try:
            response = self._answer(planned)
            verdict = response.verdict
            raise_for_verdict(verdict)
            items = self._read(planned, response.document)
        except PlacardError as error:
            wait = verdict.wait if verdict else None
            self._kept.keep_failure(planned.key, with_sentence(error, planned.connector), wait)
            raise
        self._kept.keep_found(planned.key, items)
        return items

    def _answer(self, planned: SystemSearch) -> UpstreamResponse:
        def ask(request: UpstreamRequest) -> tuple[UpstreamRequest, UpstreamResponse]:
            with self._metrics.upstream_seconds.labels(planned.connector.name).time():
                return request, self._fetcher.fetch(self._lookups.resolve(request))

        connection, provider, request = planned.connection, planned.provider, planned.search.request
        if connection is None or provider is None:
            return ask(request)[1]
        return self._access.ask_as(connection, provider, request, ask)[1]

    def _read(self, planned: SystemSearch, document: object) -> list[TypeaheadItem]:
        try:
            found = list(planned.connector.found(beginning_of(document), planned.search))
        except ValidationError as error:
            raise UpstreamUnreadable(str(faults_in(error)[0])) from None
        return list(self._items(planned.connector, found))

    def _items(self, connector: Connector, found: Iterable[Found]) -> Iterator[TypeaheadItem]:
        """Make items of what this connector serves, by the canonical address."""
        seen: set[str] = set()
        for each in found:
            address = self._canonical(connector, each.address)
            if address and address not in seen and clean(each.title):
                seen.add(address)
                yield TypeaheadItem(each.title, address, each.subtitle, each.icon_url)

    def _canonical(self, connector: Connector, address: str) -> str | None:
        try:
            found, match = self._registry.find(address)
        except (NoConnector, MalformedRequest):
            return None
        canonical = found.canonical(match) if found.name == connector.name else ""
        is_shown = is_web_url(canonical) and self._access.may_find(found, canonical)
        return canonical if is_shown else None


def _titled(items: Iterable[TypeaheadItem], query: SearchQuery) -> Iterator[TypeaheadItem]:
    """Yield the items whose titles have all words, in any case and order."""
    words = query.words.casefold().split()
    return (item for item in items if all(word in item.title.casefold() for word in words))


def interleaved(lists: Iterable[list[TypeaheadItem]]) -> list[TypeaheadItem]:
    """Take the first of each list, then the second of each, each address once, up to the limit."""
    rows = list(lists)
    longest = max(map(len, rows), default=0)
    ranked = (row[rank] for rank in range(longest) for row in rows if rank < len(row))
    once: dict[str, TypeaheadItem] = {}
    for item in ranked:
        once.setdefault(item.value, item)
    return list(once.values())[:ITEMS_MAX]
