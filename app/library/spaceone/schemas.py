"""The messages of SpaceONE's custom widgets, as JSON: requests and answers."""

from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from app.database.base import NAME_LENGTH
from app.library.http.schema import JsonList
from app.library.spaceone.query.limits import MOST_FIELDS
from app.library.spaceone.query_schemas import MessageSchema, QuerySchema, StatisticsQuerySchema
from templates_schemas.rules import Rule

LONGEST_WIDGET_NAME: Final = 40
LONGEST_VERSION: Final = 64


def _given(text: str) -> None:
    if not text:
        raise ValidationError(Rule("required", "is missing"))


def _line(longest: int) -> fields.String:
    length = validate.Length(max=longest)
    return fields.String(required=True, validate=[_given, length], metadata={"minLength": 1})


def _finite(document: Any) -> None:
    """Refuse numbers that a Struct, whose numbers are doubles, cannot hold."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, int):
            try:
                float(value)
            except OverflowError:
                raise ValidationError("has a number that is too large for a double") from None


class Struct(fields.Dict):
    """Any JSON object."""

    def __init__(self, **options: Any) -> None:
        super().__init__(keys=fields.String(), validate=_finite, **options)


class ListValue(fields.List[Any]):
    """Any JSON list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.Raw(allow_none=True), validate=_finite, **options)


class DomainSchema(MessageSchema):
    """The domain of a request."""

    domain_id = _line(NAME_LENGTH)


class CreateCustomWidgetRequest(DomainSchema):
    """A new widget."""

    widget_name = _line(LONGEST_WIDGET_NAME)
    title = _line(NAME_LENGTH)
    version = fields.String(validate=validate.Length(max=LONGEST_VERSION))
    options = Struct(required=True)
    settings = Struct()
    inherit_options = Struct()
    labels = ListValue()
    tags = Struct()


class CustomWidgetRequest(DomainSchema):
    """One widget."""

    custom_widget_id = _line(NAME_LENGTH)


class UpdateCustomWidgetRequest(CustomWidgetRequest):
    """The fields of a widget to change."""

    title = fields.String(validate=validate.Length(1, NAME_LENGTH))
    options = Struct()
    settings = Struct()
    inherit_options = Struct()
    labels = ListValue()
    tags = Struct()


class GetCustomWidgetRequest(CustomWidgetRequest):
    """One widget, or some of its fields."""

    only_ = JsonList(fields.String(), data_key="only", validate=validate.Length(max=MOST_FIELDS))


class CustomWidgetQuery(DomainSchema):
    """The widgets to list: those that equal the given fields and match the query."""

    query = fields.Nested(QuerySchema)
    custom_widget_id = fields.String()
    widget_name = fields.String()
    title = fields.String()
    user_id = fields.String()


class CustomWidgetStatQuery(DomainSchema):
    """The statistics to compute."""

    query = fields.Nested(StatisticsQuerySchema, required=True)


class CustomWidgetInfo(Schema):
    """A widget."""

    custom_widget_id = fields.String()
    widget_name = fields.String()
    title = fields.String()
    version = fields.String()
    options = Struct()
    settings = Struct()
    inherit_options = Struct()
    labels = ListValue()
    tags = Struct()
    user_id = fields.String()
    domain_id = fields.String()
    created_at = fields.String()
    updated_at = fields.String()


class CustomWidgetsInfo(Schema):
    """The widgets of a page, and the number of all that were found."""

    results = JsonList(fields.Nested(CustomWidgetInfo))
    total_count = fields.Integer()


class StatisticsInfo(Schema):
    """The results of statistics; `total_count` where the query has a page."""

    results = ListValue()
    total_count = fields.Integer()


class Empty(Schema):
    """An empty message."""


class ErrorDetailSchema(Schema):
    """The code and the message of an error."""

    code = fields.String()
    message = fields.String()


class ErrorSchema(Schema):
    """The envelope of errors."""

    detail = fields.Nested(ErrorDetailSchema)
