"""The SpaceONE dialect: `POST /dashboard/v1/custom-widget/{create,update,delete,get,list,stat}`.

Implements the section "SpaceONE custom widgets" of the library's contract, and SpaceONE's page of
custom widgets. Errors are `{"detail": {"code": "ERROR_…", "message": "…"}}`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, Response
from marshmallow import Schema

from app.database.columns import to_json
from app.errors import InvalidInput, NotAuthenticated, PlacardError
from app.library.core.models import DOCUMENTS
from app.library.http.authentication import caller
from app.library.http.context import library
from app.library.http.operation import Loaded, Operations, View
from app.library.http.response import json_response
from app.library.http.rows import LARGEST_ANSWER, WrittenRows, searching
from app.library.spaceone import schemas as messages
from app.library.spaceone.query.ast import Listing, Page, Unwind
from app.library.spaceone.query.keys import FIELDS, root_of, split_key
from app.library.spaceone.query.limits import query_error
from app.library.spaceone.query_reader import read_listing, read_statistics
from app.library.spaceone.records import CustomWidget, CustomWidgetChange, CustomWidgetDraft
from app.library.spaceone.store import VERSION, CustomWidgets
from app.openapi.operation import Answer, Body
from templates_schemas.text import host_time

blueprint = Blueprint("spaceone_api", __name__)
operations = Operations(blueprint, prefix="custom_widget_")

READ: Final = ("custom_widget:read",)
WRITE: Final = ("custom_widget:write",)
ROOT: Final = "/dashboard/v1/custom-widget"
ERRORS: Final[Mapping[int, str]] = {
    400: "A parameter is missing or wrong, or the query cannot be run",
    401: "The token is missing or not valid",
    403: "The token lacks the scope, or is for another domain",
    404: "The domain has no such widget",
    408: "The body did not arrive in time",
    413: "The body is too large",
    429: "The token has no request left in this minute",
    503: "The database does not answer",
    507: "The database's disk is full",
}
CODES: Final[Mapping[int, str]] = {
    401: "ERROR_AUTHENTICATE_FAILURE",
    403: "ERROR_PERMISSION_DENIED",
    404: "ERROR_NOT_FOUND",
    405: "ERROR_METHOD_NOT_ALLOWED",
    408: "ERROR_REQUEST_TIMEOUT",
    409: "ERROR_CONFLICT",
    413: "ERROR_REQUEST_TOO_LARGE",
    429: "ERROR_TOO_MANY_REQUESTS",
    500: "ERROR_UNKNOWN",
    503: "ERROR_SERVICE_UNAVAILABLE",
    507: "ERROR_INSUFFICIENT_STORAGE",
}
CODES_BY_RULE: Final[Mapping[str, str]] = {
    "required": "ERROR_REQUIRED_PARAMETER",
    "type": "ERROR_INVALID_PARAMETER_TYPE",
    "query": "ERROR_DB_QUERY",
}


def _operation(
    name: str, scopes: tuple[str, ...], request: type[Schema], answer: type[Schema]
) -> Callable[[View], View]:
    """Declare an operation; every one of the dialect is a POST of one message for another."""
    errors = {status: Answer(cause, Body(messages.ErrorSchema)) for status, cause in ERRORS.items()}
    answers = {200: Answer("The result", Body(answer))} | errors
    return operations.add("post", f"{ROOT}/{name}", answers, scopes=scopes, request=Body(request))


@_operation("create", WRITE, messages.CreateCustomWidgetRequest, messages.CustomWidgetInfo)
def create(body: Loaded) -> dict[str, Any]:
    """Create a widget."""
    return info(widgets().create(caller(), draft_of(body)))


@_operation("update", WRITE, messages.UpdateCustomWidgetRequest, messages.CustomWidgetInfo)
def update(body: Loaded) -> dict[str, Any]:
    """Change a widget."""
    change = CustomWidgetChange(body.get("title"), documents_of(body))
    return info(widgets().update(caller(), body["domain_id"], body["custom_widget_id"], change))


@_operation("delete", WRITE, messages.CustomWidgetRequest, messages.Empty)
def delete(body: Loaded) -> dict[str, Any]:
    """Delete a widget."""
    widgets().delete(caller(), body["domain_id"], body["custom_widget_id"])
    return {}


@_operation("get", READ, messages.GetCustomWidgetRequest, messages.CustomWidgetInfo)
def get(body: Loaded) -> dict[str, Any]:
    """Get a widget."""
    only = body.get("only_") or ()
    for key in only:
        root_of(key, "$.only")
    found = info(widgets().get(caller(), body["domain_id"], body["custom_widget_id"]))
    return select_fields(found, only) if only else found


@_operation("list", READ, messages.CustomWidgetQuery, messages.CustomWidgetsInfo)
def list_(body: Loaded) -> Response:
    """Find widgets.

    With `unwind` each widget comes once for each element of the list at its path, in place of the
    list; `labels` is then a list of that element.
    """
    listing = read_listing(body)
    for key in listing.only or ():
        root_of(key, "query.only")
    if listing.unwind is not None:
        return _unwound(listing, listing.unwind)
    with searching(), widgets().find(caller(), listing) as found:
        written = (write_widget(*each, listing.only) for each in found.widgets)
        rows = _rows(written, listing.page)
        rest = {"total_count": found.total}
    return rows.response("results", rest)


def _unwound(listing: Listing, unwind: Unwind) -> Response:
    only = listing.only or FIELDS

    def written(row: bytes) -> bytes:
        document = json.loads(row)
        if unwind.path == "labels":
            document["labels"] = [document["labels"]]
        return to_json(select_fields(document, only)).encode()

    with searching(), widgets().find_unwound(caller(), unwind, listing) as found:
        rows = _rows(map(written, found.values), listing.page)
        rest = {"total_count": found.total}
    return rows.response("results", rest)


@_operation("stat", READ, messages.CustomWidgetStatQuery, messages.StatisticsInfo)
def stat(body: Loaded) -> Response:
    """Compute statistics of widgets."""
    query = read_statistics(body)
    with searching(), widgets().statistics(caller(), query) as found:
        rows = _rows(found.values, query.page)
        rest = {} if found.total is None else {"total_count": found.total}
    return rows.response("results", rest)


def _rows(written: Iterable[bytes], page: Page) -> WrittenRows:
    """Write rows up to the bound; raises InvalidInput where none fits, or no page was asked for."""
    rows = WrittenRows(written)
    if rows.are_all or (page.limit and rows.count):
        return rows
    raise query_error(
        f"comes to more than {LARGEST_ANSWER >> 20} MiB: ask for a page (page.limit), or for less",
        "query",
    )


def widgets() -> CustomWidgets:
    """Return where custom widgets are stored."""
    return CustomWidgets(library().store)


def draft_of(loaded: Loaded) -> CustomWidgetDraft:
    """Return what a request gives of a new widget."""
    return CustomWidgetDraft(
        domain_id=loaded["domain_id"],
        widget_name=loaded["widget_name"],
        title=loaded["title"],
        version=loaded.get("version") or VERSION,
        document=documents_of(loaded),
    )


def documents_of(loaded: Loaded) -> Mapping[str, Any]:
    """Return those of the five documents that are given."""
    return {name: loaded[name] for name in DOCUMENTS if loaded.get(name) is not None}


def info(widget: CustomWidget) -> dict[str, Any]:
    """Write a widget as a `CustomWidgetInfo`; without its documents where they were not read."""
    document = widget.document or {}
    written = {
        "custom_widget_id": widget.id,
        "widget_name": widget.widget_name,
        "title": widget.title,
        "version": widget.version,
        **{name: document[name] for name in DOCUMENTS if name in document},
        "user_id": widget.user_id,
        "domain_id": widget.domain_id,
        "created_at": host_time(widget.created_at),
        "updated_at": host_time(widget.updated_at),
    }
    return {name: written[name] for name in FIELDS if name in written}


def write_widget(widget: CustomWidget, document: str | None, only: Sequence[str] | None) -> bytes:
    """Write a widget of a list; its document is only parsed where not all of it is asked for."""
    if document is None or only is not None:
        complete = widget if document is None else replace(widget, document=json.loads(document))
        return to_json(select_fields(info(complete), only or FIELDS)).encode()
    return f"{to_json(info(widget))[:-1]},{document[1:]}".encode()


def select_fields(written: Mapping[str, Any], only: Sequence[str]) -> dict[str, Any]:
    """Keep the fields that are asked for; a dotted key keeps only its value, within its parents."""
    kept: dict[str, Any] = {}
    for key in sorted(only, key=lambda key: key.count(".")):
        root, *steps = split_key(key, "only")
        if not steps:
            kept[root] = written[root]
        elif kept.get(root) is not written[root]:
            _copy(written[root], steps, kept.setdefault(root, [] if root == "labels" else {}))
    return kept


def _copy(value: Any, steps: Sequence[str], kept: Any) -> None:
    """Copy what is at the end of the steps; what a list holds is not taken apart."""
    step, *rest = steps
    if not isinstance(value, dict) or step not in value or not isinstance(kept, dict):
        return
    if not rest:
        kept[step] = value[step]
    elif isinstance(value[step], dict) and kept.get(step) is not value[step]:
        _copy(value[step], rest, kept.setdefault(step, {}))


def error_response(error: PlacardError) -> Response:
    """Write an error as SpaceONE does."""
    code, message = CODES.get(error.status, "ERROR_UNKNOWN"), error.sentence
    if isinstance(error, InvalidInput):
        code = CODES_BY_RULE.get(error.rule, "ERROR_INVALID_PARAMETER")
        message = "; ".join((error.sentence, *error.others))
    response = json_response({"detail": {"code": code, "message": message}}, error.status)
    if isinstance(error, NotAuthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
