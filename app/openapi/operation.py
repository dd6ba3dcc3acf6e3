"""What a route takes and answers: the one declaration that is enforced and described.

The service's own description (`/openapi.json`) is written from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from marshmallow import Schema

SecuritySchemes = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body: one document of `schema`, or with `many` a list of them.

    With `unique` no document comes twice.
    """

    schema: type[Schema]
    many: bool = False
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of one status: `body` is None where it has none; `headers` describe its headers."""

    description: str
    body: Body | None = None
    headers: type[Schema] | None = None


class OperationOptions(TypedDict, total=False):
    """The parts of an Operation that not every one has."""

    scopes: tuple[str, ...]
    parameters: type[Schema] | None
    query: type[Schema] | None
    headers: type[Schema] | None
    request: Body | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address.

    `method` is in lower case. `path` is written as OpenAPI does, `/api/v2/widgets/{uuid}`; the
    fields of `parameters` are the names in its braces. A parameter is named by its `data_key`.
    Any one of `scopes` lets a token in; none means that every token may. The first of `answers` is
    that of a request that succeeds. `id` is the name that clients generated from it call.
    """

    method: str
    path: str
    answers: Mapping[int, Answer]
    scopes: tuple[str, ...] = ()
    parameters: type[Schema] | None = None
    query: type[Schema] | None = None
    headers: type[Schema] | None = None
    request: Body | None = None
    id: str = ""
    summary: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """What a request may give, by the names of its parameters, and what it is answered.

    `request` and `answer` are JSON; None where there is no body.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    request: Any = None
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Section:
    """Operations that belong together, and OpenAPI's security schemes: any one of them will do.

    `examples` are named by the ids of the operations.
    """

    title: str
    operations: tuple[Operation, ...]
    security: SecuritySchemes = field(default_factory=dict)
    examples: Mapping[str, Example] = field(default_factory=dict)
