"""The bodies of the Azure DevOps dialect. A null counts as not given, wherever PATCH may have it.

It has more rules than `BodySchema`: `has_id` and `without_id` of a widget, and `too_many`.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from app.database.base import NAME_LENGTH
from app.errors import InvalidInput
from app.library.azure_devops.dashboard_store import MOST_DASHBOARDS
from app.library.azure_devops.formats import SCOPES
from app.library.azure_devops.statements import MOST_WIDGETS
from app.library.azure_devops.versions import read_etag
from app.library.http.parameters import read_uuid
from app.library.http.schema import BodySchema, JsonBoolean, JsonList
from templates_schemas.rules import Rule

LARGEST: Final = 2**31 - 1
Loaded = Mapping[str, Any]
# What the description shows of an eTag: those that we give. Others are stale.
ETAG_PATTERN: Final = '^([1-9][0-9]{0,8}|"[1-9][0-9]{0,8}")$'
# Of what is answered, and does nothing when it is sent back.
READ_ONLY: Final = {"readOnly": True}


class JsonInteger(fields.Integer):
    """An integer of JSON, from `least` on: 1.0 is accepted, true and "1" are not."""

    def __init__(self, least: int = 1, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(least, LARGEST), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class ETag(fields.String):
    """A version that must be the current one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": ETAG_PATTERN}, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            return read_etag(text, where="")
        except InvalidInput as wrong:
            raise ValidationError(Rule("invalid", wrong.sentence)) from None


class Guid(fields.UUID):
    """An id as it is answered; other ways to write a UUID are refused."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        found = read_uuid(value) if isinstance(value, str) else None
        if found is None:
            raise self.make_error("invalid_uuid")
        return found


class CamelCaseSchema(Schema):
    """Names fields as Azure DevOps does, unless they have a `data_key`: `row_span` is `rowSpan`."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        if field_obj.data_key is None:
            first, *rest = field_name.split("_")
            field_obj.data_key = first + "".join(map(str.title, rest))


class CamelCaseBody(CamelCaseSchema, BodySchema):
    """What all bodies of the dialect share."""


class PositionSchema(CamelCaseBody):
    """The position of a widget, counted from 1."""

    row = JsonInteger(allow_none=True)
    column = JsonInteger(allow_none=True)


class SizeSchema(CamelCaseBody):
    """The size of a widget, in cells."""

    row_span = JsonInteger(allow_none=True)
    column_span = JsonInteger(allow_none=True)


class SettingsVersionSchema(CamelCaseBody):
    """The version of a widget's settings."""

    major = JsonInteger(least=0, allow_none=True)
    minor = JsonInteger(least=0, allow_none=True)
    patch = JsonInteger(least=0, allow_none=True)


class LightboxSchema(CamelCaseBody):
    """The size of an opened widget, in pixels."""

    width = JsonInteger(least=0, allow_none=True)
    height = JsonInteger(least=0, allow_none=True)
    resizable = JsonBoolean(allow_none=True)


class ExtraFieldsSchema(CamelCaseBody):
    """Fields of a widget in later versions of the API: stored, and answered as they are."""

    is_enabled = JsonBoolean(allow_none=True)
    content_uri = fields.String(allow_none=True)
    loading_image_url = fields.String(allow_none=True)
    artifact_id = fields.String(allow_none=True)
    type_id = fields.String(allow_none=True)
    configuration_contribution_id = fields.String(allow_none=True)
    configuration_contribution_relative_id = fields.String(allow_none=True)
    is_name_configurable = JsonBoolean(allow_none=True)
    are_settings_blocked_for_user = JsonBoolean(allow_none=True)
    lightbox_options = fields.Nested(LightboxSchema, allow_none=True)
    allowed_sizes = JsonList(fields.Nested(SizeSchema), allow_none=True)


class ParentSchema(CamelCaseBody):
    """The dashboard of a widget; only its version is read."""

    etag = ETag(data_key="eTag", allow_none=True)


def _line(**options: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, NAME_LENGTH), **options)


def _without_id(data: Any, rule: Rule) -> Any:
    if isinstance(data, dict) and data.get("id") is not None:
        raise ValidationError({"id": [rule]})
    return data


class WidgetBodySchema(ExtraFieldsSchema):
    """What all writes of widgets share."""

    id = Guid(allow_none=True)
    etag = ETag(data_key="eTag", allow_none=True)
    name = _line(allow_none=True)
    contribution_id = _line(allow_none=True)
    position = fields.Nested(PositionSchema, allow_none=True)
    size = fields.Nested(SizeSchema, allow_none=True)
    settings = fields.String(allow_none=True)
    settings_version = fields.Nested(SettingsVersionSchema, allow_none=True)
    dashboard = fields.Nested(ParentSchema, allow_none=True)


class ListedWidgetSchema(WidgetBodySchema):
    """A widget of a list that is replaced: with an id it is kept, without one it is new."""

    name = _line(required=True)
    contribution_id = _line(required=True)


class NewWidgetSchema(ListedWidgetSchema):
    """A widget that is created."""

    id = Guid(allow_none=True, metadata=READ_ONLY)

    @pre_load
    def _refuse_an_id(self, data: Any, **_: Any) -> Any:
        return _without_id(data, Rule("has_id", "must be left out: a new widget is given its id"))


class ReplacedWidgetSchema(ListedWidgetSchema):
    """A widget that is replaced."""

    id = Guid(allow_none=True, metadata=READ_ONLY)
    etag = ETag(data_key="eTag", required=True)


class UpdatedWidgetSchema(WidgetBodySchema):
    """A widget that is changed."""

    id = Guid(allow_none=True, metadata=READ_ONLY)
    etag = ETag(data_key="eTag", required=True)


class ListedUpdateSchema(WidgetBodySchema):
    """A widget in a list of changes."""

    id = Guid(required=True)

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the rule of an id that is missing."""
        super().on_bind_field(field_name, field_obj)
        if field_name == "id":
            for kind in ("required", "null"):
                field_obj.error_messages[kind] = Rule("without_id", "is missing: which widget?")


_KNOWN_SCOPES: Final = (
    {"type": "string", "enum": [*SCOPES]},
    {"type": "integer", "enum": [*range(len(SCOPES))]},
    {"type": "null"},
)


class Scope(fields.Raw):
    """Whose a dashboard is, as a word or its number; what counts is the address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(data_key="dashboardScope", metadata={"anyOf": _KNOWN_SCOPES}, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(SCOPES):
            return SCOPES[value]
        if not isinstance(value, str):
            raise ValidationError(Rule("type", f"must be one of {', '.join(SCOPES)}"))
        found = next((scope for scope in SCOPES if scope.lower() == value.lower()), None)
        if found is None:
            raise ValidationError(f"must be one of {', '.join(SCOPES)}")
        return found


class DashboardSchema(CamelCaseBody):
    """A dashboard that is created or replaced."""

    id = Guid(allow_none=True, metadata=READ_ONLY)
    name = _line(required=True)
    description = fields.String(allow_none=True)
    position = JsonInteger(allow_none=True)
    refresh_interval = JsonInteger(least=0, allow_none=True)
    scope = Scope(allow_none=True)
    etag = ETag(data_key="eTag", allow_none=True)
    widgets = JsonList(
        fields.Nested(ListedWidgetSchema),
        allow_none=True,
        validate=validate.Length(max=MOST_WIDGETS),
    )


class NewDashboardSchema(DashboardSchema):
    """A dashboard that is created."""

    widgets = JsonList(
        fields.Nested(NewWidgetSchema), allow_none=True, validate=validate.Length(max=MOST_WIDGETS)
    )

    @pre_load
    def _refuse_an_id(self, data: Any, **_: Any) -> Any:
        return _without_id(data, Rule("dashboard_has_id", "must be left out: it is given one"))


class ReplacedDashboardSchema(DashboardSchema):
    """A dashboard that is replaced; without a name it keeps the one it has."""

    name = _line(allow_none=True)


class EntrySchema(CamelCaseBody):
    """A dashboard of a team, with a new name or a new position."""

    id = Guid(required=True)
    scope = Scope(allow_none=True)
    etag = ETag(data_key="eTag", allow_none=True)
    name = _line(allow_none=True)
    position = JsonInteger(allow_none=True)


class DashboardGroupSchema(CamelCaseBody):
    """All the dashboards of a team: one that is left out is deleted."""

    entries = JsonList(
        fields.Nested(EntrySchema),
        data_key="dashboardEntries",
        required=True,
        validate=validate.Length(max=MOST_DASHBOARDS),
        metadata={"uniqueItems": True, "description": "Each id once."},
    )
