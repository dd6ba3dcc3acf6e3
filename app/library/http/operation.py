"""What each route of a dialect takes and answers: `OPERATIONS`, a table beside its views.

The table names the very schemas that check the requests, and the service's own description
(`/openapi.json`) is made of it. A test holds that it has every route of the blueprint, no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import Schema


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body: what `schema` says, or with `many` a list of that."""

    schema: type[Schema]
    many: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of one status: `body` is None where it has none; `headers` are those of its own."""

    description: str
    body: Body | None = None
    headers: type[Schema] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address.

    `method` is in lower case. `path` is written as OpenAPI does, `/api/v2/widgets/{uuid}`; the
    fields of `parameters` are the names in its braces. A parameter is named by its `data_key`.
    Any one of `scopes` lets a token in; none means that every token may.
    """

    id: str
    method: str
    path: str
    summary: str
    answers: Mapping[int, Answer]
    scopes: tuple[str, ...] = ()
    parameters: type[Schema] | None = None
    query: type[Schema] | None = None
    headers: type[Schema] | None = None
    request: Body | None = None
    description: str = ""
