"""A definition as a connector: its addresses, its requests, its verdicts and its card.

"A connector without code" in this folder's README has an example of a whole file.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar, Final

from marshmallow import Schema, ValidationError

from app.connectors.base import Connector, Found, Match, ResourceUrl, Search, SearchQuery
from app.connectors.definitions.addresses import (
    AddressForm,
    DefinedMatch,
    canonical_target,
    forms_of,
    match_in,
)
from app.connectors.definitions.card import CardExpressions
from app.connectors.definitions.excerpts import shape_read
from app.connectors.definitions.expressions import ExpressionError, evaluate
from app.connectors.definitions.hosts import DefinedHosts
from app.connectors.definitions.search import DefinedSearch
from app.connectors.definitions.templates import filled_request, filled_url, names_in
from app.connectors.javascript import PagePattern, escaped
from app.connectors.oauth import OAuthSystem, Revocation
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.excerpt import Shape
from app.upstream.messages import UpstreamRequest
from app.upstream.verdict import Outcome
from templates_schemas import SummaryWithDetails

OUTCOMES: Final[tuple[Outcome, ...]] = ("limited", "missing", "forbidden", "failed")


class DefinedConnector(Connector):
    """One definition, checked by `schema.DefinitionSchema` before it gets here."""

    schema: ClassVar[type[Schema]] = Schema

    def __init__(self, definition: Mapping[str, Any], settings: Settings | None = None) -> None:
        self.name = definition["name"]  # type: ignore[misc]
        self.label = definition["label"]  # type: ignore[misc]
        self.example = definition["example"]  # type: ignore[misc]
        self.revision = revision_of(definition)
        self.settings = tuple(settings_of(definition))  # type: ignore[misc]
        self.definition = definition
        self.forms = forms_of(definition)
        self.path = self.forms[0].path  # type: ignore[misc]
        self._answer = definition["answer"]
        self._conditions = {each: self._answer[each] for each in OUTCOMES if each in self._answer}
        # One that an empty answer meets, such as `!(issue)`, would be met by every refusal.
        self._of_refusals = [
            each for each, text in self._conditions.items() if not _is_true(text, {})
        ]
        self._card = CardExpressions(definition["card"], self.label)
        self.not_found_statuses = frozenset(  # type: ignore[misc]
            self._answer.get("not_found_statuses", Connector.not_found_statuses)
        )
        self.forbidden_statuses = frozenset(  # type: ignore[misc]
            self._answer.get("forbidden_statuses", Connector.forbidden_statuses)
        )
        self._use(settings)

    def with_settings(self, settings: Settings) -> "DefinedConnector":
        """Return the same connector with settings; all that does not depend on them is shared."""
        made = copy(self)
        made._use(settings)  # noqa: SLF001 - it is one of its own
        return made

    def _use(self, settings: Settings | None) -> None:
        self.is_trusted = settings is not None
        self._hosts = DefinedHosts(self.definition, self.forms, settings)
        self.servers = self._hosts.servers
        self.hosts = self._hosts.names
        self.credentials = tuple(self._hosts.credentials())
        self.oauth = oauth_of(self.definition)
        search = self.definition.get("search", {})
        scopes = self._hosts.value(search, "scope_setting")
        self._search = DefinedSearch(self.definition, scopes) if search else None
        self.searches_anonymously = bool(search and search["public"])

    @property
    def is_on(self) -> bool:
        """Whether it is usable: the system answers without a credential, or a setting is given."""
        return bool(self.definition["public"] or self._hosts.has_token or self._hosts.self_hosted)

    def match_below(self, server: Server, address: ResourceUrl) -> DefinedMatch | None:
        """Match with the forms of address, in their order."""
        return match_in(self.forms, self._hosts.pages, self._hosts.api, address, server)

    def page_patterns(self) -> Iterator[PagePattern]:
        """Write each form of address for the host's console."""
        base = escaped(self.definition.get("hosts_base", ""))
        for form in self.forms:
            of_kind = self._hosts.api if form.is_api else self._hosts.pages
            before = f"(?:{base})?" if form.is_api and base else ""
            hosts = of_kind if form.hosts is None else form.hosts
            if hosts:
                yield PagePattern(hosts, before + form.javascript)

    def verdict(self, document: Any) -> Outcome | None:
        """Return the outcome that a document with a good status describes; None for a resource."""
        met = (each for each, text in self._conditions.items() if _is_true(text, document))
        return next(met, None)

    def refusal(self, document: Any) -> Outcome | None:
        """Return the outcome that the document of any other answer describes."""
        met = (each for each in self._of_refusals if _is_true(self._conditions[each], document))
        return next(met, None)

    @property
    def shown(self) -> Shape | None:
        """The keys that the expressions read of an answer."""
        return shape_read(self.definition)

    def load(self, document: Any) -> Any:
        """Take the resource out of the answer: the expressions are its schema.

        Raises ValidationError where a card would show nothing of it.
        """
        resource = evaluate(self._answer["resource"], document)
        if not self._card.shows(resource):
            raise ValidationError("holds nothing that the card shows")
        return resource

    def request_for(self, match: Match) -> UpstreamRequest:
        """Fill the named parts into the request's templates."""
        request = self.definition["request"]
        given = (
            match
            if isinstance(match, DefinedMatch)
            else DefinedMatch(match.server, match.parameters)
        )
        parts = {**match.parameters, "host": match.host, "address": given.address}
        form = given.form
        url = self._filled((form and form.url) or request["url"], match.server, parts)
        outgoing = filled_request(request, url, parts)
        if form is None or form.fallback is None:
            return outgoing
        fallback = self._filled(form.fallback, match.server, parts)
        return replace(outgoing, fallback=replace(outgoing, url=fallback))

    def canonical(self, match: Match) -> str:
        """Return the page that the definition names, or the address without tabs and tracking."""
        if not isinstance(match, DefinedMatch) or match.form is None or match.given is None:
            return super().canonical(match)
        page = self._page(match, match.form, match.given)
        return match.server.url + (page or canonical_target(match.form, match.given))

    def _page(self, match: DefinedMatch, form: AddressForm, given: ResourceUrl) -> str | None:
        """Fill the parts into the definition's page, where that is a page of the same resource."""
        template = self.definition.get("page", "")
        if not template or not set(names_in(template)) <= set(match.parameters):
            return None
        page = filled_url(template, match.parameters)
        again = self.match_below(match.server, replace(given, path=page, query={}, fragment=""))
        # A host that has forms of its own, as one of short links, has no other pages.
        if again is None or again.form is None or again.form.hosts != form.hosts:
            return None
        is_same = self.request_for(again).url == self.request_for(match).url
        return page if is_same else None

    @property
    def search_servers(self) -> tuple[Server, ...]:
        """The one host that is searched, or all servers where each has a search."""
        host = self._search and self._search.host
        return (Server(host),) if host else self.servers

    def search_for(self, query: SearchQuery, server: Server) -> Iterable[Search]:
        """Fill the typed text into the templates of the search."""
        if self._search is None or self._search.host not in (None, server.host):
            return ()
        return self._search.searches(query, server, self._hosts.api_url(server))

    def found(self, document: Any, search: Search) -> Iterable[Found]:
        """Evaluate the expressions of the search over its answer."""
        if self._search is None:
            return ()
        return self._search.found(document, search, self._hosts.page_server(search.server))

    def _filled(self, template: str, server: Server, parts: Mapping[str, str]) -> str:
        url = filled_url(template, parts)
        return f"{self._hosts.api_url(server)}{url}" if url.startswith("/") else url

    def widget(self, resource: Any, match: Match) -> SummaryWithDetails:
        """Evaluate the card's expressions; the trace records each one that fails."""
        return self._card.widget(resource, match.parameters)


def settings_of(definition: Mapping[str, Any]) -> Iterator[ConnectorSetting]:
    """Yield the settings that a bundled definition brings along."""
    label, credential = definition["label"], definition.get("credential")
    if credential:
        if "user_setting" in credential:
            yield ConnectorSetting(
                credential["user_setting"], "text", f"account of the token for {label}"
            )
        yield ConnectorSetting(
            credential["setting"], "token", credential.get("meaning", f"token for {label}")
        )
        if "own_setting" in credential:
            yield ConnectorSetting(
                credential["own_setting"], "token", f"token for your own hosts of {label}"
            )
        if "hosts_setting" in credential:
            meaning = f"the only hosts that are given {credential['setting']}"
            yield ConnectorSetting(credential["hosts_setting"], "hosts", meaning)
    search = definition.get("search", {})
    if "scope_setting" in search:
        meaning = search.get("scope_meaning", f"what of {label} is searched")
        yield ConnectorSetting(search["scope_setting"], "text", meaning)
    if "hosts_setting" in definition:
        yield ConnectorSetting(
            definition["hosts_setting"],
            "hosts",
            definition.get("hosts_meaning", f"your own hosts of {label}: they are given the token"),
        )


def oauth_of(definition: Mapping[str, Any]) -> OAuthSystem | None:
    """Return how people sign in to a definition's system: for this connector only."""
    given = definition.get("oauth")
    if given is None:
        return None
    revocation: Revocation = "rfc7009" if given["revoke"] else ""
    name, label = definition["name"], definition["label"]
    return OAuthSystem(name, label, **given, revocation=revocation, connector=name)


def revision_of(definition: Mapping[str, Any]) -> str:
    """Return a hash of a definition: cards are kept by it, so that an edit makes new ones."""
    written = json.dumps(definition, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:12]


def _is_true(expression: str, document: Any) -> bool:
    """Evaluate a condition; one that fails is not met."""
    try:
        return evaluate(expression, document) not in (None, False, "", [], {})
    except ExpressionError:
        return False
