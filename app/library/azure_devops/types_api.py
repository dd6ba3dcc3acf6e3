"""Types of widgets: those of which there are widgets, since this library has no extensions."""

from collections.abc import Sequence
from typing import Any

from flask import request
from marshmallow import fields

from app.connectors.azure_devops.widgets import kind_of
from app.database.columns import folded
from app.errors import InvalidInput, NotFound
from app.library.azure_devops.addresses import url_of
from app.library.azure_devops.answer_schemas import GroupLinksSchema
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.formats import OF_WIDGET
from app.library.azure_devops.operations import READ, WIDGET_TYPE, WIDGET_TYPES, operation
from app.library.azure_devops.records import TeamContext, WidgetTypeKey
from app.library.azure_devops.schemas import CamelCaseSchema, SizeSchema
from app.library.http.authentication import caller
from app.library.http.context import library


class WidgetTypeSchema(CamelCaseSchema):
    """A type of widget, by its contribution."""

    contribution_id = fields.String(required=True)
    type_id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    publisher_name = fields.String(required=True)
    is_enabled = fields.Boolean(required=True)
    is_name_configurable = fields.Boolean(required=True)
    is_visible_from_catalog = fields.Boolean(required=True)
    configuration_required = fields.Boolean(required=True)
    analytics_service_required = fields.Boolean(required=True)
    allowed_sizes = fields.List(fields.Nested(SizeSchema), required=True)
    supported_scopes = fields.List(fields.String(), required=True)
    keywords = fields.List(fields.String(), required=True)
    tags = fields.List(fields.String(), required=True)
    targets = fields.List(fields.String(), required=True)


class WidgetTypeAnswerSchema(CamelCaseSchema):
    """One type of widget."""

    uri = fields.String(required=True)
    metadata = fields.Nested(WidgetTypeSchema, data_key="widgetMetadata", required=True)


class WidgetTypesAnswerSchema(CamelCaseSchema):
    """The types of widgets, by their names."""

    uri = fields.String(required=True)
    types = fields.List(fields.Nested(WidgetTypeSchema), data_key="widgetTypes", required=True)
    links = fields.Nested(GroupLinksSchema, data_key="_links", required=True)


@operation("get", WIDGET_TYPES, WidgetTypesAnswerSchema, scopes=READ)
def list_widget_types(context: TeamContext) -> dict[str, Any]:
    """List the types of widgets.

    They are those of the widgets on the dashboards that the address reaches: of a team, of a
    project and its teams, or of a whole collection where it names no project. A `$scope` may be
    named.
    """
    _check_scope(request.args.get("$scope"))
    url = _url(context)
    types = [_type(each) for each in _contributions(context)]
    types.sort(key=lambda each: (folded(each["name"]), each["contributionId"]))
    return {"uri": url, "widgetTypes": types, "_links": {"self": {"href": url}}}


@operation("get", WIDGET_TYPE, WidgetTypeAnswerSchema, scopes=READ)
def show_widget_type(contribution: WidgetTypeKey) -> dict[str, Any]:
    """Get a type of widget by its contribution, which is compared in any case."""
    context, wanted = contribution.context, folded(contribution.contribution_id)
    stored = next((each for each in _contributions(context) if folded(each) == wanted), None)
    if stored is None:
        named = contribution.contribution_id
        raise NotFound(sentence=f"There is no widget of the type {named} here.", resource="widget")
    return {"uri": _url(context, stored), "widgetMetadata": _type(stored)}


def _contributions(context: TeamContext) -> Sequence[str]:
    # One name is that of a project without a collection, or of a collection, which nobody sees
    # whole who is confined to places.
    is_collection = not (context.collection or context.team or caller().places)
    return Dashboards(library().store).contributions(context, or_collection=is_collection)


def _type(contribution: str) -> dict[str, Any]:
    publisher, _, _ = contribution.partition(".")
    return {
        "contributionId": contribution,
        "typeId": contribution.rpartition(".")[2],
        "name": kind_of(contribution),
        "description": None,
        "publisherName": publisher,
        "isEnabled": True,
        "isNameConfigurable": True,
        "isVisibleFromCatalog": True,
        "configurationRequired": False,
        "analyticsServiceRequired": False,
        "allowedSizes": [],
        "supportedScopes": list(OF_WIDGET),
        "keywords": [],
        "tags": [],
        "targets": [],
    }


def _check_scope(given: str | None) -> None:
    names = [*OF_WIDGET, *map(str, range(len(OF_WIDGET)))]
    if given is not None and folded(given) not in map(folded, names):
        raise InvalidInput(f"must be one of {', '.join(OF_WIDGET)}", where="$scope")


def _url(context: TeamContext, *contribution: str) -> str:
    rest = "/".join(["_apis/dashboard/widgettypes", *contribution])
    return url_of(context.collection, context.project, context.team, rest)
