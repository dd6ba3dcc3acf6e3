"""What a connector is: it knows one system's addresses, requests and resources."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.errors import MalformedRequest, NoConnector
from app.origins import DEFAULT_PORTS, host_of, is_named, names_of
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import HostCredential
from app.upstream.messages import UpstreamRequest
from app.upstream.verdict import AnswerRules, Outcome
from templates_schemas import SummaryWithDetails

# What no address holds unescaped; `urlsplit` would quietly drop some of it.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\]")
LONGEST_ADDRESS: Final = 8192


class Resource(Schema):
    """The base of the schemas of incoming resources: what is not shown is not looked at."""

    class Meta:
        unknown = EXCLUDE


class Moment(fields.AwareDateTime):
    """A time with an offset, loaded in UTC."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        moment: datetime = super()._deserialize(value, *args, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("is out of range in UTC") from error


class Count(fields.Integer):
    """A number of things: whole, 0 or more, and one that JavaScript can hold."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(0, 2**53 - 1), **kwargs)


@dataclass(frozen=True, slots=True)
class Match:
    """An address that a connector serves: its host, and the named parts of its path.

    `base` is what stands before these, where it is an address of this very service.
    """

    host: str
    parts: Mapping[str, str]
    base: str = ""

    def __getitem__(self, name: str) -> str:
        return self.parts[name]


class Connector(ABC):
    """One system. In code it does no I/O, reads no clock, catches nothing and logs nothing.

    `hosts` are those that its addresses have; `*.example.com` names each child of example.com.
    `path` is the pattern of its addresses, with named groups. The `query_parameters` that are given
    follow the path as `?name=value&name=value`, in this order. `not_found_statuses` say that there
    is no such resource, `forbidden_statuses` that our credential may not see it. `settings`
    declares this connector's settings, whose values are in `Settings.connector_settings` by name;
    `credentials` is what these give for the simple case. `ttl` is how long its cards are fresh, in
    seconds, where that differs from PLACARD_CACHE_TTL. `revision` names the version of a connector
    whose cards are not kept across versions; one that `is_trusted` may be given credentials that do
    not name it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    example: ClassVar[str]
    settings: ClassVar[tuple[ConnectorSetting, ...]] = ()
    path: ClassVar[re.Pattern[str]]
    query_parameters: ClassVar[tuple[str, ...]] = ()
    schema: ClassVar[type[Schema]]
    not_found_statuses: ClassVar[frozenset[int]] = frozenset({404, 410, 451})
    forbidden_statuses: ClassVar[frozenset[int]] = frozenset({401, 403})
    ttl: ClassVar[float | None] = None
    revision: str = ""
    is_trusted: bool = True
    hosts: frozenset[str]
    credentials: tuple[HostCredential, ...] = ()

    @abstractmethod
    def __init__(self, settings: Settings) -> None:
        """Take what is its own from the settings."""

    def match(self, address: SplitResult) -> Match | None:
        """Match the host first, then the path; None where the address is not ours."""
        host = host_of(address)
        # With userinfo, addresses deceive.
        if "@" in address.netloc or not is_named(host, self.hosts):
            return None
        found = self.match_path(address.path + self._query(address))
        if found is None:
            return None
        parts = {name: part for name, part in found.groupdict().items() if part}
        return Match(host, parts)

    def match_path(self, target: str) -> re.Match[str] | None:
        """Match a path, with the query parameters that matter, as a whole."""
        return self.path.fullmatch(target)

    def _query(self, address: SplitResult) -> str:
        if not self.query_parameters:
            return ""
        given = dict(reversed(parse_qsl(address.query, keep_blank_values=True)))
        return "?" + "&".join(
            f"{name}={given[name]}" for name in self.query_parameters if name in given
        )

    def verdict(self, document: Any) -> Outcome | None:  # noqa: ARG002 - for a system that needs it
        """Say what the document of a 200 means where it tells of a failure; None is a success."""
        return None

    @cached_property
    def answer_rules(self) -> AnswerRules:
        """What the answers of this system mean."""
        reads = type(self).verdict is not Connector.verdict
        return AnswerRules(
            self.not_found_statuses, self.forbidden_statuses, self.verdict if reads else None
        )

    def load(self, document: Any) -> Any:
        """Load an upstream's JSON with the schema; raises ValidationError."""
        return self._loader.load(document)

    @cached_property
    def _loader(self) -> Schema:
        # Made once: a schema copies all of its fields, and keeps nothing of what it loads.
        return self.schema()

    @abstractmethod
    def request_for(self, match: Match) -> UpstreamRequest:
        """Say what to ask the system for."""

    @abstractmethod
    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Make a card of a resource that `schema` loaded."""


def read_address(text: str) -> SplitResult:
    """Read a `resource_url`: absolute, http or https.

    Raises MalformedRequest, which says what is wrong with it.
    """
    if len(text) > LONGEST_ADDRESS:
        raise _malformed(f"is over {LONGEST_ADDRESS} characters")
    if _FORBIDDEN.search(text):
        raise _malformed("holds a blank, a control character or a backslash")
    try:
        address = urlsplit(text)
        host, _ = address.hostname, address.port
    except ValueError:
        raise _malformed("cannot be read") from None
    if address.scheme not in DEFAULT_PORTS or not host:
        raise _malformed("must be an absolute http or https address")
    return address


class ConnectorRegistry:
    """The connectors by the names of their hosts, so that only those of a host are asked.

    `home` is this service's own address: of one below it, only what follows is matched. What an
    address means may be remembered, unless the registry `may_change`.
    """

    may_change: ClassVar[bool] = False

    def __init__(self, connectors: Iterable[Connector], home: SplitResult | None = None) -> None:
        self._home = home
        self._by_name: dict[str, dict[int, Connector]] = {}
        for place, connector in enumerate(connectors):
            for name in connector.hosts:
                self._by_name.setdefault(name, {})[place] = connector

    def find(self, address: str) -> tuple[Connector, Match]:
        """Return the first connector, in their order, that serves an address.

        Raises NoConnector, or MalformedRequest where the text is no address.
        """
        parts = read_address(address)
        base = self._base_of(parts)
        below = parts._replace(path=parts.path.removeprefix(base))
        for connector in self._of(host_of(parts)):
            match = connector.match(below)
            if match is not None:
                return connector, replace(match, base=base)
        raise NoConnector(f"no connector serves this address on {parts.hostname}")

    def _base_of(self, address: SplitResult) -> str:
        home = self._home
        if home is None or host_of(address) != host_of(home):
            return ""
        return home.path if address.path.startswith(f"{home.path}/") else ""

    def _of(self, host: str) -> Iterable[Connector]:
        named = [self._by_name[name] for name in names_of(host) if name in self._by_name]
        if len(named) == 1:
            return named[0].values()
        # A host's own name and its parent's: the order of the list goes across both.
        both = {place: connector for found in named for place, connector in found.items()}
        return [both[place] for place in sorted(both)]


def find(address: str, connectors: Iterable[Connector]) -> tuple[Connector, Match]:
    """Find an address among some connectors, as `ConnectorRegistry.find` does."""
    return ConnectorRegistry(connectors).find(address)


def _malformed(why: str) -> MalformedRequest:
    return MalformedRequest(
        f"resource_url: {why}",
        sentence=f"Illegal or malformed request. `resource_url` {why}.",
    )
