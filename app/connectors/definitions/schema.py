"""What a file of definitions may hold: each fault names its place, the rule and what is right."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from app.connectors.base import read_address
from app.connectors.definitions.addresses import (
    BUILT_IN,
    AddressForm,
    form_of,
    is_url_template,
    names_in,
    strange_filters,
)
from app.connectors.definitions.connector import api_hosts_of, literal_host, match_in
from app.connectors.definitions.expressions import ExpressionError, compiled
from app.errors import MalformedRequest
from app.upstream.credentials import is_transport_header
from templates_schemas.limits import PILL_COLORS
from templates_schemas.rules import Rule
from templates_schemas.summary_with_details import FIELD_KINDS

_HOST: Final = re.compile(r"(?:\*\.(?=[^.]+\.))?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d{1,5})?")
_HEADER: Final = validate.Regexp(r"[A-Za-z0-9-]+\Z", error="must be a header's name")
_VISIBLE: Final = validate.Regexp(r"[ -~]*\Z", error="must be visible ASCII")
_SETTING: Final = validate.Regexp(r"[A-Z][A-Z0-9_]{2,59}\Z", error="must be a setting's name")
_SECRET: Final = validate.Regexp(
    r"(?:[ !-z|~]|\{token\}|\{user\})*\{token\}(?:[ !-z|~]|\{token\}|\{user\})*\Z",
    error="must hold {token}, and may hold {user}",
)
# They prove who asks, which is for the credentials file to say, or for `credential`.
_CREDENTIALS: Final = frozenset(
    {"authorization", "cookie", "private-token", "x-api-key", "dd-api-key", "dd-application-key"}
)
# The literal beginning of a request's address, before any part: the host is not to be filled in.
_ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?(?=[/?]|\Z)|(?=/)", re.ASCII)
MOST_FIELDS: Final = 10
Place = tuple[str | int, ...]


class Expression(fields.String):
    """A JMESPath expression."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        try:
            compiled(text)
        except ExpressionError as error:
            told = " ".join(str(error).split())
            raise ValidationError(
                Rule("expression", f"is no JMESPath expression: {told}")
            ) from error
        return text


class Color(Expression):
    """An expression for a colour; where it is a word and no more, one that the host knows."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        constant = compiled(text).parsed
        if constant["type"] == "literal" and constant["value"] not in PILL_COLORS:
            raise ValidationError(Rule("one_of", f"must be one of: {', '.join(PILL_COLORS)}"))
        return text


class Hosts(fields.Field[Any]):
    """A list of hosts, or a table of hosts with the one that is asked for each."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not value or not isinstance(value, list | dict):
            raise ValidationError("must be a list of hosts, or a table of them, and not empty")
        named = value.items() if isinstance(value, dict) else enumerate(value)
        faults = {key: [_not_a_host()] for key, host in named if not _is_host(host)}
        if isinstance(value, dict):
            faults |= {key: [_not_a_host()] for key in value if not _is_host(key)}
        if faults:
            raise ValidationError(faults)
        return value


class RequestSchema(Schema):
    """`[connector.request]`."""

    method = fields.String(load_default="GET", validate=validate.OneOf(("GET", "POST")))
    url = fields.String(required=True)
    headers = fields.Dict(
        keys=fields.String(validate=_HEADER),
        values=fields.String(validate=_VISIBLE),
        load_default=dict,
    )
    body = fields.Raw()

    @validates_schema(skip_on_field_errors=False)
    def check_headers(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want no credential here."""
        faults: dict[str, list[Rule]] = {}
        for name in data.get("headers", {}):
            if name.lower() in _CREDENTIALS:
                told = "belongs into the credentials file"
                faults[name] = [Rule("credential", told)]
            elif is_transport_header(name):
                faults[name] = [Rule("header", "is the client's own")]
        if faults:
            raise ValidationError({"headers": faults})

    @validates("body")
    def check_body(self, body: Any, **_: Any) -> None:
        """Want what JSON can hold, which is less than TOML."""
        try:
            json.dumps(body, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValidationError(Rule("type", "must be what JSON can hold")) from error


class CredentialSchema(Schema):
    """`[connector.credential]`: the setting that has the token, how it is sent, and to whom.

    By default that is the hosts that are asked, where the definition names them wholly, and those
    of the definition's `hosts_setting`, unless `own_hosts` is false. Where its own `hosts_setting`
    is given, it is the hosts that this names, and they alone.
    """

    setting = fields.String(required=True, validate=_SETTING)
    user_setting = fields.String(validate=_SETTING)
    meaning = fields.String(validate=validate.Length(1, 100))
    header = fields.String(load_default="Authorization", validate=_HEADER)
    value = fields.String(load_default="Bearer {token}", validate=_SECRET)
    basic = fields.String(validate=(_SECRET, validate.Regexp(r"[^:]*:", error="needs a `:`")))
    hosts = fields.List(fields.String())
    hosts_setting = fields.String(validate=_SETTING)
    own_hosts = fields.Boolean(load_default=True)

    @validates("header")
    def check_header(self, header: str, **_: Any) -> None:
        """Want a header that proves who asks."""
        if is_transport_header(header):
            raise ValidationError(Rule("header", "is the client's own"))


class AnswerSchema(Schema):
    """`[connector.answer]`: where the resource is in an answer, and what other answers mean."""

    resource = Expression(load_default="@")
    missing = Expression()
    forbidden = Expression()
    limited = Expression()
    failed = Expression()
    not_found_statuses = fields.List(fields.Integer(strict=True))
    forbidden_statuses = fields.List(fields.Integer(strict=True))


class FieldSchema(Schema):
    """`[[connector.card.fields]]`: its name is literal, the rest are expressions and tables."""

    type = fields.String(required=True, validate=validate.OneOf(tuple(FIELD_KINDS)))
    name = fields.String(required=True, validate=validate.Length(1, 40))
    text = Expression()
    texts = fields.Dict(keys=fields.String(), values=fields.String())
    color = Color()
    colors = fields.Dict(
        keys=fields.String(),
        values=fields.String(
            validate=validate.OneOf(PILL_COLORS, error=f"must be one of: {', '.join(PILL_COLORS)}")
        ),
    )
    datetime = Expression()
    icon_url = Expression()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_value(self, data: Mapping[str, Any], original: Any, **_: Any) -> None:
        """Want the value that this kind of field shows."""
        wanted = "datetime" if data.get("type") == "datetime_with_icon" else "text"
        if "type" in data and wanted not in original:
            raise ValidationError({wanted: [Rule("required", "is required for this type")]})


class FooterSchema(Schema):
    """`[connector.card.footer]`: the first of updated, created and text that has a value."""

    updated = Expression()
    created = Expression()
    text = Expression()
    icon_url = Expression()


class CardSchema(Schema):
    """`[connector.card]`: of its fields, the first five that have a value are shown."""

    title = Expression(required=True)
    subtitle = Expression()
    subicon_url = Expression()
    num_comments = Expression()
    fields_ = fields.List(
        fields.Nested(FieldSchema),
        data_key="fields",
        attribute="fields",
        required=True,
        validate=validate.Length(1, MOST_FIELDS),
    )
    footer = fields.Nested(FooterSchema, load_default=dict)


class AddressSchema(Schema):
    """`[[connector.addresses]]`: forms of address that some hosts have, or that ask another."""

    hosts = fields.List(fields.String(validate=lambda host: _is_host(host) or _refuse_host()))
    paths = fields.List(
        fields.String(validate=validate.Regexp(r"/")), required=True, validate=validate.Length(1)
    )
    parts = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z][a-z0-9_]*\Z")), values=fields.String()
    )
    url = fields.String()


class ExampleSchema(Schema):
    """An address that is served, and what is asked for it."""

    address = fields.String(required=True)
    asks = fields.String(required=True)


class Example(fields.Field[Any]):
    """An address that asks what `example` asks, or `{address = "…", asks = "…"}`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value if isinstance(value, str) else ExampleSchema().load(value)


class DefinitionSchema(Schema):
    """One `[[connector]]`."""

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z][a-z0-9_-]{0,39}\Z"))
    label = fields.String(required=True, validate=validate.Length(1, 40))
    hosts = Hosts()
    hosts_setting = fields.String(validate=_SETTING)
    hosts_meaning = fields.String(validate=validate.Length(1, 100))
    path = fields.String(validate=validate.Regexp(r"/"))
    paths = fields.List(fields.String(validate=validate.Regexp(r"/")), validate=validate.Length(1))
    addresses = fields.List(fields.Nested(AddressSchema), validate=validate.Length(1))
    example = fields.String(required=True)
    examples = fields.List(Example(), load_default=list)
    refused = fields.List(fields.String(), load_default=list)
    public = fields.Boolean(load_default=False)
    request = fields.Nested(RequestSchema, required=True)
    credential = fields.Nested(CredentialSchema)
    answer = fields.Nested(AnswerSchema, load_default=lambda: AnswerSchema().load({}))
    card = fields.Nested(CardSchema, required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_address(self, data: Mapping[str, Any], original: Any, **_: Any) -> None:
        """Want patterns that can be read, requests of named parts, and examples that match."""
        faults = [*_absence_faults(original), *_request_faults(data)]
        forms = []
        for place, form in _forms(data):
            if isinstance(form, Rule):
                faults.append((place, form))
            else:
                forms.append(form)
                faults += _part_faults(data, place, form)
        if forms and not any(place[0] in ("path", "paths", "addresses") for place, _ in faults):
            faults += _example_faults(data, forms)
        if faults:
            raise ValidationError(_nested(faults))


class FileSchema(Schema):
    """A file of definitions."""

    connector = fields.List(
        fields.Nested(DefinitionSchema), required=True, validate=validate.Length(1)
    )

    @validates_schema(skip_on_field_errors=False)
    def check_names(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want each name once."""
        names = [each.get("name") for each in data.get("connector", [])]
        twice = {
            place: {"name": [Rule("unique", f"is the name of another: {name}")]}
            for place, name in enumerate(names)
            if name and name in names[:place]
        }
        if twice:
            raise ValidationError({"connector": twice})


def _is_host(host: Any) -> bool:
    return isinstance(host, str) and _HOST.fullmatch(host) is not None


def _not_a_host() -> Rule:
    return Rule("host", "must be a whole host such as status.example.com, or *.example.com")


def _refuse_host() -> bool:
    raise ValidationError(_not_a_host())


def _absence_faults(given: Mapping[str, Any]) -> Iterator[tuple[Place, Rule]]:
    if not {"hosts", "hosts_setting", "addresses"} & set(given):
        yield ("hosts",), Rule("required", "is required, unless `hosts_setting` names a setting")
    if not {"path", "paths", "addresses"} & set(given):
        yield ("path",), Rule("required", "is required, or `paths`, or `addresses`")


def _request_faults(data: Mapping[str, Any]) -> Iterator[tuple[Place, Rule]]:
    request = data.get("request", {})
    urls: list[tuple[Place, str]] = [
        (("addresses", place, "url"), each["url"])
        for place, each in enumerate(data.get("addresses", []))
        if "url" in each
    ]
    if "url" in request:
        urls.append((("request", "url"), request["url"]))
    for place, url in urls:
        if fault := _url_fault(url):
            yield place, fault
    for key in ("url", "headers", "body"):
        for name in strange_filters(request.get(key, "")):
            yield ("request", key), Rule("filter", f"there is no filter {name}")


def _forms(data: Mapping[str, Any]) -> Iterator[tuple[Place, AddressForm | Rule]]:
    """Yield each form of address with its place, or what is wrong with its pattern."""
    if isinstance(data.get("path"), str):
        yield ("path",), _form(data["path"], {})
    for number, path in enumerate(data.get("paths", [])):
        yield ("paths", number), _form(path, {})
    for number, given in enumerate(data.get("addresses", [])):
        for inner, path in enumerate(given.get("paths", [])):
            yield ("addresses", number, "paths", inner), _form(path, given)


def _form(path: str, given: Mapping[str, Any]) -> AddressForm | Rule:
    hosts = frozenset(host.lower() for host in given["hosts"]) if "hosts" in given else None
    try:
        return form_of(path, hosts, given.get("parts"), given.get("url"))
    except ValueError as error:
        return Rule("pattern", str(error))


def _part_faults(
    data: Mapping[str, Any], place: Place, form: AddressForm
) -> Iterator[tuple[Place, Rule]]:
    """Want each template to name only parts that the form of address has."""
    request, known = data.get("request", {}), form.names | BUILT_IN
    given: dict[Place, tuple[Any, frozenset[str]]] = {
        ("request", key): (request.get(key), known) for key in ("headers", "body")
    }
    url: Place = ("request", "url") if form.url is None else (*place[:2], "url")
    given[url] = form.url or request.get("url"), known
    given[*place[:2], "parts"] = dict(form.parts), known - set(form.parts)
    for where, (template, names) in given.items():
        if strangers := sorted(set(names_in(template)) - names):
            pattern = "path" if place == ("path",) else form.pattern
            told = f"has parts that `{pattern}` has not: {', '.join(strangers)}"
            yield where, Rule("part", told)


def _example_faults(
    data: Mapping[str, Any], forms: Sequence[AddressForm]
) -> Iterator[tuple[Place, Rule]]:
    if "example" not in data or not _hosts_can_be_read(data):
        return
    served: list[tuple[Place, str]] = [(("example",), data["example"])]
    for number, each in enumerate(data.get("examples", [])):
        served.append((("examples", number), each if isinstance(each, str) else each["address"]))
    hosts = set(api_hosts_of(data))
    if "hosts_setting" in data:
        hosts |= {host for _, text in served if (host := _host(text))}
    for place, text in served:
        if not _is_served(text, hosts, forms):
            yield place, Rule("example", "is no address of this connector")
    for number, text in enumerate(data.get("refused", [])):
        if _is_served(text, hosts, forms):
            yield ("refused", number), Rule("refused", "is an address of this connector")


def _hosts_can_be_read(data: Mapping[str, Any]) -> bool:
    return "hosts" in data or "hosts_setting" in data or bool(data.get("addresses"))


def _host(text: str) -> str | None:
    try:
        return read_address(text).host
    except MalformedRequest:
        return None


def _is_served(text: str, hosts: set[str], forms: Sequence[AddressForm]) -> bool:
    try:
        return match_in(forms, hosts, read_address(text)) is not None
    except MalformedRequest:
        return False


def _url_fault(url: str) -> Rule | None:
    """Judge the literal beginning, and what is left when the parts are taken out."""
    origin = _ORIGIN.match(url)
    if origin is None or not is_url_template(url) or url.startswith("//"):
        return Rule("url", "must be an https address of a literal host, or a path; parts as {name}")
    try:
        literal_host(url)
    except ValueError:
        return Rule("url", "has a port that is none")
    return None


def _nested(faults: Sequence[tuple[Place, Rule]]) -> dict[Any, Any]:
    """Write faults as marshmallow does: a table of tables, down to lists of rules."""
    told: dict[Any, Any] = {}
    for place, rule in faults:
        at = told
        for key in place[:-1]:
            at = at.setdefault(key, {})
        found = at.setdefault(place[-1], [])
        if isinstance(found, list) and rule not in found:
            found.append(rule)
    return told
