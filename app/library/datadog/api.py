"""The Datadog dialect: `/api/v2/widgets/{experience_type}[/{uuid}]`.

Implements the section "Datadog saved widgets" of the library's contract, and Datadog's own page of
saved widgets. Its statuses are 400, 403, 404 and 429: who is unknown gets 403.
"""

import hmac
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request

from app.library.core.callers import Person
from app.library.core.errors import Malformed, NotAllowed, Refusal, Unidentified
from app.library.datadog.schemas import (
    ErrorsSchema,
    ExperienceSchema,
    FavoriteSchema,
    SearchSchema,
    WidgetAnswerSchema,
    WidgetListSchema,
    WidgetRequestSchema,
    WidgetSchema,
)
from app.library.datadog.search import Filter, Page
from app.library.datadog.store import SavedWidget, SavedWidgets, WidgetDraft
from app.library.http.authentication import caller
from app.library.http.body import checked, read_object
from app.library.http.context import library
from app.library.http.parameters import read_path, read_query
from app.library.http.response import json_response
from app.openapi.operation import Answer, Body, Operation
from templates_schemas.text import host_time

blueprint = Blueprint("datadog_api", __name__)

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


@blueprint.before_request
def check_api_key() -> None:
    """Refuse a `DD-API-KEY` that is not ours, where a setting says what ours is."""
    keys = library().settings.library_api_keys
    given = request.headers.get("DD-API-KEY", "").encode("utf-8", "replace")
    if keys and not any(hmac.compare_digest(key.encode(), given) for key in keys):
        raise Unidentified("wrong_api_key")


@blueprint.get("/api/v2/widgets/<experience_type>")
def search(**_: str) -> Response:
    """Answer with a page of the widgets that meet the filters."""
    caller().require_any(READ)
    path = read_path(ExperienceSchema())
    asked, page = read_search()
    found = widgets().search(caller(), path["experience_type"], asked, page)
    people = [person for each in found.widgets for person in (each.created_by, each.modified_by)]
    return json_response(
        {
            "data": [resource(widget) for widget in found.widgets],
            "included": included(people),
            "meta": {f"{name}_total": count for name, count in asdict(found.totals).items()},
        }
    )


@blueprint.post("/api/v2/widgets/<experience_type>")
def create(**_: str) -> Response:
    """Keep a new widget."""
    caller().require_any(WRITE)
    path = read_path(ExperienceSchema())
    return answer(widgets().create(caller(), path["experience_type"], read_draft()))


@blueprint.get("/api/v2/widgets/<experience_type>/<uuid>")
def show(**_: str) -> Response:
    """Answer with one widget."""
    caller().require_any(READ)
    return answer(widgets().get(caller(), *read_address()))


@blueprint.put("/api/v2/widgets/<experience_type>/<uuid>")
def replace(**_: str) -> Response:
    """Replace a widget's definition and tags."""
    caller().require_any(WRITE)
    address, draft = read_address(), read_draft()
    return answer(widgets().replace(caller(), *address, draft))


@blueprint.delete("/api/v2/widgets/<experience_type>/<uuid>")
def delete(**_: str) -> Response:
    """Delete a widget."""
    caller().require_any(WRITE)
    widgets().delete(caller(), *read_address())
    return Response(status=204)


@blueprint.put("/api/v2/favorites/widgets/<uuid>")
def mark(**_: str) -> Response:
    """Make a widget the caller's favourite."""
    caller().require_any(READ)
    widgets().mark(caller(), read_path(FavoriteSchema())["uuid"])
    return Response(status=204)


@blueprint.delete("/api/v2/favorites/widgets/<uuid>")
def unmark(**_: str) -> Response:
    """Let a widget be no favourite of the caller's."""
    caller().require_any(READ)
    widgets().unmark(caller(), read_path(FavoriteSchema())["uuid"])
    return Response(status=204)


def widgets() -> SavedWidgets:
    """Return where saved widgets are kept."""
    return SavedWidgets(library().store)


def read_address() -> tuple[str, UUID]:
    """Read where a widget is: its experience type and its id."""
    path = read_path(WidgetSchema())
    return path["experience_type"], path["uuid"]


def read_draft() -> WidgetDraft:
    """Read what a request gives of a widget: its definition as it came, keys in their order."""
    body = read_object()
    loaded = checked(WidgetRequestSchema(), body)
    definition = body["data"]["attributes"]["definition"]
    return WidgetDraft(definition, tuple(loaded["data"]["attributes"]["tags"]))


def read_search() -> tuple[Filter, Page]:
    """Read what is searched for, and which page of it."""
    given = read_query(SearchSchema())
    sort, number, size = given.pop("sort"), given.pop("number"), given.pop("size")
    return Filter(**given), Page(sort.removeprefix("-"), sort.startswith("-"), number, size)


def answer(widget: SavedWidget) -> Response:
    """Answer with a widget and the users that it names."""
    people = (widget.created_by, widget.modified_by)
    return json_response({"data": resource(widget), "included": included(people)})


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


def refuse(refusal: Refusal) -> Response:
    """Write a refusal as Datadog does."""
    status = NotAllowed.status if isinstance(refusal, Unidentified) else refusal.status
    sentence = "Forbidden" if isinstance(refusal, Unidentified) else refusal.sentence
    others = refusal.others if isinstance(refusal, Malformed) else ()
    return json_response({"errors": [sentence, *others]}, status)


REFUSED: Final = {
    400: Answer("What is wrong, and where", Body(ErrorsSchema)),
    403: Answer("No token, a false one, or one without any of the scopes", Body(ErrorsSchema)),
    413: Answer("The body is too large", Body(ErrorsSchema)),
    429: Answer("The token has no request left in this minute", Body(ErrorsSchema)),
    500: Answer("Our fault, or the database does not answer", Body(ErrorsSchema)),
}
MISSED: Final = REFUSED | {404: Answer("There is no such widget", Body(ErrorsSchema))}
WIDGETS: Final = "/api/v2/widgets/{experience_type}"
WIDGET: Final = f"{WIDGETS}/{{uuid}}"
FAVORITE: Final = "/api/v2/favorites/widgets/{uuid}"

OPERATIONS: Final = (
    Operation(
        id="search_widgets",
        method="get",
        path=WIDGETS,
        summary="Search widgets",
        answers={200: Answer("A page of what was found", Body(WidgetListSchema))} | REFUSED,
        scopes=READ,
        parameters=ExperienceSchema,
        query=SearchSchema,
    ),
    Operation(
        id="create_widget",
        method="post",
        path=WIDGETS,
        summary="Create a widget",
        answers={200: Answer("The new widget", Body(WidgetAnswerSchema))} | REFUSED,
        scopes=WRITE,
        parameters=ExperienceSchema,
        request=Body(WidgetRequestSchema),
        description=(
            "The definition is kept and answered as it is, keys that are not named here too. A "
            "`cloud_cost_summary` needs `graph_options` besides, a `geomap` `style` and `view`."
        ),
    ),
    Operation(
        id="get_widget",
        method="get",
        path=WIDGET,
        summary="Get a widget",
        answers={200: Answer("The widget", Body(WidgetAnswerSchema))} | MISSED,
        scopes=READ,
        parameters=WidgetSchema,
    ),
    Operation(
        id="update_widget",
        method="put",
        path=WIDGET,
        summary="Replace a widget's definition and tags",
        answers={200: Answer("The widget as it is now", Body(WidgetAnswerSchema))} | MISSED,
        scopes=WRITE,
        parameters=WidgetSchema,
        request=Body(WidgetRequestSchema),
        description="Tags that are left out are gone; the creator and the time of creation stay.",
    ),
    Operation(
        id="delete_widget",
        method="delete",
        path=WIDGET,
        summary="Delete a widget",
        answers={204: Answer("It is gone")} | MISSED,
        scopes=WRITE,
        parameters=WidgetSchema,
    ),
    Operation(
        id="mark_favorite_widget",
        method="put",
        path=FAVORITE,
        summary="Make a widget a favourite of yours",
        answers={204: Answer("It is one now, or was already")} | MISSED,
        scopes=READ,
        parameters=FavoriteSchema,
        description="Placard's own: Datadog has favourites in another service.",
    ),
    Operation(
        id="unmark_favorite_widget",
        method="delete",
        path=FAVORITE,
        summary="Let a widget be no favourite of yours",
        answers={204: Answer("It is none now, or was none")} | MISSED,
        scopes=READ,
        parameters=FavoriteSchema,
        description="Placard's own: Datadog has favourites in another service.",
    ),
)
