"""The schemas of the answers of the Azure DevOps dialect."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields

from app.library.azure_devops.schemas import (
    CamelCaseSchema,
    ExtraFieldsSchema,
    Guid,
    JsonInteger,
    PositionSchema,
    SettingsVersionSchema,
    SizeSchema,
)


class LinkSchema(CamelCaseSchema):
    """A link."""

    href = fields.String(required=True)


class LinksSchema(CamelCaseSchema):
    """The addresses of a resource, of its list (`group`) and of its dashboard."""

    own = fields.Nested(LinkSchema, data_key="self", required=True)
    group = fields.Nested(LinkSchema, required=True)
    dashboard = fields.Nested(LinkSchema)


class VersionSchema(CamelCaseSchema):
    """The version of a dashboard's list of widgets."""

    etag = fields.String(data_key="eTag", required=True)


class DashboardWidgetSchema(ExtraFieldsSchema):
    """A widget; only an answer of a single widget has `dashboard`."""

    id = Guid(required=True)
    etag = fields.String(data_key="eTag", required=True)
    name = fields.String(required=True)
    contribution_id = fields.String(required=True)
    position = fields.Nested(PositionSchema, required=True, allow_none=True)
    size = fields.Nested(SizeSchema, required=True, allow_none=True)
    settings = fields.String(required=True, allow_none=True)
    settings_version = fields.Nested(SettingsVersionSchema, required=True, allow_none=True)
    dashboard = fields.Nested(VersionSchema)
    url = fields.String(required=True)
    links = fields.Nested(LinksSchema, data_key="_links", required=True)


class DashboardWidgetListSchema(CamelCaseSchema):
    """The widgets of a dashboard; the header `ETag` has the version of the list."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(DashboardWidgetSchema), required=True)


class FoundWidgetSchema(CamelCaseSchema):
    """A widget that was found by its name, and where it is."""

    id = Guid(required=True)
    name = fields.String(required=True)
    contribution_id = fields.String(required=True)
    dashboard = fields.String(required=True, metadata={"description": "the name of its dashboard"})
    url = fields.String(required=True)


class FoundWidgetListSchema(CamelCaseSchema):
    """The widgets that were found, what was changed last first."""

    count = fields.Integer(required=True)
    value = fields.List(fields.Nested(FoundWidgetSchema), required=True)


class DashboardAnswerSchema(CamelCaseSchema):
    """A dashboard; only an answer of a single dashboard has `widgets`."""

    id = Guid(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    position = JsonInteger(required=True)
    refresh_interval = JsonInteger(least=0, required=True, allow_none=True)
    scope = fields.String(data_key="dashboardScope", required=True)
    group_id = Guid(required=True, metadata={"description": "the team; zeros without one"})
    owner_id = Guid(required=True, metadata={"description": "the team, or the user who created it"})
    etag = fields.String(data_key="eTag", required=True)
    modified_by = Guid(required=True)
    modified_date = fields.String(required=True)
    last_accessed_date = fields.String(
        required=True, metadata={"description": "when it was last changed: reads are not recorded"}
    )
    url = fields.String(required=True)
    links = fields.Nested(LinksSchema, data_key="_links", required=True)
    widgets = fields.List(fields.Nested(DashboardWidgetSchema))


class GroupLinksSchema(CamelCaseSchema):
    """The address of a list of dashboards."""

    own = fields.Nested(LinkSchema, data_key="self", required=True)


class GroupAnswerSchema(CamelCaseSchema):
    """All the dashboards of a project or team, as one resource."""

    entries = fields.List(
        fields.Nested(DashboardAnswerSchema), data_key="dashboardEntries", required=True
    )
    url = fields.String(required=True)
    links = fields.Nested(GroupLinksSchema, data_key="_links", required=True)


class DashboardListSchema(CamelCaseSchema):
    """The dashboards of a project or team, in their order; a group for versions below 6.0."""

    json_rules: ClassVar[Mapping[str, Any]] = {
        "oneOf": [
            {"required": ["count", "value"]},
            {"required": ["dashboardEntries", "url", "_links"]},
        ]
    }

    count = fields.Integer()
    value = fields.List(fields.Nested(DashboardAnswerSchema))
    entries = fields.List(fields.Nested(DashboardAnswerSchema), data_key="dashboardEntries")
    url = fields.String()
    links = fields.Nested(GroupLinksSchema, data_key="_links")


class ProjectAnswerSchema(CamelCaseSchema):
    """A project: its GUID and its name; where no name is known, the GUID again."""

    id = Guid(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True)
    state = fields.String(required=True)


class ListHeadersSchema(CamelCaseSchema):
    """The headers of an answer."""

    etag = fields.String(
        data_key="ETag", metadata={"description": "the version of the dashboard's list of widgets"}
    )


class AzureErrorSchema(CamelCaseSchema):
    """An error."""

    reference = fields.String(data_key="$id", required=True)
    inner_exception = fields.Raw(allow_none=True)
    message = fields.String(required=True)
    type_name = fields.String(required=True)
    type_key = fields.String(required=True)
    error_code = fields.Integer(required=True)
    event_id = fields.Integer(required=True)
