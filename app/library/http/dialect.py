"""A dialect of the library: a separate Flask application for the addresses that it matches.

A dialect's addresses, known or not, are those that its `paths` match; which dialect an address
belongs to is decided here, once a request, and nowhere else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from flask import Blueprint, Flask, Response
from werkzeug.wsgi import get_path_info

from app.errors import PlacardError
from app.library.core.tokens import Grant
from app.library.http.authentication import TokenLocation, init_authentication
from app.library.http.context import EXTENSION, Library
from app.library.http.errors import init_errors
from app.library.http.thread_share import init_thread_share
from app.library.http.transfer import Transfer
from app.openapi.operation import Example, Operation, Section


@dataclass(frozen=True, slots=True)
class Samples:
    """Records as `placard library import` takes them: a widget of that title, at that path."""

    title: str
    path: str
    records: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The API of one system, as the library serves it.

    On the addresses that `paths` matches the beginning of, nobody gets further without the token
    that stands at `token`, and all that goes wrong is answered by `error_response`: the dialect's
    envelope, and its status where it is not HTTP's own. `operations` has every view of the
    blueprint; `title` is what the description calls them, and `examples` what it shows of each.
    `reach` says what a token may see, as "every experience type". The local mode saves the
    `samples` at its first start.
    """

    name: str
    blueprint: Blueprint
    paths: Pattern[str]
    token: TokenLocation
    error_response: Callable[[PlacardError], Response]
    title: str
    operations: tuple[Operation, ...]
    examples: Mapping[str, Example]
    transfer: Transfer
    reach: Callable[[Grant], str]
    samples: Samples

    @property
    def section(self) -> Section:
        """The dialect's part of the service's description."""
        return Section(self.title, self.operations, self.token.schemes, self.examples)


def init_dialect(app: Flask, dialect: Dialect, library: Library) -> None:
    """Make an application that speaks a dialect."""
    app.extensions[EXTENSION] = library
    init_thread_share(app)
    init_authentication(app, dialect.token, library)
    init_errors(app, dialect.error_response)
    app.register_blueprint(dialect.blueprint)


class Dispatcher:
    """A WSGI application that hands each request to the first that has its address, or the host."""

    def __init__(
        self, host: WSGIApplication, mounted: Sequence[tuple[Pattern[str], WSGIApplication]]
    ) -> None:
        self._host = host
        self._mounted = tuple(mounted)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = "/" + get_path_info(environ).lstrip("/")  # as Flask reads it
        found = (application for paths, application in self._mounted if paths.match(path))
        return next(found, self._host)(environ, start_response)
