"""SpaceONE's query language as JSON: what a condition, a sort, a page and a stage look like.

Named after SpaceONE's protocol. As in protobuf's JSON, null is what is not given.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema
from marshmallow.fields import Field

from app.library.http.schema import BodySchema, JsonBoolean, JsonList
from app.library.spaceone.query.limits import LARGEST_NUMBER, MOST_FIELDS
from templates_schemas.rules import Rule

LONGEST_TEXT: Final = 255
INTEGER_PATTERN: Final = r"^[0-9]{1,10}(\.0{1,10})?([eE]\+?[0-9]{1,2})?$"
STAGES: Final = ("unwind", "group", "count", "sort", "project", "limit", "skip")


class MessageSchema(BodySchema):
    """A message: what is required is missing where it is null or an empty text, too."""

    # marshmallow declares it as an instance's own.
    error_messages: dict[str, str] = {"type": Rule("type", "must be an object")}  # noqa: RUF012

    def on_bind_field(self, field_name: str, field_obj: Field[Any]) -> None:
        """Take null for what is not given, and refuse by SpaceONE's rules."""
        super().on_bind_field(field_name, field_obj)
        if isinstance(field_obj, JsonList):
            super().on_bind_field(field_name, field_obj.inner)
        if field_obj.required:
            field_obj.error_messages["null"] = Rule("required", "is missing")
        else:
            field_obj.allow_none = True


class Number(fields.Integer):
    """A whole number as protobuf's JSON has it, from `least` on: 1, 1.0, "1", "1e0"."""

    def __init__(self, least: int) -> None:
        super().__init__(
            strict=True,
            validate=validate.Range(least, LARGEST_NUMBER),
            metadata={"type": ["integer", "string"], "pattern": INTEGER_PATTERN},
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and re.fullmatch(INTEGER_PATTERN, value, re.ASCII):
            value = float(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class FilterSchema(MessageSchema):
    """A condition; each of its keys has a short and a long name."""

    k = fields.String()
    key = fields.String()
    v = fields.Raw()
    value = fields.Raw()
    o = fields.String()
    operator = fields.String()


class SortKeySchema(MessageSchema):
    """A key to sort by."""

    key = fields.String()
    desc = JsonBoolean()


class SortSchema(SortKeySchema):
    """One key to sort by, or several."""

    keys = JsonList(fields.Nested(SortKeySchema))


class SortField(fields.Nested):
    """A sort, or a list of its keys, as SpaceONE's own console sends it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(SortSchema, **options)

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        given = {"keys": value} if isinstance(value, list) else value
        return super()._deserialize(given, *args, **options)


class PageSchema(MessageSchema):
    """One page: `start` is the number of its first row, from 1."""

    start = Number(0)
    limit = Number(0)


class SearchFieldsSchema(MessageSchema):
    """The fields that both kinds of query have."""

    filter = JsonList(fields.Nested(FilterSchema))
    filter_or = JsonList(fields.Nested(FilterSchema))
    page = fields.Nested(PageSchema)
    keyword = fields.String(validate=validate.Length(max=LONGEST_TEXT))


class UnwindSchema(MessageSchema):
    """The stage `unwind`."""

    path = fields.String()


class ListUnwindSchema(UnwindSchema):
    """What `list` unwinds: a row for each element, if it meets the conditions."""

    filter = JsonList(fields.Nested(FilterSchema), validate=validate.Length(max=MOST_FIELDS))


class QuerySchema(SearchFieldsSchema):
    """A query of `list`."""

    sort = SortField()
    minimal = JsonBoolean()
    count_only = JsonBoolean()
    only_ = JsonList(fields.String(), data_key="only", validate=validate.Length(max=MOST_FIELDS))
    unwind = fields.Nested(ListUnwindSchema)


class NamedSchema(MessageSchema):
    """A key, and the name of its value."""

    k = fields.String()
    key = fields.String()
    n = fields.String()
    name = fields.String()


class GroupKeySchema(NamedSchema):
    """A key that rows are grouped by."""

    date_format = fields.String(validate=validate.Length(max=LONGEST_TEXT))


class GroupFieldSchema(NamedSchema):
    """A value of a group."""

    o = fields.String()
    operator = fields.String()
    fields_ = JsonList(
        fields.Nested(NamedSchema), data_key="fields", validate=validate.Length(max=MOST_FIELDS)
    )
    conditions = JsonList(fields.Nested(FilterSchema), validate=validate.Length(max=MOST_FIELDS))


class GroupSchema(MessageSchema):
    """The stage `group`."""

    keys = JsonList(fields.Nested(GroupKeySchema), validate=validate.Length(max=MOST_FIELDS))
    fields_ = JsonList(
        fields.Nested(GroupFieldSchema),
        data_key="fields",
        validate=validate.Length(max=MOST_FIELDS),
    )


class CountSchema(MessageSchema):
    """The stage `count`."""

    name = fields.String()


class ProjectFieldSchema(NamedSchema):
    """A field of the stage `project`; its operator is `size` or none."""

    o = fields.String()
    operator = fields.String()


class ProjectSchema(MessageSchema):
    """The stage `project`."""

    fields_ = JsonList(
        fields.Nested(ProjectFieldSchema),
        data_key="fields",
        validate=validate.Length(max=MOST_FIELDS),
    )
    exclude_keys = JsonBoolean()


class StageSchema(MessageSchema):
    """A stage of an aggregate: one of these."""

    class Meta:
        unknown = INCLUDE

    unwind = fields.Nested(UnwindSchema)
    group = fields.Nested(GroupSchema)
    count = fields.Nested(CountSchema)
    sort = SortField()
    project = fields.Nested(ProjectSchema)
    limit = Number(1)
    skip = Number(0)

    @validates_schema
    def _check_that_it_is_one(self, data: Mapping[str, Any], **_: Any) -> None:
        given = [name for name, value in data.items() if value is not None]
        stages = ", ".join(STAGES)
        if len(given) != 1:
            fault = f"has {' and '.join(given) or 'nothing'}: a stage is one of {stages}"
            raise ValidationError(Rule("query", fault))
        if given[0] not in STAGES:
            raise ValidationError(
                {given[0]: [Rule("query", f"is not a stage: there are {stages}")]}
            )


class StatisticsQuerySchema(SearchFieldsSchema):
    """A query of `stat`: stages, or one key."""

    aggregate = JsonList(fields.Nested(StageSchema))
    distinct = fields.String()

    @validates_schema
    def _check_that_it_asks(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data.get("aggregate") and not data.get("distinct"):
            rule = Rule("required", "is missing: give stages, or distinct")
            raise ValidationError({"aggregate": [rule]})
        if data.get("aggregate") and data.get("distinct"):
            rule = Rule("query", "is given beside aggregate: give one of them")
            raise ValidationError({"distinct": [rule]})
