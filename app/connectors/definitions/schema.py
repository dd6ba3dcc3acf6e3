"""The schema of a file of definitions; each fault has its path, its rule and what is right."""

import json
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, validates, validates_schema

from app.connectors.definitions.consistency import faults_of, nested
from app.connectors.definitions.fields import (
    COLOR,
    AnswerExpression,
    Color,
    Expression,
    HostName,
    Hosts,
)
from app.settings.toml_files import Pairs, Table, Tables, form, length
from app.upstream.credentials import is_transport_header
from templates_schemas.fields import OneOf
from templates_schemas.rules import Rule
from templates_schemas.summary_with_details import FIELD_KINDS

_NAME: Final = form(
    r"[a-z][a-z0-9_-]{0,39}\Z",
    "must be a small letter, then at most 39 of these, digits, `-` and `_`: status-page",
)
_PART: Final = form(
    r"[a-z][a-z0-9_]*\Z", "must be a small letter, then these, digits and `_`: build_id"
)
_PATH: Final = form(r"/", "must begin with a `/`")
_BASE: Final = form(r"(?:/[A-Za-z0-9._-]+)+\Z", "must be a path such as /api/v3")
_HEADER: Final = form(r"[A-Za-z0-9-]+\Z", "must be a header's name")
_ADDRESS: Final = form(
    r"https://[a-z0-9.-]+(?::\d{1,5})?/[!-z|~]*\Z", "must be an https address, without braces"
)
_VISIBLE: Final = form(r"[ -~]*\Z", "must be visible ASCII")
_SETTING: Final = form(r"[A-Z][A-Z0-9_]{2,59}\Z", "must be a setting's name")
_SECRET: Final = form(
    r"(?:[ !-z|~]|\{token\}|\{user\})*\{token\}(?:[ !-z|~]|\{token\}|\{user\})*\Z",
    "must hold {token}, and may hold {user}",
)
# They carry a credential, which belongs into the credentials file, or into `credential`.
_CREDENTIALS: Final = frozenset(
    {"authorization", "cookie", "private-token", "x-api-key", "dd-api-key", "dd-application-key"}
)
MOST_FIELDS: Final = 10


class RequestSchema(Table):
    """`[connector.request]`."""

    method = OneOf("GET", "POST", load_default="GET")
    url = fields.String(required=True)
    headers = Pairs(
        keys=fields.String(validate=_HEADER),
        values=fields.String(validate=_VISIBLE),
        load_default=dict,
    )
    body = fields.Raw()

    @validates_schema(skip_on_field_errors=False)
    def check_headers(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a credential here."""
        faults: dict[str, list[Rule]] = {}
        for name in data.get("headers", {}):
            if name.lower() in _CREDENTIALS:
                message = "belongs into the credentials file"
                faults[name] = [Rule("credential", message)]
            elif is_transport_header(name):
                faults[name] = [Rule("header", "is the client's own")]
        if faults:
            raise ValidationError({"headers": faults})

    @validates("body")
    def check_body(self, body: Any, **_: Any) -> None:
        """Require a value that JSON can hold."""
        try:
            json.dumps(body, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValidationError(Rule("type", "must be what JSON can hold")) from error


class CredentialSchema(Table):
    """`[connector.credential]`: the setting that has the token, how it is sent, and to whom.

    By default that is the hosts that are asked, where the definition names them wholly, and those
    of the definition's `hosts_setting`, unless `own_hosts` is false; where these have a token of
    their own, `own_setting` names its setting. Where the credential's own `hosts_setting` is given,
    it is the hosts that this names, and they alone.
    """

    setting = fields.String(required=True, validate=_SETTING)
    own_setting = fields.String(validate=_SETTING)
    user_setting = fields.String(validate=_SETTING)
    meaning = fields.String(validate=length(1, 100))
    header = fields.String(load_default="Authorization", validate=_HEADER)
    value = fields.String(load_default="Bearer {token}", validate=_SECRET)
    basic = fields.String(validate=(_SECRET, form(r"[^:]*:", "needs a `:`")))
    hosts = fields.List(fields.String())
    hosts_setting = fields.String(validate=_SETTING)
    own_hosts = fields.Boolean(load_default=True)

    @validates("header")
    def check_header(self, header: str, **_: Any) -> None:
        """Require a header that carries a credential."""
        if is_transport_header(header):
            raise ValidationError(Rule("header", "is the client's own"))


class OAuthSchema(Table):
    """`[connector.oauth]`: how people sign in to the system; `host` is given their tokens."""

    host = HostName(required=True)
    authorize = fields.String(required=True, validate=_ADDRESS)
    token = fields.String(required=True, validate=_ADDRESS)
    scopes = fields.String(load_default="", validate=_VISIBLE)
    parameters = Pairs(
        keys=fields.String(validate=_VISIBLE),
        values=fields.String(validate=_VISIBLE),
        load_default=dict,
    )
    account = fields.String(load_default="", validate=_ADDRESS)
    login = fields.String(load_default="")
    revoke = fields.String(load_default="", validate=_ADDRESS)


class AnswerSchema(Table):
    """`[connector.answer]`: where the resource is in an answer, and what other answers mean."""

    resource = AnswerExpression(load_default="@")
    missing = AnswerExpression()
    forbidden = AnswerExpression()
    limited = AnswerExpression()
    failed = AnswerExpression()
    not_found_statuses = fields.List(fields.Integer(strict=True))
    forbidden_statuses = fields.List(fields.Integer(strict=True))


class FieldSchema(Table):
    """`[[connector.card.fields]]`: its name is literal, the rest are expressions and tables."""

    type = OneOf(*FIELD_KINDS, required=True)
    name = fields.String(required=True, validate=length(1, 40))
    text = Expression()
    texts = Pairs(keys=fields.String(), values=fields.String())
    color = Color()
    colors = Pairs(keys=fields.String(), values=COLOR)
    datetime = Expression()
    icon_url = Expression()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_value(self, data: Mapping[str, Any], original: Any, **_: Any) -> None:
        """Require the value that this kind of field shows."""
        wanted = "datetime" if data.get("type") == "datetime_with_icon" else "text"
        if "type" in data and wanted not in original:
            raise ValidationError({wanted: [Rule("required", "is required for this type")]})


class FooterSchema(Table):
    """`[connector.card.footer]`: the first of updated, created and text that has a value."""

    updated = Expression()
    created = Expression()
    text = Expression()
    icon_url = Expression()


class SearchSchema(RequestSchema):
    """`[connector.search]`: how the system is searched, and what is shown of a finding.

    `results` is the list within an answer; the others are expressions over each of its items. With
    `by_title` the titles are searched here, since the system can only list. `urls` are asked in
    place of `url` of the hosts that they name. `scope_setting` names a setting of places to search,
    one search for each.
    """

    urls = Pairs(keys=HostName(), values=fields.String(), load_default=dict)
    results = AnswerExpression(required=True)
    title = Expression(required=True)
    address = Expression(required=True)
    subtitle = Expression()
    icon_url = Expression()
    by_title = fields.Boolean(load_default=False)
    public = fields.Boolean(load_default=False)
    scope_setting = fields.String(validate=_SETTING)
    scope_meaning = fields.String(validate=length(1, 100))


class CardSchema(Table):
    """`[connector.card]`: of its fields, the first five that have a value are shown."""

    title = Expression(required=True)
    subtitle = Expression()
    subicon_url = Expression()
    num_comments = Expression()
    fields_ = Tables(
        FieldSchema,
        "connector.card.fields",
        data_key="fields",
        attribute="fields",
        required=True,
        validate=length(1, MOST_FIELDS, "fields"),
    )
    footer = fields.Nested(FooterSchema, load_default=dict)


class AddressSchema(Table):
    """`[[connector.addresses]]`: forms of address that some hosts have, or that ask another."""

    hosts = fields.List(HostName())
    paths = fields.List(fields.String(validate=_PATH), required=True, validate=length(1))
    parts = Pairs(keys=fields.String(validate=_PART), values=fields.String())
    url = fields.String()
    fallback = fields.String()


class ExampleSchema(Table):
    """An address that is served, and what is asked for it."""

    address = fields.String(required=True)
    asks = fields.String(required=True)


class ExampleField(fields.Field[Any]):
    """An address that asks what `example` asks, or `{address = "…", asks = "…"}`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value if isinstance(value, str) else ExampleSchema().load(value)


class ConnectorSchema(Table):
    """One `[[connector]]`."""

    name = fields.String(required=True, validate=_NAME)
    label = fields.String(required=True, validate=length(1, 40))
    hosts = Hosts()
    hosts_setting = fields.String(validate=_SETTING)
    hosts_meaning = fields.String(validate=length(1, 100))
    hosts_base = fields.String(validate=_BASE)
    path = fields.String(validate=_PATH)
    paths = fields.List(fields.String(validate=_PATH), validate=length(1))
    addresses = Tables(AddressSchema, "connector.addresses", validate=length(1))
    page = fields.String(validate=_PATH)
    example = fields.String(required=True)
    examples = fields.List(ExampleField(), load_default=list)
    refused = fields.List(fields.String(), load_default=list)
    public = fields.Boolean(load_default=False)
    request = fields.Nested(RequestSchema, required=True)
    credential = fields.Nested(CredentialSchema)
    oauth = fields.Nested(OAuthSchema)
    answer = fields.Nested(AnswerSchema, load_default=lambda: AnswerSchema().load({}))
    search = fields.Nested(SearchSchema)
    card = fields.Nested(CardSchema, required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_consistency(self, data: Mapping[str, Any], original: Any, **_: Any) -> None:
        """Require valid patterns, requests of named parts, and examples that match."""
        faults = faults_of(data, original) if isinstance(original, Mapping) else ()
        if faults:
            raise ValidationError(nested(faults))


class FileSchema(Table):
    """A file of definitions."""

    connector = Tables(ConnectorSchema, "connector", required=True, validate=length(1))

    @validates_schema(skip_on_field_errors=False)
    def check_names(self, data: Mapping[str, Any], **_: Any) -> None:
        """Require unique names."""
        names = [each.get("name") for each in data.get("connector", [])]
        twice = {
            index: {"name": [Rule("unique", f"is the name of another: {name}")]}
            for index, name in enumerate(names)
            if name and name in names[:index]
        }
        if twice:
            raise ValidationError({"connector": twice})


class _BundledSchema(ConnectorSchema):
    """A bundled definition: the tests hold its consistency, which a start need not do again."""

    def check_consistency(self, data: Mapping[str, Any], original: Any, **_: Any) -> None:
        """Accept it: the tests check the catalogue."""


class BundledFileSchema(FileSchema):
    """A file of the catalogue."""

    connector = Tables(_BundledSchema, "connector", required=True)
