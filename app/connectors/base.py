"""What a connector is: it knows one system's addresses, requests and resources."""

import base64
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import regex
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.errors import MalformedRequest, NoConnector
from app.origins import DEFAULT_PORTS, Server, host_of, is_named, names_of, server_of
from app.settings import ConnectorSetting, Settings
from app.telemetry.trace import is_recording, step
from app.upstream.credentials import HostCredential
from app.upstream.excerpt import Shape
from app.upstream.messages import UpstreamRequest
from app.upstream.verdict import AnswerRules, Outcome
from templates_schemas import SummaryWithDetails
from templates_schemas.rules import faults_in

# What no address holds; `urlsplit` would quietly drop some of it. A blank may stand in a path.
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f\\]|\A | \Z|\A[^/]*//[^/?#]* ")
LONGEST_ADDRESS: Final = 8192
# Of the values that were left out of one answer, how many the trace tells.
MOST_TOLD: Final = 20


class Resource(Schema):
    """The base of the schemas of incoming resources: a value that does not load is left out.

    Only a field with `required=True`, and the absence of all fields in `needs_any`, make the
    document unreadable; each schema says which these are. Any other value that is null, of another
    type or impossible is as if it were absent, and of a list only the items that do not load are.
    """

    needs_any: ClassVar[tuple[str, ...]] = ()

    class Meta:
        unknown = EXCLUDE

    def on_bind_field(self, _field_name: str, field_obj: fields.Field[Any]) -> None:
        """Let every optional field be null."""
        field_obj.allow_none = field_obj.allow_none or not field_obj.required

    def load(self, data: Any, **options: Any) -> Any:
        """Load a document.

        Raises ValidationError where any value does not load. Its `valid_data` is the document
        without these values; it is None where the document cannot do without one of them.
        """
        try:
            loaded = super().load(data, **options)
        except ValidationError as error:
            kept = error.valid_data if self._is_enough(error.valid_data) else None
            raise ValidationError(error.messages, valid_data=kept) from None
        if not self._is_enough(loaded):
            raise ValidationError(f"has none of: {', '.join(self._needed)}")
        return loaded

    @property
    def _needed(self) -> list[str]:
        return [self.fields[name].data_key or name for name in self.needs_any]

    def _is_enough(self, loaded: Any) -> bool:
        """Tell whether all that is required has loaded, and one of `needs_any`."""
        if not isinstance(loaded, Mapping):
            return False
        required = (name for name, field in self.fields.items() if field.required)
        any_of = [name for name in self.needs_any if loaded.get(name) is not None]
        return all(name in loaded for name in required) and bool(any_of or not self.needs_any)


class Moment(fields.AwareDateTime):
    """A time with an offset, loaded in UTC."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        moment: datetime = super()._deserialize(value, *args, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("is out of range in UTC") from error


class Count(fields.Integer):
    """A number of things: whole, 0 or more, and one that JavaScript can hold; `"3"` is 3."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(0, 2**53 - 1), **kwargs)

    def _validated(self, value: Any) -> int:
        is_written = isinstance(value, str) and re.fullmatch(r"[0-9]{1,16}", value)
        number: int = super()._validated(int(value) if is_written else value)
        return number


@dataclass(frozen=True, slots=True)
class ResourceUrl:
    """A `resource_url`, read once.

    `host` is `host[:port]` in lower case, as DNS holds it; blanks in `path` are `%20`; `query` has
    the first value of each parameter. `has_user` tells that a user name stands before the host.
    """

    host: str
    path: str
    query: Mapping[str, str]
    fragment: str = ""
    has_user: bool = False

    def below(self, base: str) -> "ResourceUrl | None":
        """Return what follows a path; None where the address is not below it."""
        if not self.path.startswith(f"{base}/"):
            return None
        return replace(self, path=self.path.removeprefix(base))


@dataclass(frozen=True, slots=True)
class Match:
    """An address that a connector serves: where, and the named parts of the address."""

    server: Server
    parameters: Mapping[str, str]
    path: str = ""

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]

    def get(self, name: str, otherwise: str = "") -> str:
        """Return a part that only some forms of the address have."""
        return self.parameters.get(name, otherwise)

    @property
    def host(self) -> str:
        """The host of the address, with its port."""
        return self.server.host

    @property
    def parts(self) -> Mapping[str, str]:
        """The named parts of the address."""
        return self.parameters


class Connector(ABC):
    """One system. In code it does no I/O, reads no clock, catches nothing and logs nothing.

    `hosts` are those that its addresses have; `*.example.com` names each child of example.com.
    `servers` are those that a setting names, some with a path before all of their pages. `path` is
    the pattern of its addresses, with named groups: of the path alone, or of the path with what
    follows it: the `query_parameters` that are given, as `?name=value&name=value` in this order,
    and `#fragment` where `reads_fragment` is true.
    `not_found_statuses` say that there is no such resource, `forbidden_statuses` that our
    credential may not see it. `settings` declares this connector's settings, whose values are in
    `Settings.connector_settings` by name; `credentials` is what these give for the simple case.
    `ttl` is how long its cards are fresh, in seconds, where that differs from PLACARD_CACHE_TTL.
    `revision` names the version of a connector whose cards are not kept across versions; one that
    `is_trusted` may be given credentials that do not name it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    example: ClassVar[str]
    settings: ClassVar[tuple[ConnectorSetting, ...]] = ()
    path: ClassVar[re.Pattern[str]]
    query_parameters: ClassVar[tuple[str, ...]] = ()
    reads_fragment: ClassVar[bool] = False
    schema: ClassVar[type[Schema]]
    not_found_statuses: ClassVar[frozenset[int]] = frozenset({404, 410, 451})
    forbidden_statuses: ClassVar[frozenset[int]] = frozenset({401, 403})
    ttl: ClassVar[float | None] = None
    revision: str = ""
    is_trusted: bool = True
    hosts: frozenset[str]
    servers: tuple[Server, ...] = ()
    credentials: tuple[HostCredential, ...] = ()

    @abstractmethod
    def __init__(self, settings: Settings) -> None:
        """Take what is its own from the settings."""

    def match(self, address: ResourceUrl) -> Match | None:
        """Match the host first, then the path; None where the address is not ours."""
        # With a user name before the host, addresses deceive.
        if address.has_user or not is_named(address.host, self.hosts):
            return None
        own = [server for server in self.servers if server.host == address.host]
        for server in own or [Server(address.host)]:
            below = address.below(server.base)
            found = below and self._find(below)
            if below and found:
                named = {name: part for name, part in found.groupdict().items() if part}
                return Match(server, named, below.path)
        return None

    def match_path(self, target: str) -> re.Match[str] | None:
        """Match a path, with the query parameters that matter, as a whole."""
        return self.path.fullmatch(target)

    def _find(self, address: ResourceUrl) -> re.Match[str] | None:
        """Match the path alone, else with what follows it."""
        given = [name for name in self.query_parameters if name in address.query]
        query = "&".join(f"{name}={address.query[name]}" for name in given)
        fragment = address.fragment if self.reads_fragment else ""
        rest = f"?{query}" * bool(query) + f"#{fragment}" * bool(fragment)
        found = self.match_path(address.path)
        return found or (self.match_path(address.path + rest) if rest else None)

    def canonical(self, match: Match) -> str:
        """Return the one address of the resource, whatever form of it was given.

        A page's own tabs, its query and its fragment are left out.
        """
        return match.server.url + match.path.rstrip("/")

    def verdict(self, document: Any) -> Outcome | None:  # noqa: ARG002 - for a system that needs it
        """Say what the document of a 200 means where it tells of a failure; None is a success."""
        return None

    @cached_property
    def answer_rules(self) -> AnswerRules:
        """What the answers of this system mean."""
        reads = type(self).verdict is not Connector.verdict
        return AnswerRules(
            self.not_found_statuses,
            self.forbidden_statuses,
            self.verdict if reads else None,
            shape_of(self.schema()) if issubclass(self.schema, Resource) else None,
        )

    def load(self, document: Any) -> Any:
        """Load an upstream's JSON with the schema; what was left out of it is told in the trace.

        Raises ValidationError where the document cannot do without a value that does not load.
        """
        try:
            return self._loader.load(document)
        except ValidationError as error:
            if error.valid_data is None:
                raise
            if is_recording():
                for fault in faults_in(error)[:MOST_TOLD]:
                    with step("dropped", part=fault.path, why=fault.message):
                        pass
            return error.valid_data

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

    def secure_icon(self, url: str, match: Match) -> str | None:
        """Return an icon's address with https, which the system's own hosts have; else None.

        A host's page is https, and shows no icons of http.
        """
        parts = urlsplit(url)
        if parts.scheme == "https":
            return url
        secure = parts._replace(scheme="https", netloc=parts.netloc.removesuffix(":80"))
        try:
            host = host_of(secure)
        except ValueError:
            return None
        has_https = match.server.scheme == "https" or host != match.host
        return secure.geturl() if has_https and is_named(host, self.hosts) else None


def shape_of(schema: Schema) -> Shape:
    """Return what a schema reads of a document, by its keys."""
    return {field.data_key or name: _shape_in(field) for name, field in schema.fields.items()}


def _shape_in(field: fields.Field[Any]) -> Shape | None:
    if isinstance(field, fields.List):
        return _shape_in(field.inner)
    return shape_of(field.schema) if isinstance(field, fields.Nested) else None


def one_of(*forms: str, any_case: bool = False) -> re.Pattern[str]:
    """Compile the forms that a system's addresses have into one pattern.

    Two forms may give a part the same name. With `any_case`, ASCII letters match in either case.
    """
    flags = regex.ASCII | regex.IGNORECASE if any_case else regex.ASCII
    pattern: Any = regex.compile("|".join(f"(?:{form})" for form in forms), flags)
    compiled: re.Pattern[str] = pattern
    return compiled


def servers_of(setting: Iterable[str] | None) -> tuple[Server, ...]:
    """Read the servers that a setting of the kind `hosts` names, the longest paths first."""
    return tuple(sorted(map(server_of, setting or ()), key=lambda server: -len(server.base)))


def json_in_base64(text: str) -> Any:
    """Read an object that an address holds as JSON in base64; {} where it does not."""
    try:
        padded = text.replace(" ", "+") + "=" * (-len(text) % 4)
        read = json.loads(base64.b64decode(padded, altchars=b"-_" if "-" in text else None))
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def read_address(text: str) -> ResourceUrl:
    """Read a `resource_url`: absolute, http or https.

    Raises MalformedRequest, which says what is wrong with it.
    """
    if len(text) > LONGEST_ADDRESS:
        raise _malformed(f"is over {LONGEST_ADDRESS} characters")
    if _FORBIDDEN.search(text):
        raise _malformed("holds a control character or a backslash, or a blank outside its path")
    try:
        url = urlsplit(text.replace(" ", "%20"))
        host = host_of(url)
    except ValueError:
        raise _malformed("cannot be read") from None
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise _malformed("must be an absolute http or https address")
    first_values = dict(reversed(parse_qsl(url.query, keep_blank_values=True)))
    return ResourceUrl(host, url.path, first_values, url.fragment, "@" in url.netloc)


class ConnectorRegistry:
    """The connectors by the names of their hosts, so that only those of a host are asked.

    `home` is this service's own address: of one below it, only what follows is matched. What an
    address means may be remembered, unless the registry `may_change`.
    """

    may_change: ClassVar[bool] = False

    def __init__(self, connectors: Iterable[Connector], home: SplitResult | None = None) -> None:
        self._home = Server(host_of(home), home.path) if home else None
        self._by_name: dict[str, dict[int, Connector]] = {}
        for place, connector in enumerate(connectors):
            for name in connector.hosts:
                self._by_name.setdefault(name, {})[place] = connector

    def find(self, text: str) -> tuple[Connector, Match]:
        """Return the first connector, in their order, that serves an address.

        Raises NoConnector, or MalformedRequest where the text is not a valid address.
        """
        address = read_address(text)
        base = self._base_of(address)
        below = address.below(base) or address
        for connector in self._of(address.host):
            match = connector.match(below)
            if match is not None:
                own = replace(match.server, base=base + match.server.base)
                return connector, replace(match, server=own)
        raise NoConnector(f"no connector serves this address on {address.host}")

    def _base_of(self, address: ResourceUrl) -> str:
        if self._home is None or address.host != self._home.host:
            return ""
        return self._home.base if address.below(self._home.base) else ""

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
