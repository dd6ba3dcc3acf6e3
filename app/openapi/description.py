"""OpenAPI 3.1, written from the operations of every surface and their schemas."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from app.openapi.operation import Answer, Body, Example, Operation, Section
from templates_schemas.fields import HostTime, OneOf, Text, Variant, WebUrl

OPENAPI: Final = "3.1.0"
ABOUT: Final = (
    "The app server behind a host platform's widgets, and a library of saved widgets that the "
    "clients of other systems can speak to. Each answer carries `X-Request-Id`, those of the "
    "library also `X-RateLimit-Limit`, `-Period`, `-Remaining` and `-Reset`. No text and no key of "
    "a body, however deep, may have U+0000 or half of a surrogate pair."
)


def describe(sections: Iterable[Section], server: str) -> dict[str, Any]:
    """Describe a service that has these operations, and the address `server`."""
    sections = tuple(sections)
    plugin = _Plugin(schema_name_resolver=_name_of)
    spec = APISpec(
        title="Placard",
        version=version("placard"),
        openapi_version=OPENAPI,
        info={"description": ABOUT},
        servers=[{"url": server}],
        tags=[{"name": section.title} for section in sections],
        plugins=[plugin],
    )
    assert plugin.converter is not None  # since the specification was made
    plugin.converter.add_attribute_function(_limits)
    schemes = {name: scheme for section in sections for name, scheme in section.security.items()}
    for name, scheme in schemes.items():
        spec.components.security_scheme(name, dict(scheme))
    for path, operations in _by_path(sections).items():
        spec.path(path, operations=operations)
    made: dict[str, Any] = spec.to_dict()
    examples = {name: each for section in sections for name, each in section.examples.items()}
    for methods in made["paths"].values():
        for operation in methods.values():
            if example := examples.get(operation["operationId"]):
                _add_example(operation, example)
    return made


def _add_example(operation: dict[str, Any], example: Example) -> None:
    """Add an example to the parameters, the body and the first answer, which is the success."""
    for parameter in operation.get("parameters", []):
        if parameter["name"] in example.parameters:
            parameter["example"] = example.parameters[parameter["name"]]
    answer = next(iter(operation["responses"].values()))
    shown = ((operation.get("requestBody"), example.request), (answer, example.answer))
    for part, value in shown:
        if part and value is not None:
            for media in part["content"].values():
                media["example"] = value


def _by_path(sections: Iterable[Section]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for section in sections:
        for operation in section.operations:
            paths.setdefault(operation.path, {})[operation.method] = _operation(operation, section)
    return paths


def _operation(operation: Operation, section: Section) -> dict[str, Any]:
    """Write an operation, without empty keys."""
    body = operation.request
    document: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [section.title],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": list(_parameters(operation)),
        "requestBody": body and {"required": True, "content": _content(body)},
        "responses": {str(status): _answer(each) for status, each in operation.answers.items()},
        "security": [{name: []} for name in section.security],
    }
    return {name: value for name, value in document.items() if value}


def _description(operation: Operation) -> str:
    words = ", ".join(f"`{scope}`" for scope in operation.scopes)
    needed = f"Needs any of the scopes {words}." if words else ""
    return " ".join(part for part in (operation.description, needed) if part)


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    locations = {
        "path": operation.parameters,
        "query": operation.query,
        "header": operation.headers,
    }
    for location, schema in locations.items():
        if schema is not None:
            yield {"in": location, "schema": schema}


def _answer(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = {"description": answer.description}
    if answer.body is not None:
        document["content"] = _content(answer.body)
    if answer.headers is not None:
        document["headers"] = {
            each.data_key or name: {"schema": {"type": "string"}, "required": each.required}
            for name, each in answer.headers().fields.items()
        }
    return document


def _content(body: Body) -> dict[str, Any]:
    schema: Any = {"type": "array", "items": body.schema} if body.many else body.schema
    if body.unique:
        schema["uniqueItems"] = True
    return {"application/json": {"schema": schema}}


def _name_of(schema: Any) -> str:
    """Name a schema by its room too: two dialects may have a `WidgetSchema` each."""
    resolved = resolve_schema_cls(schema)
    kind: type[Schema] = resolved if isinstance(resolved, type) else resolved[0]
    *_, folder, module = kind.__module__.split(".")
    room = folder if kind.__module__.count(".") > 2 else module
    return f"{room}.{kind.__name__.removesuffix('Schema')}"


def _limits(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the limits of our own fields, which the converter does not know."""
    document: dict[str, Any] = {}
    match field:
        case OneOf(words=words):
            document = {"enum": list(words)}
        case Text(longest=None):
            document = {"minLength": 1}
        case Text(longest=longest):
            document = {"minLength": 1, "maxLength": longest}
        case HostTime():
            document = {"format": "date-time"}
        case WebUrl():
            document = {"format": "uri"}
        case Variant():
            kinds = [converter.resolve_nested_schema(kind) for kind in field.kinds.values()]
            empty = [{"type": "object", "maxProperties": 0}] if field.empty_allowed else []
            document = {"oneOf": kinds + empty}
    return document


class _Converter(OpenAPIConverter):
    """Adds the description of a schema, and the rules that its fields do not have."""

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Describe a schema by its docstring and its `json_rules`, where it has any."""
        kind = schema if isinstance(schema, type) else type(schema)
        converter: Any = super()
        made: dict[str, Any] = converter.schema2jsonschema(schema)
        made["description"] = (kind.__doc__ or "").partition("\n")[0]
        return {**made, **getattr(kind, "json_rules", {})}


class _Plugin(MarshmallowPlugin):
    Converter = _Converter
