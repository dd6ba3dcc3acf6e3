"""Reads the files of definitions: each fault names the file, the line and the rule."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from app.connectors.base import read_address
from app.connectors.definitions.connector import PLAIN_PART, DefinedConnector, parts_of, pattern_of
from app.connectors.definitions.expressions import ExpressionError, compiled
from app.errors import ConfigurationError, MalformedRequest
from app.origins import host_of
from app.upstream.credentials import is_transport_header
from templates_schemas.limits import PILL_COLORS
from templates_schemas.rules import Fault, Rule, faults_in
from templates_schemas.summary_with_details import FIELD_KINDS

SETTING: Final = "PLACARD_CONNECTORS_FILE"
_HOST: Final = validate.Regexp(
    r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d{1,5})?\Z",
    error="must be a whole host such as status.example.com",
)
_HEADER: Final = validate.Regexp(r"[A-Za-z0-9-]+\Z", error="must be a header's name")
_VISIBLE: Final = validate.Regexp(r"[ -~]*\Z", error="must be visible ASCII")
# They prove who asks, which is for the credentials file to say.
_CREDENTIALS: Final = frozenset(
    {"authorization", "cookie", "private-token", "x-api-key", "dd-api-key", "dd-application-key"}
)
# The literal beginning of a request's address, before any part: the host is not to be filled in.
_ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?(?=[/?]|\Z)", re.ASCII)


_TABLE: Final = re.compile(r"(\[\[?)([^\[\]=]+)\]\]?\s*(?:#.*)?\Z")


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

    @validates_schema
    def check_headers(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want no credential here."""
        for name in data.get("headers", {}):
            if name.lower() in _CREDENTIALS:
                told = "belongs into the credentials file"
                raise ValidationError({"headers": {name: [Rule("credential", told)]}})
            if is_transport_header(name):
                raise ValidationError({"headers": {name: [Rule("header", "is the client's own")]}})

    @validates("body")
    def check_body(self, body: Any, **_: Any) -> None:
        """Want what JSON can hold, which is less than TOML."""
        try:
            json.dumps(body, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValidationError(Rule("type", "must be what JSON can hold")) from error


class FieldSchema(Schema):
    """`[[connector.card.fields]]`: its name is literal, the rest are expressions."""

    type = fields.String(required=True, validate=validate.OneOf(tuple(FIELD_KINDS)))
    name = fields.String(required=True, validate=validate.Length(1, 40))
    text = Expression()
    color = Color()
    datetime = Expression()
    icon_url = Expression()

    @validates_schema
    def check_value(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want the value that this kind of field shows."""
        wanted = "datetime" if data.get("type") == "datetime_with_icon" else "text"
        if wanted not in data:
            raise ValidationError({wanted: [Rule("required", "is required for this type")]})


class FooterSchema(Schema):
    """`[connector.card.footer]`: the first of updated, created and text that has a value."""

    updated = Expression()
    created = Expression()
    text = Expression()
    icon_url = Expression()


class CardSchema(Schema):
    """`[connector.card]`."""

    title = Expression(required=True)
    subtitle = Expression()
    subicon_url = Expression()
    num_comments = Expression()
    fields_ = fields.List(
        fields.Nested(FieldSchema),
        data_key="fields",
        attribute="fields",
        required=True,
        validate=validate.Length(1, 5),
    )
    footer = fields.Nested(FooterSchema, load_default=dict)


class DefinitionSchema(Schema):
    """One `[[connector]]`."""

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z][a-z0-9_-]{0,39}\Z"))
    label = fields.String(required=True, validate=validate.Length(1, 40))
    hosts = fields.List(fields.String(validate=_HOST), required=True, validate=validate.Length(1))
    path = fields.String(required=True, validate=validate.Regexp(r"/"))
    example = fields.String(required=True)
    request = fields.Nested(RequestSchema, required=True)
    card = fields.Nested(CardSchema, required=True)

    @validates_schema
    def check_address(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want a pattern that can be read, and a request to a host that is named."""
        try:
            pattern_of(data["path"])
        except ValueError as error:
            raise ValidationError({"path": [Rule("pattern", str(error))]}) from error
        request = data["request"]
        if fault := _url_fault(request["url"], data["hosts"]):
            raise ValidationError({"request": {"url": [fault]}})
        for key in ("url", "headers", "body"):
            template = json.dumps(request.get(key), ensure_ascii=False)
            strangers = sorted(set(parts_of(template)) - set(parts_of(data["path"])))
            if strangers:
                told = f"has parts that `path` has not: {', '.join(strangers)}"
                raise ValidationError({"request": {key: [Rule("part", told)]}})
        try:
            example = DefinedConnector(data).match(read_address(data["example"]))
        except MalformedRequest:
            example = None
        if example is None:
            raise ValidationError({"example": [Rule("example", "is no address of this connector")]})


class FileSchema(Schema):
    """A file of definitions."""

    connector = fields.List(
        fields.Nested(DefinitionSchema), required=True, validate=validate.Length(1)
    )

    @validates_schema
    def check_names(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want each name once."""
        names = [each["name"] for each in data["connector"]]
        for place, name in enumerate(names):
            if name in names[:place]:
                rule = Rule("unique", f"is the name of another: {name}")
                raise ValidationError({"connector": {place: {"name": [rule]}}})


def read_definitions(paths: Sequence[str]) -> tuple[DefinedConnector, ...]:
    """Read every file, and every `*.toml` in a folder.

    Raises ConfigurationError, which names each fault's file, line and rule.
    """
    files = list(dict.fromkeys(file.resolve() for path in paths for file in _files(Path(path))))
    told = [f"{SETTING}: {fault}" for file in files for fault in lint_definitions(file)]
    if told:
        raise ConfigurationError("\n".join(told))
    loaded = (FileSchema().load(tomllib.loads(file.read_text("utf-8"))) for file in files)
    return tuple(DefinedConnector(each) for file in loaded for each in file["connector"])


def lint_definitions(file: Path) -> list[str]:
    """List what is wrong with a file, each as `file:line: path: what would be right (rule)`."""
    try:
        text = file.read_text("utf-8")
        given = tomllib.loads(text)
    except OSError as error:
        return [f"{file}: {error.strerror}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return [f"{file}: is not TOML: {error}"]
    try:
        FileSchema().load(given)
    except ValidationError as error:
        return [f"{file}:{_line_of(fault, text)}: {fault}" for fault in faults_in(error)]
    return []


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.toml"))
    if not found:
        raise ConfigurationError(f"{SETTING}: {path}: there is no *.toml in this folder")
    return found


def _url_fault(url: str, hosts: Sequence[str]) -> Rule | None:
    """Judge the literal beginning, and what is left when the parts are taken out."""
    origin = _ORIGIN.match(url)
    if origin is None or set("{}") & set(PLAIN_PART.sub("", url)):
        return Rule("url", "must be an https address of a literal host, with parts as {name}")
    try:
        host = host_of(urlsplit(origin[0]))
    except ValueError:
        return Rule("url", "has a port that is none")
    if host not in {named.lower() for named in hosts}:
        return Rule("host", f"asks {host}, which `hosts` does not name")
    return None


def _line_of(fault: Fault, text: str) -> int:
    """Find the line that a JSON path such as `$.connector[0].card.title` means, or its table's."""
    wanted = fault.path.removeprefix("$.")
    best, line = "", 1
    for number, place in _places(text):
        if f"{wanted}.".startswith((f"{place}.", f"{place}[")) and len(place) > len(best):
            best, line = place, number
    return line


def _places(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line of TOML that names something, with the JSON path of what it names."""
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if header := _TABLE.match(stripped):
            name = ".".join(part.strip(" \"'") for part in header[2].split("."))
            table = _indexed(name, counts, begins=header[1] == "[[")
            yield number, table
        elif "=" in stripped and not stripped.startswith("#"):
            key = stripped.partition("=")[0].strip().strip("\"'")
            yield number, f"{table}.{key}" if table else key


def _indexed(name: str, counts: dict[str, int], *, begins: bool) -> str:
    """Write `connector.card.fields` as `connector[1].card.fields[0]`."""
    if begins:
        counts[name] = counts.get(name, -1) + 1
        for inner in [inner for inner in counts if inner.startswith(f"{name}.")]:
            del counts[inner]
    place, so_far = [], ""
    for part in name.split("."):
        so_far = f"{so_far}.{part}" if so_far else part
        place.append(f"{part}[{counts[so_far]}]" if so_far in counts else part)
    return ".".join(place)
