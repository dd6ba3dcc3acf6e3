"""The Datadog dialect: `/api/v2/widgets/{experience_type}[/{uuid}]`.

Implements the section "Datadog saved widgets" of the library's contract, and Datadog's own page of
saved widgets. Its statuses are 400, 403, 404 and 429: who is unknown gets 403.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request
from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema

from app.library.callers import Person
from app.library.refusals import Malformed, NotAllowed, Refusal, Unidentified
from app.library.saved_widgets import SavedWidget, WidgetDraft
from app.web import library, service
from app.web.library.admission import application_key, caller
from app.web.library.body import BodySchema, checked, read_object
from app.web.library.dialects import Dialect, json_response
from templates_schemas.rules import Rule
from templates_schemas.text import host_time

blueprint = Blueprint("datadog_api", __name__)

EXPERIENCE_TYPES: Final = ("ccm_reports", "logs_reports", "csv_reports", "product_analytics")
WIDGET_TYPES: Final = (
    "bar_chart",
    "change",
    "cloud_cost_summary",
    "cohort",
    "funnel",
    "geomap",
    "list_stream",
    "query_table",
    "query_value",
    "retention_curve",
    "sankey",
    "sunburst",
    "timeseries",
    "toplist",
    "treemap",
)
BESIDES: Final[Mapping[str, Mapping[str, type]]] = {
    "cloud_cost_summary": {"graph_options": list},
    "geomap": {"style": dict, "view": dict},
}
LONGEST_TITLE: Final = 100
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
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class DefinitionSchema(BodySchema):
    """A widget's definition, as far as the library looks at it."""

    class Meta:
        unknown = INCLUDE

    title = fields.String(required=True, validate=validate.Length(1, LONGEST_TITLE))
    type = fields.String(required=True, validate=validate.OneOf(WIDGET_TYPES))
    requests = fields.List(fields.Raw(allow_none=True), required=True)

    @validates_schema
    def _check_what_is_needed_besides(self, data: Mapping[str, Any], **_: Any) -> None:
        wanted = BESIDES.get(data["type"], {})
        wrong = {
            name: Rule("required", f"is missing: a {data['type']} needs it")
            if name not in data
            else Rule("type", f"must be {'a list' if kind is list else 'an object'}")
            for name, kind in wanted.items()
            if not isinstance(data.get(name), kind)
        }
        if wrong:
            raise ValidationError({name: [rule] for name, rule in wrong.items()})


class AttributesSchema(BodySchema):
    """The attributes of a widget that is created or replaced."""

    definition = fields.Nested(DefinitionSchema, required=True)
    tags = fields.List(fields.String(), load_default=list)


class DataSchema(BodySchema):
    """A resource of JSON:API."""

    type = fields.String(required=True, validate=validate.Equal("widgets"))
    attributes = fields.Nested(AttributesSchema, required=True)


class WidgetRequestSchema(BodySchema):
    """The body of a request that creates or replaces a widget."""

    data = fields.Nested(DataSchema, required=True)


@blueprint.before_request
def check_api_key() -> None:
    """Refuse a `DD-API-KEY` that is not ours, where a setting says what ours is."""
    keys = service().settings.library_api_keys
    given = request.headers.get("DD-API-KEY", "").encode("utf-8", "replace")
    if keys and not any(hmac.compare_digest(key.encode(), given) for key in keys):
        raise Unidentified("wrong_api_key")


@blueprint.post("/api/v2/widgets/<experience_type>")
def create(experience_type: str) -> Response:
    """Keep a new widget."""
    check_experience_type(experience_type)
    caller().require_any(WRITE)
    draft = read_draft()
    return answer(library().saved_widgets.create(caller(), experience_type, draft))


@blueprint.get("/api/v2/widgets/<experience_type>/<widget_id>")
def show(experience_type: str, widget_id: str) -> Response:
    """Answer with one widget."""
    check_experience_type(experience_type)
    caller().require_any(READ)
    key = read_uuid(widget_id)
    return answer(library().saved_widgets.get(caller(), experience_type, key))


def check_experience_type(given: str) -> None:
    """Raise Malformed for an experience type that there is not."""
    if given not in EXPERIENCE_TYPES:
        raise Malformed(f"must be one of {', '.join(EXPERIENCE_TYPES)}", where="experience_type")


def read_uuid(given: str) -> UUID:
    """Read the id of a widget; raises Malformed."""
    if not _UUID.fullmatch(given):
        raise Malformed("is no uuid such as a1b2c3d4-e5f6-7890-abcd-ef1234567890", where="uuid")
    return UUID(given)


def read_draft() -> WidgetDraft:
    """Read what a request gives of a widget: its definition as it came, keys in their order."""
    body = read_object()
    loaded = checked(WidgetRequestSchema(), body)
    definition = body["data"]["attributes"]["definition"]
    return WidgetDraft(definition, tuple(loaded["data"]["attributes"]["tags"]))


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


DIALECT: Final = Dialect(
    blueprint=blueprint,
    paths=re.compile(r"/api/v2/"),
    credential=application_key,
    answer=refuse,
)
