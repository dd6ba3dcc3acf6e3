"""Reads the files of definitions: each fault names the file, the line and the rule."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.connectors.defined import DefinedConnector, parts_of, pattern_of
from app.connectors.expressions import ExpressionError, compiled
from app.errors import ConfigurationError
from app.upstream import DEFAULT_PORTS, host_of
from templates_schemas.rules import Fault, Rule, faults_in
from templates_schemas.summary_with_details import FIELD_KINDS

SETTING: Final = "PLACARD_CONNECTORS_FILE"
_HOST: Final = validate.Regexp(
    r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d{1,5})?\Z",
    error="must be a whole host such as status.example.com",
)
_HEADER: Final = validate.Regexp(r"[A-Za-z0-9-]+\Z", error="must be a header's name")
_VISIBLE: Final = validate.Regexp(r"[ -~]*\Z", error="must be visible ASCII")
# They prove who asks: that is for the credentials file to say.
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


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
                raise ValidationError(
                    {"headers": {name: [Rule("credential", "belongs into the credentials file")]}}
                )


class FieldSchema(Schema):
    """`[[connector.card.fields]]`: its name is literal, the rest are expressions."""

    type = fields.String(required=True, validate=validate.OneOf(tuple(FIELD_KINDS)))
    name = fields.String(required=True, validate=validate.Length(1, 40))
    text = Expression()
    color = Expression()
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
        url = data["request"]["url"]
        if fault := _url_fault(url, data["hosts"]):
            raise ValidationError({"request": {"url": [fault]}})
        strangers = sorted(set(parts_of(url)) - set(parts_of(data["path"])))
        if strangers:
            told = f"has parts that `path` has not: {', '.join(strangers)}"
            raise ValidationError({"request": {"url": [Rule("part", told)]}})
        if DefinedConnector(data).match(urlsplit(data["example"])) is None:
            raise ValidationError({"example": [Rule("example", "is no address of this connector")]})


class FileSchema(Schema):
    """A file of definitions."""

    connector = fields.List(fields.Nested(DefinitionSchema), required=True)


def read_definitions(paths: Sequence[str]) -> tuple[DefinedConnector, ...]:
    """Read every file, and every `*.toml` in a folder.

    Raises ConfigurationError, which names each fault's file, line and rule.
    """
    files = [file for path in paths for file in _files(Path(path))]
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [f"{file}: is not TOML: {error}"]
    try:
        FileSchema().load(given)
    except ValidationError as error:
        return [f"{file}:{_line_of(fault, text)}: {fault}" for fault in faults_in(error)]
    return []


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.toml")) if path.is_dir() else [path]


def _url_fault(url: str, hosts: Sequence[str]) -> Rule | None:
    parts = urlsplit(url.replace("{", "").replace("}", ""))
    if parts.scheme not in DEFAULT_PORTS or "{" in urlsplit(url).netloc or "@" in parts.netloc:
        return Rule("url", "must be an absolute address, of a host without parts")
    if host_of(parts) not in {host.lower() for host in hosts}:
        return Rule("host", f"asks {host_of(parts)}, which `hosts` does not name")
    return None


def _line_of(fault: Fault, text: str) -> int:
    """Find the line that a JSON path such as `$.connector[0].card.title` means, or its table's."""
    wanted = fault.path.removeprefix("$.")
    best, line = "", 1
    for number, place in _places(text):
        if wanted.startswith(place) and len(place) > len(best):
            best, line = place, number
    return line


def _places(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line of TOML that names something, with the JSON path of what it names."""
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            name = stripped.strip("[]").strip()
            table = _indexed(name, counts, begins=stripped.startswith("[["))
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
