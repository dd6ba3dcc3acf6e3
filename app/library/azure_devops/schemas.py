"""The bodies of the Azure DevOps dialect. A null is nothing given, wherever PATCH may have it.

The rules besides those of `BodySchema`: `has_id` and `without_id` of a widget, and `too_many`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from app.errors import InvalidInput
from app.library.azure_devops.dashboard_store import MOST_DASHBOARDS
from app.library.azure_devops.records import DashboardDraft, DashboardEntry, DashboardWidgetDraft
from app.library.azure_devops.statements import MOST_WIDGETS
from app.library.azure_devops.versions import read_etag
from app.library.core.models import NAME_LENGTH
from app.library.http.body import BodySchema, JsonBoolean, load
from app.library.http.parameters import read_uuid
from templates_schemas.rules import Rule

LARGEST: Final = 2**31 - 1
Loaded = Mapping[str, Any]
# What the description shows of an eTag: those that we give. Others are stale.
ETAG_PATTERN: Final = '^([1-9][0-9]{0,8}|"[1-9][0-9]{0,8}")$'
# Of what is answered, and does nothing when it is sent back.
READ_ONLY: Final = {"readOnly": True}


class JsonInteger(fields.Integer):
    """A whole number of JSON, from `least` on: 1.0 is one, true and "1" are none."""

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
    """An id as it is answered; the other ways to write a UUID are none."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        found = read_uuid(value) if isinstance(value, str) else None
        if found is None:
            raise self.make_error("invalid_uuid")
        return found


class PositionSchema(BodySchema):
    """Where a widget is, counted from 1."""

    row = JsonInteger(allow_none=True)
    column = JsonInteger(allow_none=True)


class SizeSchema(BodySchema):
    """How many cells a widget takes."""

    row_span = JsonInteger(data_key="rowSpan", allow_none=True)
    column_span = JsonInteger(data_key="columnSpan", allow_none=True)


class SettingsVersionSchema(BodySchema):
    """The version of a widget's settings."""

    major = JsonInteger(least=0, allow_none=True)
    minor = JsonInteger(least=0, allow_none=True)
    patch = JsonInteger(least=0, allow_none=True)


class LightboxSchema(BodySchema):
    """How large a widget opens, in pixels."""

    width = JsonInteger(least=0, allow_none=True)
    height = JsonInteger(least=0, allow_none=True)
    resizable = JsonBoolean(allow_none=True)


class ExtraFieldsSchema(BodySchema):
    """What later versions of the API let a client give of a widget: kept, and answered as it is."""

    is_enabled = JsonBoolean(data_key="isEnabled", allow_none=True)
    content_uri = fields.String(data_key="contentUri", allow_none=True)
    loading_image_url = fields.String(data_key="loadingImageUrl", allow_none=True)
    artifact_id = fields.String(data_key="artifactId", allow_none=True)
    type_id = fields.String(data_key="typeId", allow_none=True)
    configuration_contribution_id = fields.String(
        data_key="configurationContributionId", allow_none=True
    )
    configuration_contribution_relative_id = fields.String(
        data_key="configurationContributionRelativeId", allow_none=True
    )
    is_name_configurable = JsonBoolean(data_key="isNameConfigurable", allow_none=True)
    are_settings_blocked_for_user = JsonBoolean(
        data_key="areSettingsBlockedForUser", allow_none=True
    )
    lightbox_options = fields.Nested(LightboxSchema, data_key="lightboxOptions", allow_none=True)
    allowed_sizes = fields.List(fields.Nested(SizeSchema), data_key="allowedSizes", allow_none=True)


class ParentSchema(BodySchema):
    """The dashboard of a widget, of which only the version is looked at."""

    etag = ETag(data_key="eTag", allow_none=True)


def _line(**options: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, NAME_LENGTH), **options)


class WidgetBodySchema(ExtraFieldsSchema):
    """What all writes of widgets share."""

    id = Guid(allow_none=True)
    etag = ETag(data_key="eTag", allow_none=True)
    name = _line(allow_none=True)
    contribution_id = _line(data_key="contributionId", allow_none=True)
    position = fields.Nested(PositionSchema, allow_none=True)
    size = fields.Nested(SizeSchema, allow_none=True)
    settings = fields.String(allow_none=True)
    settings_version = fields.Nested(
        SettingsVersionSchema, data_key="settingsVersion", allow_none=True
    )
    dashboard = fields.Nested(ParentSchema, allow_none=True)


class ListedWidgetSchema(WidgetBodySchema):
    """A widget of a list that is replaced: with an id it is kept, without one it is new."""

    name = _line(required=True)
    contribution_id = _line(data_key="contributionId", required=True)


class NewWidgetSchema(ListedWidgetSchema):
    """A widget that is created."""

    id = Guid(allow_none=True, metadata=READ_ONLY)

    @pre_load
    def _refuse_an_id(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and data.get("id") is not None:
            raise ValidationError(
                {"id": [Rule("has_id", "must be left out: a new widget is given its id")]}
            )
        return data


class ReplacedWidgetSchema(ListedWidgetSchema):
    """A widget that is replaced."""

    id = Guid(allow_none=True, metadata=READ_ONLY)
    etag = ETag(data_key="eTag", required=True)


class UpdatedWidgetSchema(WidgetBodySchema):
    """A widget that is changed."""

    id = Guid(allow_none=True, metadata=READ_ONLY)
    etag = ETag(data_key="eTag", required=True)


class ListedUpdateSchema(WidgetBodySchema):
    """A widget of those that are changed."""

    id = Guid(required=True)

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the rule of an id that is missing."""
        super().on_bind_field(field_name, field_obj)
        if field_name == "id":
            for kind in ("required", "null"):
                field_obj.error_messages[kind] = Rule("without_id", "is missing: which widget?")


class DashboardSchema(BodySchema):
    """A dashboard that is created or replaced."""

    id = Guid(allow_none=True, metadata=READ_ONLY)
    name = _line(required=True)
    description = fields.String(allow_none=True)
    position = JsonInteger(allow_none=True)
    refresh_interval = JsonInteger(least=0, data_key="refreshInterval", allow_none=True)
    etag = ETag(data_key="eTag", allow_none=True)
    widgets = fields.List(
        fields.Nested(ListedWidgetSchema),
        allow_none=True,
        validate=validate.Length(max=MOST_WIDGETS),
    )


class NewDashboardSchema(DashboardSchema):
    """A dashboard that is created."""

    widgets = fields.List(
        fields.Nested(NewWidgetSchema), allow_none=True, validate=validate.Length(max=MOST_WIDGETS)
    )

    @pre_load
    def _refuse_an_id(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and data.get("id") is not None:
            raise ValidationError(
                {"id": [Rule("dashboard_has_id", "must be left out: it is given one")]}
            )
        return data


class EntrySchema(BodySchema):
    """A dashboard of a team's, which is named or put elsewhere."""

    id = Guid(required=True)
    etag = ETag(data_key="eTag", allow_none=True)
    name = _line(allow_none=True)
    position = JsonInteger(allow_none=True)


class DashboardGroupSchema(BodySchema):
    """All the dashboards of a team: one that is left out is deleted."""

    entries = fields.List(
        fields.Nested(EntrySchema),
        data_key="dashboardEntries",
        required=True,
        validate=validate.Length(max=MOST_DASHBOARDS),
    )


_EXTRA_FIELDS: Final = ExtraFieldsSchema()


def widget_draft_of(body: Loaded, widget_id: UUID | None = None) -> DashboardWidgetDraft:
    """Return what a body gives of a widget; raises InvalidInput for an id of another."""
    if widget_id is not None and body.get("id") not in (None, widget_id):
        raise InvalidInput("is not that of the address", where="$.id")
    version = body.get("settings_version")
    return DashboardWidgetDraft(
        id=widget_id or body.get("id"),
        etag=body.get("etag"),
        name=body.get("name"),
        contribution_id=body.get("contribution_id"),
        settings=body.get("settings"),
        settings_version=None if version is None else _without_nulls(version),
        extra_fields=_extra_fields(body),
        **(body.get("position") or {}),
        **(body.get("size") or {}),
    )


def drafts_of(bodies: Sequence[Loaded]) -> list[DashboardWidgetDraft]:
    """Return what a list gives of its widgets; raises InvalidInput for an id that comes twice."""
    drafts = [widget_draft_of(body) for body in bodies]
    check_ids([draft.id for draft in drafts])
    return drafts


def load_widgets(schema: Schema, document: dict[str, Any] | list[Any]) -> list[Loaded]:
    """Load widgets, a list or `{"value": […]}`, with a schema of many; raises InvalidInput."""
    given = document.get("value") if isinstance(document, dict) else document
    if not isinstance(given, list):
        raise InvalidInput("must be a list of widgets", where="$.value", rule="type")
    if len(given) > MOST_WIDGETS:
        raise InvalidInput(f"A dashboard has at most {MOST_WIDGETS} widgets.", rule="too_many")
    loaded: list[Loaded] = load(schema, given)
    return loaded


def dashboard_draft_of(body: Loaded) -> DashboardDraft:
    """Return what a body gives of a dashboard."""
    widgets = body.get("widgets")
    return DashboardDraft(
        name=body["name"],
        description=body.get("description"),
        rank=body.get("position"),
        refresh_interval=body.get("refresh_interval"),
        widgets=None if widgets is None else tuple(drafts_of(widgets)),
    )


def entries_of(body: Loaded) -> list[DashboardEntry]:
    """Return what a body gives of the dashboards of a team."""
    entries = body["entries"]
    check_ids([entry["id"] for entry in entries])
    return [
        DashboardEntry(entry["id"], entry.get("etag"), entry.get("name"), entry.get("position"))
        for entry in entries
    ]


def check_ids(ids: Sequence[UUID | None]) -> None:
    """Raise InvalidInput for an id that comes twice: which one would count?"""
    given = [each for each in ids if each is not None]
    if len(set(given)) < len(given):
        twice = next(each for each in given if given.count(each) > 1)
        raise InvalidInput(f"the id {twice} is given twice", where="$")


def _extra_fields(body: Loaded) -> dict[str, Any]:
    given = {name: body[name] for name in _EXTRA_FIELDS.fields if name in body}
    dumped: dict[str, Any] = _EXTRA_FIELDS.dump(given)
    return dumped


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}
