"""The SpaceONE dialect: `POST /dashboard/v1/custom-widget/{create,update,delete,get,list,stat}`.

Implements the section "SpaceONE custom widgets" of the library's contract, and SpaceONE's page of
custom widgets. Errors are `{"detail": {"code": "ERROR_…", "message": "…"}}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Blueprint, Response
from marshmallow import Schema

from app.library.core.errors import Malformed, Refusal, Unidentified
from app.library.core.models import DOCUMENTS
from app.library.http.authentication import caller
from app.library.http.body import checked, read_object
from app.library.http.context import library
from app.library.http.response import json_response
from app.library.spaceone import schemas as messages
from app.library.spaceone.query.keys import FIELDS, root_of, split_key
from app.library.spaceone.query_reader import read_listing, read_statistics
from app.library.spaceone.store import (
    VERSION,
    CustomWidget,
    CustomWidgetChange,
    CustomWidgetDraft,
    CustomWidgets,
)
from app.openapi.operation import Answer, Body, Operation
from templates_schemas.text import host_time

blueprint = Blueprint("spaceone_api", __name__)

ROOT: Final = "/dashboard/v1/custom-widget"
READ: Final = ("custom_widget:read",)
WRITE: Final = ("custom_widget:write",)
CODES: Final[Mapping[str, str]] = {
    "unidentified": "ERROR_AUTHENTICATE_FAILURE",
    "not_allowed": "ERROR_PERMISSION_DENIED",
    "missing": "ERROR_NOT_FOUND",
    "wrong_method": "ERROR_METHOD_NOT_ALLOWED",
    "conflict": "ERROR_CONFLICT",
    "too_large": "ERROR_REQUEST_TOO_LARGE",
    "too_many_requests": "ERROR_TOO_MANY_REQUESTS",
    "broken": "ERROR_UNKNOWN",
}
RULES: Final[Mapping[str, str]] = {
    "required": "ERROR_REQUIRED_PARAMETER",
    "type": "ERROR_INVALID_PARAMETER_TYPE",
    "query": "ERROR_DB_QUERY",
}


@blueprint.post(f"{ROOT}/create")
def create() -> Response:
    """Keep a new widget."""
    caller().require_any(WRITE)
    draft = draft_of(checked(messages.CreateCustomWidgetRequest(), read_object()))
    return json_response(info(widgets().create(caller(), draft)))


@blueprint.post(f"{ROOT}/update")
def update() -> Response:
    """Change what is given of a widget."""
    caller().require_any(WRITE)
    asked = checked(messages.UpdateCustomWidgetRequest(), read_object())
    change = CustomWidgetChange(asked.get("title"), documents_of(asked))
    changed = widgets().update(caller(), asked["domain_id"], asked["custom_widget_id"], change)
    return json_response(info(changed))


@blueprint.post(f"{ROOT}/delete")
def delete() -> Response:
    """Delete a widget."""
    caller().require_any(WRITE)
    asked = checked(messages.CustomWidgetRequest(), read_object())
    widgets().delete(caller(), asked["domain_id"], asked["custom_widget_id"])
    return json_response({})


@blueprint.post(f"{ROOT}/get")
def get() -> Response:
    """Answer with one widget."""
    caller().require_any(READ)
    asked = checked(messages.GetCustomWidgetRequest(), read_object())
    only = asked.get("only_") or ()
    for key in only:
        root_of(key, "$.only")
    found = widgets().get(caller(), asked["domain_id"], asked["custom_widget_id"])
    return json_response(shown(info(found), only) if only else info(found))


@blueprint.post(f"{ROOT}/list")
def find() -> Response:
    """Answer with the widgets that a query finds."""
    caller().require_any(READ)
    listing = read_listing(checked(messages.CustomWidgetQuery(), read_object()))
    found = widgets().find(caller(), listing)
    only = listing.only or FIELDS
    results = [shown(info(widget), only) for widget in found.widgets]
    return json_response({"results": results, "total_count": found.total})


@blueprint.post(f"{ROOT}/stat")
def stat() -> Response:
    """Answer with statistics of the widgets that a query finds."""
    caller().require_any(READ)
    asked = read_statistics(checked(messages.CustomWidgetStatQuery(), read_object()))
    found = widgets().statistics(caller(), asked)
    total = {} if found.total is None else {"total_count": found.total}
    return json_response({"results": list(found.values), **total})


def widgets() -> CustomWidgets:
    """Return where custom widgets are kept."""
    return CustomWidgets(library().store)


def draft_of(loaded: Mapping[str, Any]) -> CustomWidgetDraft:
    """Make a draft of what a schema has loaded."""
    return CustomWidgetDraft(
        domain_id=loaded["domain_id"],
        widget_name=loaded["widget_name"],
        title=loaded["title"],
        version=loaded.get("version") or VERSION,
        document=documents_of(loaded),
    )


def documents_of(loaded: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return those of the five documents that are given."""
    return {name: loaded[name] for name in DOCUMENTS if loaded.get(name) is not None}


def info(widget: CustomWidget) -> dict[str, Any]:
    """Write a widget as a `CustomWidgetInfo`; without its documents where they were not asked."""
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


def shown(written: Mapping[str, Any], only: Sequence[str]) -> dict[str, Any]:
    """Keep the fields that are asked for; a dotted key keeps what it leads to, in its place."""
    kept: dict[str, Any] = {}
    for key in sorted(only, key=lambda key: key.count(".")):
        root, *steps = split_key(key, "only")
        if not steps:
            kept[root] = written[root]
        elif kept.get(root) is not written[root]:
            _keep(written[root], steps, kept.setdefault(root, [] if root == "labels" else {}))
    return kept


def _keep(value: Any, steps: Sequence[str], kept: Any) -> None:
    """Copy what is at the end of the steps; what a list holds is not taken apart."""
    step, *rest = steps
    if not isinstance(value, dict) or step not in value or not isinstance(kept, dict):
        return
    if not rest:
        kept[step] = value[step]
    elif isinstance(value[step], dict) and kept.get(step) is not value[step]:
        _keep(value[step], rest, kept.setdefault(step, {}))


def refuse(refusal: Refusal) -> Response:
    """Write a refusal as SpaceONE does."""
    code, message = CODES.get(refusal.code, "ERROR_UNKNOWN"), refusal.sentence
    if isinstance(refusal, Malformed):
        code = RULES.get(refusal.rule, "ERROR_INVALID_PARAMETER")
        message = "; ".join((refusal.sentence, *refusal.others))
    response = json_response({"detail": {"code": code, "message": message}}, refusal.status)
    if isinstance(refusal, Unidentified):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _operation(
    name: str, summary: str, scopes: tuple[str, ...], request: type[Schema], answer: type[Schema]
) -> Operation:
    error = Body(messages.ErrorSchema)
    told = {
        400: "A parameter is missing or wrong, or the query cannot be run",
        401: "There is no token, or a false one",
        403: "The token lacks the scope, or is for another domain",
        404: "The domain has no such widget",
        413: "The body is too large",
        429: "The token has no requests left",
    }
    answers = {200: Answer(summary, Body(answer))}
    answers |= {status: Answer(sentence, error) for status, sentence in told.items()}
    return Operation(
        id=f"custom_widget_{name}",
        method="post",
        path=f"{ROOT}/{name}",
        summary=summary,
        answers=answers,
        scopes=scopes,
        request=Body(request),
    )


OPERATIONS: Final = (
    _operation(
        "create",
        "Keep a new widget",
        WRITE,
        messages.CreateCustomWidgetRequest,
        messages.CustomWidgetInfo,
    ),
    _operation(
        "update",
        "Change a widget",
        WRITE,
        messages.UpdateCustomWidgetRequest,
        messages.CustomWidgetInfo,
    ),
    _operation("delete", "Delete a widget", WRITE, messages.CustomWidgetRequest, messages.Empty),
    _operation(
        "get", "Get a widget", READ, messages.GetCustomWidgetRequest, messages.CustomWidgetInfo
    ),
    _operation(
        "list", "Find widgets", READ, messages.CustomWidgetQuery, messages.CustomWidgetsInfo
    ),
    _operation(
        "stat",
        "Work out statistics of widgets",
        READ,
        messages.CustomWidgetStatQuery,
        messages.StatisticsInfo,
    ),
)
