"""A view and its operation, declared once: what the description says is what is enforced.

    operations = Operations(blueprint)

    @operations.add("put", WIDGET, ANSWERS, scopes=WRITE, parameters=…, request=…)
    def update_widget(path: Loaded, body: Loaded) -> dict[str, Any]:
        '''Replace a widget.'''

The view's docstring is the operation's summary and description, its name the operation's id.
Before the view runs, the token must have one of the scopes; then each part of the request is read
with its schema, and passed under its name: `path`, `query`, `body`. What the view returns is
sent as JSON, with the status of the operation's first answer; None is sent without a body.
"""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from inspect import getdoc
from re import sub
from typing import Any, ClassVar, Unpack

from flask import Blueprint, Response

from app.library.http.authentication import caller
from app.library.http.body import read_json_object
from app.library.http.parameters import read_path, read_query
from app.library.http.response import json_response
from app.library.http.schema import load
from app.openapi.operation import Answer, Operation, OperationOptions

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

    def add(
        self,
        method: str,
        path: str,
        answers: Mapping[int, Answer],
        **options: Unpack[OperationOptions],
    ) -> Callable[[View], View]:
        """Return a decorator that serves a view as an Operation says, and describes it so."""

        def register(view: View) -> View:
            summary, _, description = (getdoc(view) or "").partition("\n\n")
            operation = Operation(
                method,
                path,
                answers,
                id=self._prefix + view.__name__.rstrip("_"),
                summary=summary.rstrip("."),
                description=" ".join(description.split()),
                **options,
            )
            self._declared.append(operation)
            self.blueprint.add_url_rule(
                self.rule(operation),
                view.__name__,
                self._enforced(operation, view),
                methods=[method.upper()],
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
        return {"body": lambda: load(schema, read_json_object())}

    def written(self, answer: Any, status: int) -> Response:
        """Write what a view has returned as the answer."""
        return json_response(answer, status)

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
            return Response(status=status) if answer is None else self.written(answer, status)

        return enforced
