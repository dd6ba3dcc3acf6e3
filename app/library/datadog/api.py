"""The Datadog dialect: `/api/v2/widgets/{experience_type}[/{uuid}]`.

Implements the section "Datadog saved widgets" of the library's contract, and Datadog's own page of
saved widgets. Its statuses are 400, 403, 404 and 429: a request without a valid token gets 403.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any, Final

from flask import Blueprint, Response, request

from app.database.columns import to_json
from app.errors import Forbidden, InvalidInput, NotAuthenticated, PlacardError
from app.library.core.callers import Person
from app.library.datadog.schemas import (
    EXPERIENCE_TYPES,
    ErrorsSchema,
    ExperiencePathSchema,
    FavoritePathSchema,
    SearchParametersSchema,
    WidgetAnswerSchema,
    WidgetListSchema,
    WidgetPathSchema,
    WidgetRequestSchema,
)
from app.library.datadog.search import SearchFilter, SearchPage
from app.library.datadog.store import SavedWidget, SavedWidgetDraft, SavedWidgets
from app.library.http.authentication import caller
from app.library.http.context import library
from app.library.http.operation import Loaded, Operations
from app.library.http.response import json_response
from app.library.http.rows import WrittenRows, searching
from app.openapi.operation import Answer, Body
from templates_schemas.text import host_time

blueprint = Blueprint("datadog_api", __name__)
operations = Operations(blueprint)

READ: Final = (
    "cloud_cost_management_read",
    "generate_log_reports",
    "manage_log_reports",
    "product_analytics_saved_widgets_read",
)
WRITE: Final = (
    "cloud_cost_management_write",
    "generate_log_reports",
    "manage_log_reports",
    "product_analytics_saved_widgets_write",
)
WIDGETS: Final = "/api/v2/widgets/{experience_type}"
WIDGET: Final = f"{WIDGETS}/{{uuid}}"
FAVORITE: Final = "/api/v2/favorites/widgets/{uuid}"
ERRORS: Final = {
    400: Answer("The request is wrong; each error says where", Body(ErrorsSchema)),
    403: Answer("The token is missing, not valid, or has none of the scopes", Body(ErrorsSchema)),
    408: Answer("The body did not arrive in time", Body(ErrorsSchema)),
    413: Answer("The body is too large", Body(ErrorsSchema)),
    429: Answer("The token has no request left in this minute", Body(ErrorsSchema)),
    500: Answer("A fault of the service", Body(ErrorsSchema)),
    503: Answer("The database does not answer", Body(ErrorsSchema)),
    507: Answer("The database's disk is full", Body(ErrorsSchema)),
}
ERRORS_OF_ONE: Final = ERRORS | {404: Answer("There is no such widget", Body(ErrorsSchema))}


@blueprint.before_request
def check_api_key() -> None:
    """Refuse a `DD-API-KEY` that is not ours, where a setting says what ours is."""
    keys = library().settings.library_api_keys
    given = request.headers.get("DD-API-KEY", "").encode("utf-8", "replace")
    if keys and not any(hmac.compare_digest(key.encode(), given) for key in keys):
        raise NotAuthenticated("wrong_api_key")


@blueprint.before_request
def check_experience() -> None:
    """Refuse an experience type that the token is not for, whatever is asked of it."""
    experience = (request.view_args or {}).get("experience_type")
    if experience in EXPERIENCE_TYPES:
        caller().require_experience(experience)


@operations.add(
    "get",
    WIDGETS,
    {200: Answer("A page of the widgets that match", Body(WidgetListSchema))} | ERRORS,
    scopes=READ,
    parameters=ExperiencePathSchema,
    query=SearchParametersSchema,
)
def search_widgets(path: Loaded, query: dict[str, Any]) -> Response:
    """Search widgets.

    A page of more than 16 MiB ends at a whole widget: ask for smaller pages.
    """
    sort, number, size = query.pop("sort"), query.pop("number"), query.pop("size")
    page = SearchPage(sort.removeprefix("-"), sort.startswith("-"), number, size)
    kind, wanted = path["experience_type"], SearchFilter(**query)
    people: list[tuple[Person, Person]] = []
    with searching(), widgets().search(caller(), kind, wanted, page) as found:
        rows = WrittenRows(_written(found.widgets, people))
        rest = {
            "included": included(chain.from_iterable(people[: rows.count])),
            "meta": {f"{name}_total": count for name, count in asdict(found.totals).items()},
        }
    return rows.response("data", rest)


def _written(
    found: Iterable[tuple[SavedWidget, str]], people: list[tuple[Person, Person]]
) -> Iterator[bytes]:
    """Write each widget, with its definition as it is, and note its people."""
    for widget, definition in found:
        people.append((widget.created_by, widget.modified_by))
        written = resource(widget)
        written["attributes"]["definition"] = _HOLE
        yield to_json(written).replace(to_json(_HOLE), definition, 1).encode()


# No text that is stored has this character.
_HOLE: Final = "\0"


@operations.add(
    "post",
    WIDGETS,
    {200: Answer("The new widget", Body(WidgetAnswerSchema))} | ERRORS,
    scopes=WRITE,
    parameters=ExperiencePathSchema,
    request=Body(WidgetRequestSchema),
)
def create_widget(path: Loaded, body: Loaded) -> dict[str, Any]:
    """Create a widget.

    The definition is stored and answered as it is, with keys that are not named here. A
    `cloud_cost_summary` also needs `graph_options`, a `geomap` also `style` and `view`.
    """
    return document(widgets().create(caller(), path["experience_type"], draft_of(body)))


@operations.add(
    "get",
    WIDGET,
    {200: Answer("The widget", Body(WidgetAnswerSchema))} | ERRORS_OF_ONE,
    scopes=READ,
    parameters=WidgetPathSchema,
)
def get_widget(path: Loaded) -> dict[str, Any]:
    """Get a widget."""
    return document(widgets().get(caller(), path["experience_type"], path["uuid"]))


@operations.add(
    "put",
    WIDGET,
    {200: Answer("The widget as it is now", Body(WidgetAnswerSchema))} | ERRORS_OF_ONE,
    scopes=WRITE,
    parameters=WidgetPathSchema,
    request=Body(WidgetRequestSchema),
)
def update_widget(path: Loaded, body: Loaded) -> dict[str, Any]:
    """Replace a widget's definition and tags.

    Tags that are left out are removed; the creator and the time of creation stay.
    """
    draft = draft_of(body)
    return document(widgets().replace(caller(), path["experience_type"], path["uuid"], draft))


@operations.add(
    "delete",
    WIDGET,
    {204: Answer("The widget is deleted")} | ERRORS_OF_ONE,
    scopes=WRITE,
    parameters=WidgetPathSchema,
)
def delete_widget(path: Loaded) -> None:
    """Delete a widget."""
    widgets().delete(caller(), path["experience_type"], path["uuid"])


@operations.add(
    "put",
    FAVORITE,
    {204: Answer("The widget is a favourite of yours")} | ERRORS_OF_ONE,
    scopes=READ,
    parameters=FavoritePathSchema,
)
def mark_favorite_widget(path: Loaded) -> None:
    """Add a widget to your favourites.

    Placard's own: Datadog has favourites in another service.
    """
    widgets().mark(caller(), path["uuid"])


@operations.add(
    "delete",
    FAVORITE,
    {204: Answer("The widget is not a favourite of yours")} | ERRORS_OF_ONE,
    scopes=READ,
    parameters=FavoritePathSchema,
)
def unmark_favorite_widget(path: Loaded) -> None:
    """Remove a widget from your favourites.

    Placard's own: Datadog has favourites in another service.
    """
    widgets().unmark(caller(), path["uuid"])


def widgets() -> SavedWidgets:
    """Return where saved widgets are stored."""
    return SavedWidgets(library().store)


def draft_of(body: Loaded) -> SavedWidgetDraft:
    """Return what a request gives of a widget."""
    attributes = body["data"]["attributes"]
    return SavedWidgetDraft(attributes["definition"], tuple(attributes["tags"]))


def document(widget: SavedWidget) -> dict[str, Any]:
    """Write a widget and the users that it names, as a document of JSON:API."""
    people = (widget.created_by, widget.modified_by)
    return {"data": resource(widget), "included": included(people)}


def resource(widget: SavedWidget) -> dict[str, Any]:
    """Write a widget as a resource of JSON:API."""
    return {
        "id": str(widget.id),
        "type": "widgets",
        "attributes": {
            "definition": widget.definition,
            "tags": list(widget.tags),
            "is_favorited": widget.is_favorited,
            "created_at": host_time(widget.created_at),
            "modified_at": host_time(widget.modified_at),
        },
        "relationships": {
            "created_by": {"data": {"id": str(widget.created_by.id), "type": "users"}},
            "modified_by": {"data": {"id": str(widget.modified_by.id), "type": "users"}},
        },
    }


def included(people: Iterable[Person]) -> list[dict[str, Any]]:
    """Write the users, each once."""
    return [
        {
            "id": str(person.id),
            "type": "users",
            "attributes": {"handle": person.handle, "name": person.name},
        }
        for person in dict.fromkeys(people)
    ]


def error_response(error: PlacardError) -> Response:
    """Write an error as Datadog does."""
    if isinstance(error, NotAuthenticated):
        return json_response({"errors": ["Forbidden"]}, Forbidden.status)
    others = error.others if isinstance(error, InvalidInput) else ()
    return json_response({"errors": [error.sentence, *others]}, error.status)
