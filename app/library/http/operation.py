"""A view and its operation, declared once: what the description says is what is enforced.

    operations = Operations(blueprint)

    @operations.add(Operation("put", WIDGET, "Replace a widget", ANSWERS, scopes=WRITE, …))
    def update_widget(path: Loaded, body: Loaded) -> dict[str, Any]: ...

Before the view runs, the token must have one of the scopes; then each part of the request is read
with its schema, and handed over under its name: `path`, `query`, `body`. What the view returns is
sent as JSON, with the status of the operation's first answer; None is sent as no body.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from re import sub
from typing import Any, ClassVar

from flask import Blueprint, Response

from app.library.http.authentication import caller
from app.library.http.body import load, read_object
from app.library.http.parameters import read_path, read_query
from app.library.http.response import json_response
from app.openapi.operation import Operation

Loaded = Mapping[str, Any]
View = Callable[..., Any]
Readers = dict[str, Callable[[], Any]]


class Operations:
    """The operations of a dialect, each declared at its view; an id is `prefix` and its name."""

    # None: Flask answers OPTIONS wherever no view does.
    automatic_options: ClassVar[bool | None] = None

    def __init__(self, blueprint: Blueprint, prefix: str = "") -> None:
        self.blueprint = blueprint
        self._prefix = prefix
        self._declared: list[Operation] = []

    @property
    def declared(self) -> tuple[Operation, ...]:
        """All operations, in the order of their declaration."""
        return tuple(self._declared)

    def add(self, declared: Operation) -> Callable[[View], View]:
        """Return a decorator that serves a view as the operation says, and describes it so."""

        def register(view: View) -> View:
            operation = replace(declared, id=self._prefix + view.__name__.rstrip("_"))
            self._declared.append(operation)
            self.blueprint.add_url_rule(
                self.rule(operation),
                view.__name__,
                self._enforced(operation, view),
                methods=[operation.method.upper()],
                provide_automatic_options=self.automatic_options,
            )
            return view

        return register

    def rule(self, operation: Operation) -> str:
        """Write the operation's address as Flask does."""
        return sub(r"\{(\w+)\}", r"<\1>", operation.path)

    def readers(self, operation: Operation) -> Readers:
        """Return what reads each part of a request; the schemas are made here, once."""
        readers: Readers = {}
        if operation.parameters is not None:
            readers["path"] = partial(read_path, operation.parameters())
        if operation.query is not None:
            readers["query"] = partial(read_query, operation.query())
        return readers | self.body_reader(operation)

    def body_reader(self, operation: Operation) -> Readers:
        """Return what reads the body, where the operation has one."""
        if operation.request is None:
            return {}
        schema = operation.request.schema()
        return {"body": lambda: load(schema, read_object())}

    def _enforced(self, operation: Operation, view: View) -> View:
        readers = self.readers(operation)
        status = next(iter(operation.answers))

        @wraps(view)
        def enforced(**_: Any) -> Response:
            if operation.scopes:
                caller().require_any(operation.scopes)
            answer = view(**{name: read() for name, read in readers.items()})
            if isinstance(answer, Response):
                return answer
            return Response(status=status) if answer is None else json_response(answer, status)

        return enforced
