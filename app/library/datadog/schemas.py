"""The schemas of the Datadog dialect: of bodies, queries and answers.

Implements the tables of Datadog's own page of saved widgets.
"""

import csv
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import (
    INCLUDE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from app.connectors.datadog import EXPERIENCES, TYPES
from app.library.http.parameters import (
    BooleanParameter,
    IntegerParameter,
    ParametersSchema,
    TextParameter,
    UuidParameter,
)
from app.library.http.schema import BodySchema, JsonList
from templates_schemas.fields import HostTime
from templates_schemas.rules import Rule

EXPERIENCE_TYPES: Final = tuple(EXPERIENCES)
WIDGET_TYPES: Final = tuple(sorted(TYPES))
REQUIRED_BY_TYPE: Final[Mapping[str, Mapping[str, type]]] = {
    "cloud_cost_summary": {"graph_options": list},
    "geomap": {"style": dict, "view": dict},
}
SORTS: Final = (
    "title",
    "-title",
    "created_at",
    "-created_at",
    "modified_at",
    "-modified_at",
    "is_favorited",
    "-is_favorited",
)
LONGEST_TITLE: Final = 100
LARGEST_PAGE: Final = 100
USUAL_PAGE: Final = 50
LAST_PAGE: Final = 10**9
_TAG: Final = r'("([^"\u0000]|"")*"|([^",\r\n\u0000][^,\r\n\u0000]*)?)'


class DefinitionSchema(BodySchema):
    """A widget's definition: the keys that the library reads."""

    class Meta:
        unknown = INCLUDE

    title = fields.String(required=True, validate=validate.Length(1, LONGEST_TITLE))
    type = fields.String(required=True, validate=validate.OneOf(WIDGET_TYPES))
    requests = JsonList(fields.Raw(allow_none=True), required=True)

    @post_load(pass_original=True)
    def _as_given(self, _: Any, original: Mapping[str, Any], **__: Any) -> Mapping[str, Any]:
        """Keep the definition as it came, its keys in their order."""
        return original

    json_rules: ClassVar[Mapping[str, Any]] = {
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}},
                "then": {
                    "required": list(wanted),
                    "properties": {
                        name: {"type": "array" if is_list is list else "object"}
                        for name, is_list in wanted.items()
                    },
                },
            }
            for kind, wanted in REQUIRED_BY_TYPE.items()
        ]
    }

    @validates_schema
    def _check_fields_of_its_type(self, data: Mapping[str, Any], **_: Any) -> None:
        wanted = REQUIRED_BY_TYPE.get(data["type"], {})
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
    tags = JsonList(fields.String(), load_default=list, allow_none=True)

    @post_load
    def _null_is_no_tag(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"tags": data["tags"] or []}


class DataSchema(BodySchema):
    """A resource of JSON:API."""

    type = fields.String(required=True, validate=validate.Equal("widgets"))
    attributes = fields.Nested(AttributesSchema, required=True)


class WidgetRequestSchema(BodySchema):
    """The body of a request that creates or replaces a widget."""

    data = fields.Nested(DataSchema, required=True)


class TagList(TextParameter):
    """Tags in brackets, with commas between: `[team:a,b]`. What has a comma stands in quotes.

    It is read as CSV is: a quote within quotes is doubled, and blanks are a part of the tag. `[]`
    has no tag, `[""]` the empty one.
    """

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        given: str = super()._deserialize(value, attr, data, **kwargs)
        if len(given) < 2 or given[0] != "[" or given[-1] != "]":
            raise ValidationError("must be in brackets, such as [tag1,tag2]")
        try:
            rows = list(csv.reader([given[1:-1]], strict=True))
        except csv.Error:
            raise ValidationError('is not CSV; a tag with a comma or a quote: ["a,b"]') from None
        return tuple(tag for row in rows for tag in row)


class ExperiencePathSchema(Schema):
    """The parameters of an address of an experience type."""

    experience_type = fields.String(
        required=True,
        validate=validate.OneOf(EXPERIENCE_TYPES, error="must be one of {choices}"),
    )


class FavoritePathSchema(Schema):
    """The parameters of an address of a favourite."""

    uuid = UuidParameter(required=True)


class WidgetPathSchema(ExperiencePathSchema, FavoritePathSchema):
    """The parameters of a widget's own address."""


class SearchParametersSchema(ParametersSchema):
    """The query of a search."""

    title = TextParameter(
        data_key="filter[title]", metadata={"description": "A part of the title, in any case."}
    )
    tags = TagList(
        data_key="filter[tags]",
        load_default=tuple,
        metadata={
            "description": "Tags that a widget must have, all of them: `[tag1,tag2]`.",
            "pattern": rf"^\[({_TAG}(,{_TAG})*)?\]$",
        },
    )
    creator_handle = TextParameter(data_key="filter[creatorHandle]")
    widget_type = fields.String(
        data_key="filter[widgetType]", validate=validate.OneOf(WIDGET_TYPES)
    )
    is_favorited = BooleanParameter(data_key="filter[isFavorited]")
    sort = fields.String(
        load_default="created_at",
        validate=validate.OneOf(SORTS),
        metadata={
            "description": "The key to sort by, and then the id; favourites always come first."
        },
    )
    number = IntegerParameter(0, LAST_PAGE, data_key="page[number]", load_default=0)
    size = IntegerParameter(1, LARGEST_PAGE, data_key="page[size]", load_default=USUAL_PAGE)


class KeptDefinitionSchema(DefinitionSchema):
    """A widget's definition as it was given, with all its keys."""


class KeptAttributesSchema(Schema):
    """The attributes of a widget."""

    definition = fields.Nested(KeptDefinitionSchema, required=True)
    tags = JsonList(fields.String(), required=True)
    is_favorited = fields.Boolean(required=True)
    created_at = HostTime(required=True)
    modified_at = HostTime(required=True)


class UserReferenceSchema(Schema):
    """A user, by the id."""

    id = fields.UUID(required=True)
    type = fields.String(required=True, validate=validate.Equal("users"))


class UserRelationSchema(Schema):
    """The user of a relationship."""

    data = fields.Nested(UserReferenceSchema, required=True)


class RelationshipsSchema(Schema):
    """The users who created and modified a widget."""

    created_by = fields.Nested(UserRelationSchema, required=True)
    modified_by = fields.Nested(UserRelationSchema, required=True)


class ResourceSchema(Schema):
    """A widget, as a resource of JSON:API."""

    id = fields.UUID(required=True)
    type = fields.String(required=True, validate=validate.Equal("widgets"))
    attributes = fields.Nested(KeptAttributesSchema, required=True)
    relationships = fields.Nested(RelationshipsSchema, required=True)


class UserAttributesSchema(Schema):
    """A user's handle and name."""

    handle = fields.String(required=True)
    name = fields.String(required=True)


class UserSchema(UserReferenceSchema):
    """A user that a widget names."""

    attributes = fields.Nested(UserAttributesSchema, required=True)


class WidgetAnswerSchema(Schema):
    """One widget, and the users that it names."""

    data = fields.Nested(ResourceSchema, required=True)
    included = JsonList(fields.Nested(UserSchema), required=True)


class TotalsSchema(Schema):
    """The numbers of widgets: `created_by_anyone_total` of all, the others of those that match."""

    filtered_total = fields.Integer(required=True)
    created_by_you_total = fields.Integer(required=True)
    favorited_by_you_total = fields.Integer(required=True)
    created_by_anyone_total = fields.Integer(required=True)


class WidgetListSchema(Schema):
    """A page of widgets, and the users that they name, each once."""

    data = JsonList(fields.Nested(ResourceSchema), required=True)
    included = JsonList(fields.Nested(UserSchema), required=True)
    meta = fields.Nested(TotalsSchema, required=True)


class ErrorsSchema(Schema):
    """The errors of a request, each with its place in the request."""

    errors = JsonList(fields.String(), required=True, validate=validate.Length(min=1))
